package e2e_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/prometheus/config"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelcoder/otelcoder/e2e/invariant"
	"github.com/otelcoder/otelcoder/e2e/prometheus"
	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/meters"
)

// TestExemplars checks that, with tracing on, the buckets of requests and websockets have
// exemplars with their traces.
func TestExemplars(t *testing.T) {
	exporter, err := exporters.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { exporter.Shutdown(context.WithoutCancel(t.Context())) })
	m, err := meters.New(exporter.Providers())
	if err != nil {
		t.Fatal(err)
	}
	tracing := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.AlwaysSample()))
	t.Cleanup(func() { tracing.Shutdown(context.WithoutCancel(t.Context())) })

	traces := make(chan string, 1) // trace ID of the handled request
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v2/users", func(_ http.ResponseWriter, r *http.Request) {
		traces <- trace.SpanContextFromContext(r.Context()).TraceID().String()
	})
	mux.HandleFunc("GET /api/v2/rpc", func(w http.ResponseWriter, r *http.Request) {
		traces <- trace.SpanContextFromContext(r.Context()).TraceID().String()
		socket, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		socket.Close(websocket.StatusNormalClosure, "")
	})
	coderd := httptest.NewServer(httpmw.New(m.API(), httpmw.WithTracerProvider(tracing))(mux))
	t.Cleanup(coderd.Close)
	endpoint := httptest.NewServer(exporter.Handler())
	t.Cleanup(endpoint.Close)

	ask(t, "GET", coderd.URL+"/api/v2/users", 200)
	want := map[string]string{"coderd_api_request_latencies_seconds_bucket": <-traces}
	socket, _, err := websocket.Dial(t.Context(), coderd.URL+"/api/v2/rpc", nil)
	if err != nil {
		t.Fatal(err)
	}
	socket.Read(t.Context()) // until the handler closes it
	want["coderd_api_websocket_durations_seconds_bucket"] = <-traces
	scrapeUntil(t, endpoint.URL, 10*time.Second, func(s *invariant.Scrape) error {
		if s.Family("coderd_api_websocket_durations_seconds") == nil || s.Family("coderd_api_request_latencies_seconds") == nil {
			return errors.New("no latency or no websocket duration is served")
		}
		return nil
	})

	for _, accept := range []string{acceptText, acceptOpenMetrics, acceptProtobuf} {
		scrape(t, endpoint.URL, accept)
	}
	p := prometheus.Start(t, prometheus.Jobs(endpoint.URL)...)
	p.WaitScraped(t, 2)
	for name, traceID := range want {
		got := make(map[string]string) // trace by job
		for _, series := range p.Exemplars(t, name) {
			for _, e := range series.Exemplars {
				got[series.SeriesLabels.Get("job")] = e.Labels.Get("trace_id")
			}
		}
		if want := map[string]string{
			string(config.OpenMetricsText1_0_0): traceID,
			string(config.PrometheusProto):      traceID,
		}; !maps.Equal(got, want) {
			t.Errorf("%s: got exemplars %v, want %v", name, got, want)
		}
	}
	p.CheckHealthy(t)
}
