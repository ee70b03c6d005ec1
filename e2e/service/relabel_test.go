package service_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v2"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/process"
)

// TestRelabel checks, with Prometheus's own relabelling, that each metric_relabel_configs
// on the page of the service drops exactly the intended families.
func TestRelabel(t *testing.T) {
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs/service.md"))
	if err != nil {
		t.Fatal(err)
	}
	lists := regexp.MustCompile("(?s)```yaml\n(metric_relabel_configs:.*?)```").FindAllSubmatch(page, -1)
	if len(lists) != 3 {
		t.Fatalf("got %d metric_relabel_configs on the page, want 3", len(lists))
	}
	tailnet := []string{"coderd_agents_connection_latencies_seconds", "coderd_agents_connections"}
	for i, list := range []struct {
		name string
		want func(name string) bool
		n    int
	}{
		{"of Coder's job", ofDeployment, 26},
		{"of Coder's job, without its high-availability licence",
			func(name string) bool { return ofDeployment(name) && !slices.Contains(tailnet, name) }, 24},
		{"of the service's job, without that licence", func(name string) bool { return name == tailnet[1] }, 1},
	} {
		t.Run(list.name, func(t *testing.T) {
			kept := keeps(t, lists[i][1])
			dropped := 0
			for name, family := range e2e.Documented() {
				want := list.want(name)
				if want {
					dropped++
				}
				samples := []string{name}
				if family.Type == "histogram" || family.Type == "summary" {
					samples = append(samples, name+"_bucket", name+"_sum", name+"_count")
				}
				for _, sample := range samples {
					if kept(sample) == want {
						t.Errorf("%s: got kept %t, want %t", sample, want, !want)
					}
				}
			}
			if dropped != list.n {
				t.Errorf("got %d dropped families, want %d", dropped, list.n)
			}
			// Names that a Coder server of 2026 serves.
			for _, renamed := range []string{"coderd_api_workspace_latest_build", "coderd_prometheusmetrics_agents_execution_seconds_bucket"} {
				if kept(renamed) != (list.n == 1) {
					t.Errorf("%s: got kept %t, want %t", renamed, kept(renamed), list.n == 1)
				}
			}
			if !kept("coderd_agents_up_more") || !kept("coderd_agents_connections_more") {
				t.Error("a longer name with the same prefix is dropped")
			}
		})
	}
}

// ofDeployment reports whether both the service and Coder serve a family.
func ofDeployment(name string) bool {
	inside := strings.HasPrefix(name, "coderd_oauth2_") || slices.Contains([]string{
		"coderd_api_concurrent_requests", "coderd_api_concurrent_websockets", "coderd_api_request_latencies_seconds",
		"coderd_api_requests_processed_total", "coderd_api_websocket_durations_seconds",
	}, name)
	return e2e.Documented()[name].Origin == "otel" && !inside
}

// keeps returns a function that reports whether Prometheus keeps a sample with a
// configuration.
func keeps(t *testing.T, configuration []byte) func(sample string) bool {
	t.Helper()
	var job struct {
		Configs []*relabel.Config `yaml:"metric_relabel_configs"`
	}
	if err := yaml.UnmarshalStrict(configuration, &job); err != nil {
		t.Fatal(err)
	}
	for _, c := range job.Configs {
		if err := c.Validate(model.UTF8Validation); err != nil {
			t.Fatal(err)
		}
	}
	return func(sample string) bool {
		return relabel.ProcessBuilder(labels.NewBuilder(labels.FromStrings("__name__", sample, "instance", "coder")), job.Configs...)
	}
}
