package exporters_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
)

// What is observed on the providers is served under its documented name.
func Example() {
	exporter, err := exporters.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer exporter.Shutdown(context.Background())
	// Package meters does this for a whole deployment.
	labels := instrument.AgentsUp.Labels(instrument.WorkspaceAgents{TemplateName: "docker", Username: "ann", WorkspaceName: "dev"})
	_, err = exporter.Providers().Observe(func(o instrument.Observer) {
		o.Observe(instrument.AgentsUp, labels, 1)
	}, instrument.AgentsUp)
	if err != nil {
		fmt.Println(err)
		return
	}

	answer := httptest.NewRecorder()
	exporter.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics/deployment", nil))
	fmt.Println(strings.TrimSpace(answer.Body.String()))
	// Output:
	// # HELP coderd_agents_up The number of active agents per workspace.
	// # TYPE coderd_agents_up gauge
	// coderd_agents_up{template_name="docker",username="ann",workspace_name="dev"} 1
}
