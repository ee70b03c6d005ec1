package prometheus_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/prometheus/config"
	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/e2e/prometheus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// target starts an endpoint that serves a text in OpenMetrics. It replaces %d with the
// number of the scrape.
func target(t *testing.T, text string) (url string) {
	var scrapes atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/openmetrics-text; version=1.0.0")
		n := scrapes.Add(1)
		io.WriteString(w, strings.ReplaceAll(text, "%d", fmt.Sprint(n)))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/metrics"
}

func TestScrapesAndQueries(t *testing.T) {
	url := target(t, `# TYPE jobs counter
jobs_total{status="ok"} %d # {trace_id="2a"} 1
# EOF
`)
	p := prometheus.Start(t, prometheus.Jobs(url)...)
	p.WaitScraped(t, 2)
	if got := len(p.Query(t, `jobs_total{status="ok"}`)); got != 4 {
		t.Errorf("got %d series, want one for each of 4 protocols", got)
	}
	if got := p.Query(t, `sum(rate(jobs_total[1m])) > bool 0`); len(got) != 1 || got[0].F != 1 {
		t.Errorf("got %v for a rate above 0, want one sample with the value 1", got)
	}
	exemplars := p.Exemplars(t, "jobs_total")
	if len(exemplars) != 4 || exemplars[0].Exemplars[0].Labels.Get("trace_id") != "2a" {
		t.Errorf("got exemplars %v, want 4 with the trace 2a", exemplars)
	}
	p.CheckHealthy(t)
}

// TestCheckHealthySeesWhatGoesWrong checks that CheckHealthy detects failures that would
// not fail a test otherwise.
func TestCheckHealthySeesWhatGoesWrong(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"unreadable":  {"jobs total 1\n# EOF\n", "a scrape of text failed"},
		"no end":      {"jobs_total 1\n", "a scrape of text failed"},
		"two values":  {"jobs_total 1\njobs_total 2\n# EOF\n", "sample_duplicate_timestamp_total"},
		"old samples": {"jobs_total 1 7\n# EOF\n", "out_of_bounds_total"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := prometheus.Start(t, prometheus.Job{Name: "text", URL: target(t, test.body), Protocol: config.OpenMetricsText1_0_0})
			p.WaitScraped(t, 2)
			var seen recorder
			p.CheckHealthy(&seen)
			if !strings.Contains(seen.errors.String(), test.want) {
				t.Errorf("got the errors %q, want %q in them", seen.errors.String(), test.want)
			}
		})
	}
}

// recorder is a testing.TB that records the errors.
type recorder struct {
	testing.TB
	errors strings.Builder
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) { fmt.Fprintf(&r.errors, format+"\n", args...) }
