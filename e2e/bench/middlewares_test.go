package bench

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	slok "github.com/slok/go-http-metrics/metrics/prometheus"
	slokmw "github.com/slok/go-http-metrics/middleware"
	slokstd "github.com/slok/go-http-metrics/middleware/std"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/meters"
)

// middleware is a peer.
type middleware struct {
	name   string
	traces bool // runs with tracing, too
	// around wraps a router; each wraps the handler of a path, which then need not be
	// looked up. If a peer has both, ServeMux uses each.
	around func(b *testing.B, traced bool) func(http.Handler) http.Handler
	each   func(b *testing.B, traced bool) func(path string, h http.Handler) http.Handler
}

var middlewares = []middleware{
	{name: "client_golang", traces: true, around: coderAround, each: coderEach},
	{name: "otelcoder", traces: true, around: otelcoder},
	{name: "promhttp", each: promhttpEach},
	{name: "slok", each: slokEach},
	{name: "otelhttp", traces: true, around: otelhttpAround},
}

func otelcoder(b *testing.B, traced bool) func(http.Handler) http.Handler {
	exporter, err := exporters.New()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { exporter.Shutdown(context.Background()) })
	m, err := meters.New(exporter.Providers())
	if err != nil {
		b.Fatal(err)
	}
	api := m.API()
	if traced {
		return httpmw.New(api, httpmw.WithTracerProvider(tracing()))
	}
	return httpmw.New(api)
}

// otelhttpAround is otelhttp with its defaults.
func otelhttpAround(_ *testing.B, traced bool) func(http.Handler) http.Handler {
	metrics := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	options := []otelhttp.Option{otelhttp.WithMeterProvider(metrics)}
	if traced {
		options = append(options, otelhttp.WithTracerProvider(tracing()))
	}
	return otelhttp.NewMiddleware("", options...)
}

// tracing samples every span and exports none.
func tracing() *sdktrace.TracerProvider {
	return sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(discard{}))
}

type discard struct{}

func (discard) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (discard) OnEnd(sdktrace.ReadOnlySpan)                     {}
func (discard) Shutdown(context.Context) error                  { return nil }
func (discard) ForceFlush(context.Context) error                { return nil }

// coder has the vectors of a Coder server's middleware.
type coder struct {
	requests                      *prometheus.CounterVec
	inFlight, websocketsInFlight  *prometheus.GaugeVec
	latencies, websocketDurations *prometheus.HistogramVec
}

func newCoder() *coder {
	c := &coder{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "coderd_api_requests_processed_total", Help: "The total number of processed API requests",
		}, []string{"code", "method", "path"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "coderd_api_concurrent_requests", Help: "The number of concurrent API requests.",
		}, []string{"method", "path"}),
		websocketsInFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "coderd_api_concurrent_websockets", Help: "The total number of concurrent API websockets.",
		}, []string{"path"}),
		latencies: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "coderd_api_request_latencies_seconds", Help: "Latency distribution of requests in seconds.",
			Buckets: []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10, 30},
		}, []string{"method", "path"}),
		websocketDurations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "coderd_api_websocket_durations_seconds", Help: "Websocket duration distribution of requests in seconds.",
			Buckets: []float64{0.001, 1, 60, 3600, 54000, 86400},
		}, []string{"path"}),
	}
	prometheus.NewRegistry().MustRegister(c.requests, c.inFlight, c.websocketsInFlight, c.latencies, c.websocketDurations)
	return c
}

// coderEach measures as a Coder server does, but with a constant path, which is cheaper.
func coderEach(_ *testing.B, traced bool) func(string, http.Handler) http.Handler {
	c := newCoder()
	return func(path string, h http.Handler) http.Handler {
		return c.within(traced, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c.serve(w, r, path, h)
		}))
	}
}

// coderAround measures as a Coder server does, which looks up the route before it serves
// the request.
func coderAround(_ *testing.B, traced bool) func(http.Handler) http.Handler {
	c := newCoder()
	return func(next http.Handler) http.Handler {
		return c.within(traced, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c.serve(w, r, chiPath(r), next)
		}))
	}
}

func (c *coder) within(traced bool, h http.Handler) http.Handler {
	if !traced {
		return h
	}
	return otelhttp.NewHandler(h, "", otelhttp.WithTracerProvider(tracing()), otelhttp.WithMeterProvider(noop.NewMeterProvider()))
}

func chiPath(r *http.Request) string {
	rctx := chi.RouteContext(r.Context())
	if path := rctx.RoutePattern(); path != "" {
		return path
	}
	found := chi.NewRouteContext()
	if !rctx.Routes.Match(found, r.Method, r.URL.Path) {
		return "UNKNOWN"
	}
	return found.RoutePattern()
}

func (c *coder) serve(w http.ResponseWriter, r *http.Request, path string, next http.Handler) {
	start, method := time.Now(), r.Method
	status := &statusWriter{ResponseWriter: w}
	duration, labels := c.latencies, []string{}
	if isWebsocketUpgrade(r) {
		c.websocketsInFlight.WithLabelValues(path).Inc()
		defer c.websocketsInFlight.WithLabelValues(path).Dec()
		duration = c.websocketDurations
	} else {
		c.inFlight.WithLabelValues(method, path).Inc()
		defer c.inFlight.WithLabelValues(method, path).Dec()
		labels = append(labels, method)
	}
	next.ServeHTTP(status, r)
	labels = append(labels, path)
	c.requests.WithLabelValues(strconv.Itoa(status.code), method, path).Inc()
	duration.WithLabelValues(labels...).Observe(time.Since(start).Seconds())
}

func isWebsocketUpgrade(r *http.Request) bool {
	for _, v := range r.Header.Values("Upgrade") {
		if strings.Contains(strings.ToLower(v), "websocket") {
			return true
		}
	}
	return false
}

type statusWriter struct {
	http.ResponseWriter
	code int
}

func (w *statusWriter) WriteHeader(code int) {
	if w.code == 0 {
		w.code = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// promhttpEach nests promhttp's instrumentation of a handler.
func promhttpEach(*testing.B, bool) func(string, http.Handler) http.Handler {
	c := newCoder()
	inFlight := prometheus.NewGauge(prometheus.GaugeOpts{Name: "in_flight"})
	return func(path string, h http.Handler) http.Handler {
		of := prometheus.Labels{"path": path}
		h = promhttp.InstrumentHandlerCounter(c.requests.MustCurryWith(of), h)
		h = promhttp.InstrumentHandlerDuration(c.latencies.MustCurryWith(of), h)
		return promhttp.InstrumentHandlerInFlight(inFlight, h)
	}
}

// slokEach measures with github.com/slok/go-http-metrics, without response sizes.
func slokEach(*testing.B, bool) func(string, http.Handler) http.Handler {
	m := slokmw.New(slokmw.Config{
		Recorder:           slok.NewRecorder(slok.Config{Registry: prometheus.NewRegistry()}),
		DisableMeasureSize: true,
	})
	return func(path string, h http.Handler) http.Handler { return slokstd.Handler(path, m, h) }
}
