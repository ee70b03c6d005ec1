package meters_test

import (
	"context"
	"fmt"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
)

// workspaces is an AgentsSource, as a control plane could implement it.
type workspaces []meters.Workspace

func (w workspaces) Agents(context.Context) ([]meters.Workspace, error) { return w, nil }

// provider is a Notifier.
type provider struct {
	*sdk.MeterProvider
	changed chan time.Time
}

func (p provider) Changed(from time.Time) { p.changed <- from }

// A control plane polls its own workspaces. Programs use the providers of package
// exporters instead of this one.
func ExampleMeters_Poll() {
	reader := sdk.NewManualReader()
	deployment := provider{
		MeterProvider: sdk.NewMeterProvider(sdk.WithReader(reader), sdk.WithView(instrument.Documented.View(instrument.Deployment))),
		changed:       make(chan time.Time, 100),
	}
	providers := instrument.Providers{Deployment: deployment} // the other groups are not measured

	m, err := meters.New(providers)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Shutdown(context.Background())
	m.Poll(meters.Sources{Agents: workspaces{
		{Name: "dev", Username: "alice", Template: "docker", Agents: []meters.Agent{
			{Name: "main", Status: meters.AgentConnected, Lifecycle: meters.LifecycleReady},
		}},
	}})

	<-deployment.changed // the first snapshot is available
	var collected metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &collected); err != nil {
		fmt.Println(err)
		return
	}
	for _, metric := range collected.ScopeMetrics[0].Metrics {
		for _, series := range metric.Data.(metricdata.Gauge[float64]).DataPoints {
			fmt.Println(metric.Name, series.Attributes.ToSlice()[0].Value.AsString(), series.Value)
		}
	}
	// Unordered output:
	// coderd_agents_up docker 1
	// coderd_agents_connections main 1
}
