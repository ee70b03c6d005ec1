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

// TestRelabel lets Prometheus read the metric_relabel_configs of the service's
// page: of Coder's own scrape job they drop what the service serves of the
// deployment, all of it, and nothing else.
func TestRelabel(t *testing.T) {
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs/service.md"))
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile("(?s)```yaml\n(metric_relabel_configs:.*?)```").FindSubmatch(page)
	if match == nil {
		t.Fatal("no metric_relabel_configs on the page")
	}
	var job struct {
		Configs []*relabel.Config `yaml:"metric_relabel_configs"`
	}
	if err := yaml.UnmarshalStrict(match[1], &job); err != nil {
		t.Fatal(err)
	}
	for _, c := range job.Configs {
		if err := c.Validate(model.UTF8Validation); err != nil {
			t.Fatal(err)
		}
	}

	kept := func(sample string) bool {
		return relabel.ProcessBuilder(labels.NewBuilder(labels.FromStrings("__name__", sample, "instance", "coder")), job.Configs...)
	}
	dropped := 0
	for name, family := range e2e.Documented() {
		inside := strings.HasPrefix(name, "coderd_oauth2_") || slices.Contains([]string{
			"coderd_api_concurrent_requests", "coderd_api_concurrent_websockets", "coderd_api_request_latencies_seconds",
			"coderd_api_requests_processed_total", "coderd_api_websocket_durations_seconds",
		}, name)
		want := family.Origin == "otel" && !inside
		if want {
			dropped++
		}
		samples := []string{name}
		if family.Type == "histogram" || family.Type == "summary" {
			samples = append(samples, name+"_bucket", name+"_sum", name+"_count")
		}
		for _, sample := range samples {
			if kept(sample) == want {
				t.Errorf("%s: kept %t, want %t", sample, want, !want)
			}
		}
	}
	if dropped != 26 {
		t.Errorf("%d families dropped, want 26", dropped)
	}
	if !kept("coderd_agents_up_more") {
		t.Error("another name that begins alike is dropped")
	}
}
