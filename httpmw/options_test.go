package httpmw_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// TestNilOptions checks that a nil option, or an option with a nil argument, leaves the
// default.
func TestNilOptions(t *testing.T) {
	for name, options := range map[string][]httpmw.Option{
		"option":          {nil},
		"route":           {httpmw.WithRoute(nil)},
		"tracer provider": {httpmw.WithTracerProvider(nil)},
		"propagators":     {httpmw.WithTracerProvider(trace.NewTracerProvider()), httpmw.WithPropagators(nil)},
	} {
		m := meterstest.NewReader(t)
		api := newAPI(t, m)
		mux := http.NewServeMux()
		mux.HandleFunc("GET /hello/{name}", func(http.ResponseWriter, *http.Request) {})
		httpmw.New(api, options...)(mux).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/hello/you", nil))
		const sample = `coderd_api_requests_processed_total{code="200",method="GET",path="/hello/{name}"}`
		if got := m.Samples(t)[sample]; got != 1 {
			t.Errorf("%s: %g requests, want 1", name, got)
		}
	}
}
