package exporters_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
)

// gathered returns the families of Gather.
func gathered(t *testing.T, e *exporters.Exporter) answer {
	t.Helper()
	families, err := e.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(families))
	for i, f := range families {
		names[i] = f.GetName()
	}
	if !slices.IsSorted(names) {
		t.Errorf("families are not sorted by name: %q", names)
	}
	return samplesOf(t, families)
}

func TestGatherHasWhatIsServed(t *testing.T) {
	for name, options := range map[string][]exporters.Option{
		"all":             nil,
		"without runtime": {exporters.WithoutRuntime()},
		"a host's beside": {exporters.WithGatherer(registry())},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExporter(t, options...)
			served := parsed(t, scrape(t, e, "GET", "/metrics"))
			for _, name := range registryNames {
				delete(served, name)
			}
			if got := gathered(t, e); !slices.Equal(got.names(), served.names()) {
				t.Errorf("gathered the families\n%q, served\n%q", got.names(), served.names())
			}
		})
	}
}

// TestGatherOnTheHostsEndpoint uses promhttp with its defaults, which fail a scrape on any
// error.
func TestGatherOnTheHostsEndpoint(t *testing.T) {
	e := newExporter(t, exporters.WithoutRuntime())
	endpoint := promhttp.HandlerFor(prometheus.Gatherers{prometheus.DefaultGatherer, registry(), e}, promhttp.HandlerOpts{EnableOpenMetrics: true})
	get := func(accept string) answer {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		endpoint.ServeHTTP(w, r)
		return parsed(t, w.Result())
	}
	for _, accept := range []string{"text/plain", acceptProtobuf} {
		got := get(accept)
		for _, name := range []string{"coderd_agents_up", "coderd_api_concurrent_requests", "coderd_provisionerd_jobs_current", "otelcoder_reporter", "go_goroutines", "host_jobs"} {
			if len(got[name]) != 1 {
				t.Errorf("%d series of %s, want 1", len(got[name]), name)
			}
		}
	}
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := get("text/plain")
	if len(got["host_jobs"]) != 1 || len(got["coderd_agents_up"]) != 0 {
		t.Errorf("after Shutdown: %q", got.names())
	}
}

func TestGatherFollowsTheRole(t *testing.T) {
	var reports atomic.Bool
	e := newExporter(t, exporters.WithReporter(reports.Load))
	if got := gathered(t, e); len(got["coderd_agents_up"])+len(got["coderd_provisionerd_jobs_current"]) != 0 || len(got["coderd_api_concurrent_requests"]) != 1 {
		t.Errorf("without the role: %q", got.names())
	}
	reports.Store(true)
	if got := gathered(t, e); len(got["coderd_agents_up"]) != 1 || len(got["coderd_provisionerd_jobs_current"]) != 1 {
		t.Errorf("with the role: %q", got.names())
	}
	// The role is lost while the families are gathered.
	if _, err := e.Providers().Observe(func(instrument.Observer) { reports.Store(false) }, instrument.OAuth2Requests); err != nil {
		t.Fatal(err)
	}
	if got := gathered(t, e); len(got["coderd_agents_up"])+len(got["coderd_provisionerd_jobs_current"]) != 0 {
		t.Errorf("with the role lost during Gather: %q", got.names())
	}
}

// TestHandlersAnswerOnAnyPath mounts the handlers without http.StripPrefix.
func TestHandlersAnswerOnAnyPath(t *testing.T) {
	e := newExporter(t, exporters.WithGatherer(registry()))
	mux := http.NewServeMux()
	mux.Handle("/internal/metrics", e.MetricsHandler())
	mux.Handle("/internal/deployment/", e.MetricsHandler(instrument.Deployment))
	mux.Handle("GET /{kind}/own", e.MetricsHandler(instrument.Process, instrument.Workspaces, instrument.Process))
	mux.Handle("/unknown", e.MetricsHandler(instrument.Group(99)))
	mux.Handle("/admin/otelcoder", e.StatusHandler())
	for path, want := range map[string]struct{ deployment, workspaces, process, host bool }{
		"/internal/metrics":          {true, true, true, true},
		"/internal/deployment/":      {true, false, false, false},
		"/internal/deployment/a/b/c": {true, false, false, false},
		"/metrics/own":               {false, true, true, false},
	} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept", firefox)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		got := parsed(t, w.Result())
		for name, want := range map[string]bool{
			"coderd_agents_up": want.deployment, "coderd_provisionerd_jobs_current": want.workspaces,
			"coderd_api_concurrent_requests": want.process, "promhttp_metric_handler_requests_total": want.process, "host_jobs": want.host,
		} {
			if (len(got[name]) > 0) != want {
				t.Errorf("%s serves %s: %t, want %t", path, name, len(got[name]) > 0, want)
			}
		}
	}
	unknown := httptest.NewRecorder()
	mux.ServeHTTP(unknown, httptest.NewRequest("GET", "/unknown", nil))
	if unknown.Code != http.StatusNotFound {
		t.Errorf("a group that does not exist: status %d, want 404", unknown.Code)
	}
	post := httptest.NewRecorder()
	mux.ServeHTTP(post, httptest.NewRequest("POST", "/internal/metrics", nil))
	if post.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d, want 405", post.Code)
	}

	page := httptest.NewRecorder()
	mux.ServeHTTP(page, httptest.NewRequest("GET", "/admin/otelcoder", nil))
	if text := page.Body.String(); page.Code != http.StatusOK || !strings.Contains(text, "coderd_agents_up") || strings.Contains(text, `href="metrics"`) {
		t.Errorf("status page: status %d, link to metrics: %t, want 200 without a link", page.Code, strings.Contains(text, `href="metrics"`))
	}
	if text := body(t, scrape(t, e, "GET", "/status")); strings.Count(text, `href="metrics"`) != 2 {
		t.Error("the status page of the endpoint does not link to the metrics")
	}
	without := newExporter(t, exporters.WithoutStatusPage())
	none := httptest.NewRecorder()
	without.StatusHandler().ServeHTTP(none, httptest.NewRequest("GET", "/", nil))
	if none.Code != http.StatusNotFound {
		t.Errorf("without a status page: status %d, want 404", none.Code)
	}
}

// TestHandlerBelowAPrefix checks that redirects stay within the prefix.
func TestHandlerBelowAPrefix(t *testing.T) {
	e := newExporter(t)
	h := http.StripPrefix("/deep", e.Handler())
	for path, want := range map[string]int{
		"/deep/": 200, "/deep/metrics": 200, "/deep/metrics/": 200, "/deep/metrics/replica": 200, "/deep/status": 200,
		"/deep//metrics": 404, "/deepmetrics": 404, "/deep": 404, "/deep//": 404, "/deep/a/../metrics": 404, "/deep/./metrics": 404,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("%s: status %d, Location %q, want status %d", path, w.Code, w.Header().Get("Location"), want)
		}
	}
}
