package otlp_test

import (
	"context"
	"fmt"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/exporters/otlp"
	"github.com/otelcoder/otelcoder/instrument"
)

// Metrics are pushed to the receiver in OTEL_EXPORTER_OTLP_ENDPOINT; here an option sets
// a test receiver.
func Example() {
	ctx := context.Background()
	receiver, stop := startReceiver()
	defer stop()

	push, err := otlp.New(ctx, otlp.WithEndpoint(receiver.url))
	if err != nil {
		fmt.Println(err)
		return
	}
	exporter, err := exporters.New(push.Metrics())
	if err != nil {
		fmt.Println(err)
		return
	}
	// Package meters does this for a whole deployment.
	labels := instrument.Documented.Labels(instrument.AgentsUp, instrument.WorkspaceAgents{TemplateName: "docker", Username: "ann", WorkspaceName: "dev"})
	_, err = exporter.Providers().Observe(func(o instrument.Observer) {
		o.Observe(instrument.AgentsUp, labels, 1)
	}, instrument.AgentsUp)
	if err != nil {
		fmt.Println(err)
		return
	}
	// Metrics are pushed each minute and at Shutdown.
	if err := exporter.Shutdown(ctx); err != nil {
		fmt.Println(err)
		return
	}

	for metric := range receiver.all() {
		if metric.Name == "coderd_agents_up" {
			fmt.Println(metric.Name, metric.GetGauge().DataPoints[0].GetAsDouble(), "of", metric.resource["service.name"])
		}
	}
	// Output:
	// coderd_agents_up 1 of coder
}
