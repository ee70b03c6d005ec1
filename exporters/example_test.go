package exporters_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
)

// Observations on the providers are served under their documented names.
func Example() {
	exporter, err := exporters.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer exporter.Shutdown(context.Background())
	// Package meters does this for a whole deployment.
	labels := instrument.Documented.Labels(instrument.AgentsUp, instrument.WorkspaceAgents{TemplateName: "docker", Username: "ann", WorkspaceName: "dev"})
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

// The same observations are served with the names and labels of Coder of August 2026.
// Package coderdb has an option of the same name for its sources.
func ExampleWithEdition() {
	exporter, err := exporters.New(exporters.WithEdition(instrument.Coder))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer exporter.Shutdown(context.Background())
	providers := exporter.Providers() // package meters takes the edition from them
	agents := providers.Edition.Labels(instrument.AgentsUp, instrument.WorkspaceAgents{TemplateName: "docker", TemplateVersion: "v7", Username: "ann", WorkspaceName: "dev"})
	running := providers.Edition.Labels(instrument.APIWorkspaceLatestBuild, instrument.LatestBuild{Status: "running"})
	_, err = providers.Observe(func(o instrument.Observer) {
		o.Observe(instrument.AgentsUp, agents, 1)
		o.Observe(instrument.APIWorkspaceLatestBuild, running, 1)
	}, instrument.AgentsUp, instrument.APIWorkspaceLatestBuild)
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
	// coderd_agents_up{template_name="docker",template_version="v7",username="ann",workspace_name="dev"} 1
	// # HELP coderd_api_workspace_latest_build The current number of workspace builds by status for all non-deleted workspaces.
	// # TYPE coderd_api_workspace_latest_build gauge
	// coderd_api_workspace_latest_build{status="running"} 1
}

// A host serves its own metrics and those of otelcoder on its own mux.
func ExampleWithGatherer() {
	registry := prometheus.NewRegistry()
	promauto.With(registry).NewCounter(prometheus.CounterOpts{Name: "host_jobs_total", Help: "Jobs of the host."}).Inc()
	exporter, err := exporters.New(exporters.WithGatherer(registry))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer exporter.Shutdown(context.Background())
	mux := http.NewServeMux()
	mux.Handle("/internal/metrics", exporter.MetricsHandler())
	mux.Handle("/internal/status", exporter.StatusHandler())

	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest("GET", "/internal/metrics?name[]=otelcoder_reporter&name[]=host_jobs_total", nil))
	fmt.Println(strings.TrimSpace(answer.Body.String()))
	// Output:
	// # HELP otelcoder_reporter 1 if this process reports the families of the deployment scope, else 0.
	// # TYPE otelcoder_reporter gauge
	// otelcoder_reporter 1
	// # HELP host_jobs_total Jobs of the host.
	// # TYPE host_jobs_total counter
	// host_jobs_total 1
}

// A host adds otelcoder's metrics to its own endpoint. The default registry has the
// metrics of the Go runtime.
func ExampleExporter_Gather() {
	exporter, err := exporters.New(exporters.WithoutRuntime())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer exporter.Shutdown(context.Background())
	endpoint := promhttp.HandlerFor(prometheus.Gatherers{prometheus.DefaultGatherer, exporter}, promhttp.HandlerOpts{})

	answer := httptest.NewRecorder()
	endpoint.ServeHTTP(answer, httptest.NewRequest("GET", "/metrics?name[]=otelcoder_reporter&name[]=go_info", nil))
	fmt.Println(answer.Code, strings.Count(answer.Body.String(), "# TYPE "))
	// Output: 200 2
}
