package exporters_test

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
)

// samples returns the lines of a family in a scrape of the deployment, including HELP and
// TYPE.
func samples(t *testing.T, e *exporters.Exporter, f instrument.Family) string {
	t.Helper()
	var lines strings.Builder
	for line := range strings.Lines(body(t, scrape(t, e, "GET", "/metrics/deployment"))) {
		if strings.Contains(line, f.String()+" ") || strings.Contains(line, f.String()+"{") {
			lines.WriteString(line)
		}
	}
	return lines.String()
}

func TestSeriesAreInOrderOfTheirLabels(t *testing.T) {
	e := newExporter(t)
	for i, workspace := range []string{"b", "a b", "", "ab", "é", "a", "B"} {
		of := instrument.WorkspaceAgents{TemplateName: "docker", Username: "ann", WorkspaceName: workspace}
		observe(t, e, instrument.AgentsUp, instrument.Documented.Labels(instrument.AgentsUp, of), float64(i))
		of.TemplateName, of.Username = "docker2", "an"
		observe(t, e, instrument.AgentsUp, instrument.Documented.Labels(instrument.AgentsUp, of), float64(10+i))
	}
	const want = `# HELP coderd_agents_up The number of active agents per workspace.
# TYPE coderd_agents_up gauge
coderd_agents_up{template_name="docker",username="ann",workspace_name=""} 2
coderd_agents_up{template_name="docker",username="ann",workspace_name="B"} 6
coderd_agents_up{template_name="docker",username="ann",workspace_name="a"} 5
coderd_agents_up{template_name="docker",username="ann",workspace_name="a b"} 1
coderd_agents_up{template_name="docker",username="ann",workspace_name="ab"} 3
coderd_agents_up{template_name="docker",username="ann",workspace_name="b"} 0
coderd_agents_up{template_name="docker",username="ann",workspace_name="é"} 4
coderd_agents_up{template_name="docker2",username="an",workspace_name=""} 12
coderd_agents_up{template_name="docker2",username="an",workspace_name="B"} 16
coderd_agents_up{template_name="docker2",username="an",workspace_name="a"} 15
coderd_agents_up{template_name="docker2",username="an",workspace_name="a b"} 11
coderd_agents_up{template_name="docker2",username="an",workspace_name="ab"} 13
coderd_agents_up{template_name="docker2",username="an",workspace_name="b"} 10
coderd_agents_up{template_name="docker2",username="an",workspace_name="é"} 14
coderd_agents_up{template_name="tmpl",username="ann",workspace_name="dev"} 2
`
	if got := samples(t, e, instrument.AgentsUp); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestFamilyOfTwoInstruments creates a second instrument of another kind for a family.
// Prometheus refuses a response with the same family twice.
func TestFamilyOfTwoInstruments(t *testing.T) {
	e := newExporter(t)
	meter := e.Providers().Deployment.Meter(instrument.ScopeName)
	_, err := meter.Int64ObservableGauge(instrument.Documented.Info(instrument.AgentsUp).Instrument,
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(5, metric.WithAttributes(
				attribute.String("template_name", "tmpl"), attribute.String("username", "ann"), attribute.String("workspace_name", "own")))
			return nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	const want = `# HELP coderd_agents_up The number of active agents per workspace.
# TYPE coderd_agents_up gauge
coderd_agents_up{template_name="tmpl",username="ann",workspace_name="dev"} 2
coderd_agents_up{template_name="tmpl",username="ann",workspace_name="own"} 5
`
	if got := samples(t, e, instrument.AgentsUp); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
