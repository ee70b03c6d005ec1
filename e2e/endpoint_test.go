package e2e_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/invariant"
	"github.com/otelcoder/otelcoder/e2e/prometheus"
)

// TestEndpoint checks the endpoint of one example under load.
func TestEndpoint(t *testing.T) {
	c := program.Start(t)
	p := prometheus.Start(t, prometheus.Jobs(c.Metrics)...)
	first := complete(t, c.Metrics)

	t.Run("Formats", func(t *testing.T) { testFormats(t, c.Metrics, first) })
	t.Run("Curl", func(t *testing.T) { testCurl(t, c.Metrics) })
	t.Run("OpenMetrics", func(t *testing.T) { testOpenMetrics(t, c.Metrics) })
	t.Run("Groups", func(t *testing.T) { testGroups(t, c.Metrics) })
	t.Run("Methods", func(t *testing.T) { testMethods(t, c.Metrics) })
	t.Run("Prometheus", func(t *testing.T) { testPrometheus(t, p) })
}

// testFormats checks that every format and content coding has all families.
func testFormats(t *testing.T, url string, previous *invariant.Scrape) {
	for _, accept := range []string{acceptText, acceptOpenMetrics, acceptProtobuf} {
		for _, coding := range []string{"identity", "gzip"} {
			s := scrape(t, url, accept, "Accept-Encoding", coding)
			if err := s.CheckComplete(e2e.Served()); err != nil {
				t.Errorf("%s, %s: %v", accept, coding, err)
			}
			if err := s.CheckSince(previous, e2e.Served()); err != nil {
				t.Errorf("%s, %s: %v", accept, coding, err)
			}
			if got, want := len(s.Families), len(e2e.Served()); got != want {
				t.Errorf("%s, %s: got %d families, want %d", accept, coding, got, want)
			}
			if got := s.Value("otelcoder_scrape_errors_total"); got != 0 {
				t.Errorf("got %v scrape errors, want 0", got)
			}
			previous = s
		}
	}
	if got := request(t, "GET", url, "Accept-Encoding", "gzip").header.Get("Content-Encoding"); got != "gzip" {
		t.Errorf("got content encoding %q, want gzip", got)
	}
	if got := request(t, "GET", url, "Accept-Encoding", "identity").header.Get("Content-Encoding"); got != "" {
		t.Errorf("got content encoding %q, want none", got)
	}
	// A browser and curl accept any format, and get text.
	a := request(t, "GET", url, "Accept", "*/*")
	if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=0.0.4") {
		t.Errorf("Accept */*: got content type %q, want text/plain", got)
	}
	for _, undocumented := range []string{"otel_scope_", "target_info", "otel_metric_overflow"} {
		if strings.Contains(string(a.body), undocumented) {
			t.Errorf("the endpoint serves the undocumented %s", undocumented)
		}
	}
}

// testOpenMetrics checks a gauge whose name ends in _total, which OpenMetrics reserves for
// the samples of counters.
func testOpenMetrics(t *testing.T, url string) {
	s := scrape(t, url, acceptOpenMetrics)
	f := s.Family("go_memstats_alloc_bytes_total")
	if f == nil || f.Type != model.MetricTypeUnknown || len(f.Samples) != 1 || f.Samples[0].Name != "go_memstats_alloc_bytes_total" {
		t.Errorf("go_memstats_alloc_bytes_total: got %+v, want one sample of type unknown", f)
	}
	body := string(request(t, "GET", url, "Accept", acceptOpenMetrics).body)
	if strings.Count(body, "# EOF") != 1 || !strings.HasSuffix(body, "\n# EOF\n") {
		t.Error("want a single # EOF, at the end of the exposition")
	}
}

func testGroups(t *testing.T, url string) {
	names := make(map[string][]string)
	for path, contract := range map[string]e2e.Contract{
		"":                   e2e.Served(),
		"metrics":            e2e.Served(),
		"metrics/deployment": e2e.Served().OfScope("deployment"),
		"metrics/replica":    e2e.Served().OfScope("replica"),
	} {
		for _, accept := range []string{acceptText, acceptOpenMetrics, acceptProtobuf} {
			s := scrape(t, url+path, accept)
			if err := s.CheckComplete(contract); err != nil {
				t.Errorf("/%s as %s: %v", path, accept, err)
			}
			names[path] = nil
			for _, f := range s.Families {
				names[path] = append(names[path], f.Name)
			}
			slices.Sort(names[path])
			if want := slices.Sorted(maps.Keys(contract)); !slices.Equal(names[path], want) {
				t.Errorf("/%s as %s: got families %q, want %q", path, accept, names[path], want)
			}
		}
	}
	both := slices.Sorted(slices.Values(append(names["metrics/deployment"], names["metrics/replica"]...)))
	if !slices.Equal(both, names[""]) {
		t.Errorf("the groups have %q together, / has %q", both, names[""])
	}
}

func testMethods(t *testing.T, url string) {
	for _, path := range []string{"", "metrics", "metrics/", "metrics/deployment", "metrics/deployment/", "metrics/replica", "metrics/replica/"} {
		head := request(t, "HEAD", url+path)
		if head.status != http.StatusOK || len(head.body) != 0 || !strings.HasPrefix(head.header.Get("Content-Type"), "text/plain; version=0.0.4") {
			t.Errorf("HEAD /%s: got status %d, content type %q and %d bytes, want 200, text/plain and 0", path, head.status, head.header.Get("Content-Type"), len(head.body))
		}
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"} {
			if a := request(t, method, url+path); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s /%s: got status %d and Allow %q, want 405 and GET, HEAD", method, path, a.status, a.header.Get("Allow"))
			}
		}
	}
	for _, path := range []string{"metrics/other", "api/v2/users", "debug/pprof/", "favicon.ico"} {
		if a := request(t, "GET", url+path); a.status != http.StatusNotFound {
			t.Errorf("GET /%s: got status %d, want 404", path, a.status)
		}
	}
}
