package httpmw_test

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelcoder/otelcoder/httpmw"
)

// The sampled trace of a client.
const (
	clientTrace = "0af7651916cd43dd8448eb211c80319c"
	clientSpan  = "b7ad6b7169203331"
	traceparent = "00-" + clientTrace + "-" + clientSpan + "-01"
)

func newTracing(t *testing.T, sampler sdk.Sampler, options ...httpmw.Option) (*fixture, *tracetest.SpanRecorder) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans), sdk.WithSampler(sampler))
	t.Cleanup(func() { provider.Shutdown(t.Context()) })
	return newFixture(t, append(options, httpmw.WithTracerProvider(provider))...), spans
}

// exemplars returns the trace and span of each exemplar of a histogram.
func (f *fixture) exemplars(t *testing.T, histogram string) []string {
	t.Helper()
	var ids []string
	for _, metric := range f.Families(t)[histogram].GetMetric() {
		for _, bucket := range metric.GetHistogram().GetBucket() {
			labels := make(map[string]string)
			for _, label := range bucket.GetExemplar().GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if len(labels) > 0 {
				ids = append(ids, labels["trace_id"]+" "+labels["span_id"])
			}
		}
	}
	return ids
}

func ids(span trace.SpanContext) string {
	traceID, spanID := span.TraceID(), span.SpanID()
	return hex.EncodeToString(traceID[:]) + " " + hex.EncodeToString(spanID[:])
}

func attributes(span sdk.ReadOnlySpan) map[attribute.Key]string {
	all := make(map[attribute.Key]string)
	for _, kv := range span.Attributes() {
		all[kv.Key] = kv.Value.String()
	}
	return all
}

func TestExemplars(t *testing.T) {
	f, spans := newTracing(t, sdk.AlwaysSample())
	mux := http.NewServeMux()
	mux.Handle("GET /users", answer(200))
	mux.HandleFunc("GET /socket", echo)
	s := serve(t, f.measure(mux))
	s.do(t, "/users")
	conn := dial(t, s, "/socket")
	exchange(t, conn)
	conn.CloseNow()
	<-s.done

	ended := spans.Ended()
	if len(ended) != 2 {
		t.Fatalf("%d spans, want 2", len(ended))
	}
	for i, histogram := range []string{"coderd_api_request_latencies_seconds", "coderd_api_websocket_durations_seconds"} {
		want := []string{ids(ended[i].SpanContext())}
		if got := f.exemplars(t, histogram); !slices.Equal(got, want) {
			t.Errorf("%s: exemplars %q, want %q", histogram, got, want)
		}
	}
	f.expect(t, `
latencies{method="GET",path="/users"} 1
requests{code="101",method="GET",path="/socket"} 1
requests{code="200",method="GET",path="/users"} 1
websockets{path="/socket"} 1
`)
}

// TestPublicEndpoint checks that the traceparent of an untrusted client does not decide
// whether a request is sampled.
func TestPublicEndpoint(t *testing.T) {
	f, spans := newTracing(t, sdk.ParentBased(sdk.NeverSample()))
	serve(t, f.measure(answer(200))).do(t, "/", "Traceparent", traceparent)
	if n := len(spans.Ended()); n != 0 {
		t.Errorf("%d spans are sampled because of the client's traceparent, want 0", n)
	}
	if got := f.exemplars(t, "coderd_api_request_latencies_seconds"); len(got) > 0 {
		t.Errorf("exemplars %q of spans that are not sampled", got)
	}

	f, spans = newTracing(t, sdk.AlwaysSample())
	serve(t, f.measure(answer(200))).do(t, "/", "Traceparent", traceparent)
	span := spans.Ended()[0]
	if span.Parent().IsValid() || span.SpanContext().TraceID().String() == clientTrace {
		t.Errorf("the span has the parent %s or the client's trace, want neither", ids(span.Parent()))
	}
	if len(span.Links()) != 1 || ids(span.Links()[0].SpanContext) != clientTrace+" "+clientSpan {
		t.Errorf("got the links %v, want one to the client's span", span.Links())
	}
}

func TestTrustedClients(t *testing.T) {
	f, spans := newTracing(t, sdk.ParentBased(sdk.NeverSample()), httpmw.WithTrustedClients())
	serve(t, f.measure(answer(200))).do(t, "/", "Traceparent", traceparent)
	if ended := spans.Ended(); len(ended) != 1 || ids(ended[0].Parent()) != clientTrace+" "+clientSpan {
		t.Errorf("got the spans %v, want one with the client's span as its parent", ended)
	}
}

func TestPropagators(t *testing.T) {
	none := propagation.NewCompositeTextMapPropagator()
	f, spans := newTracing(t, sdk.AlwaysSample(), httpmw.WithTrustedClients(), httpmw.WithPropagators(none))
	serve(t, f.measure(answer(200))).do(t, "/", "Traceparent", traceparent)
	if span := spans.Ended()[0]; span.Parent().IsValid() {
		t.Errorf("the span has the parent %s, want none", ids(span.Parent()))
	}
}

func TestSpans(t *testing.T) {
	router := chi.NewRouter()
	router.Route("/api", func(router chi.Router) {
		router.Get("/users/{user}", answer(200))
		router.Get("/panic/{what}", func(http.ResponseWriter, *http.Request) { panic("no") })
	})
	mux := http.NewServeMux()
	mux.Handle("/mux/{thing}/{$}", answer(502))
	mux.Handle("/tree/{thing}/", answer(200))
	mux.Handle("/", router)

	f, spans := newTracing(t, sdk.AlwaysSample())
	perRoute := http.NewServeMux()
	perRoute.Handle("/", f.measure(withTimeout(f.measure(mux))))
	perRoute.Handle("GET /own/{$}", f.measure(answer(200)))
	s := serve(t, perRoute)
	for _, test := range []struct {
		request, name, route, code string
		status                     codes.Code
	}{
		{"/api/users/secret", "GET /api/users/{user}", "/api/users/{user}", "200", codes.Unset},
		{"/api/secret", "GET", "", "404", codes.Unset},
		{"POST /mux/secret/", "POST /mux/{thing}/", "/mux/{thing}/", "502", codes.Error},
		{"FOO /mux/secret/", "HTTP /mux/{thing}/", "/mux/{thing}/", "502", codes.Error},
		{"/api/panic/secret", "GET /api/panic/{what}", "/api/panic/{what}", "500", codes.Error},
		{"/own/", "GET /own/", "/own/", "200", codes.Unset},
	} {
		before := len(spans.Ended())
		s.do(t, test.request)
		ended := spans.Ended()[before:]
		if len(ended) != 1 {
			t.Errorf("%s: %d spans, want 1", test.request, len(ended))
			continue
		}
		span, got := ended[0], attributes(ended[0])
		if span.Name() != test.name || got["http.route"] != test.route && test.route != "" {
			t.Errorf("%s: span %q of the route %q, want %q of %q", test.request, span.Name(), got["http.route"], test.name, test.route)
		}
		if strings.Contains(span.Name()+got["http.route"], "secret") {
			t.Errorf("%s: span %q of the route %q contains the client's path", test.request, span.Name(), got["http.route"])
		}
		if got["http.response.status_code"] != test.code || span.Status().Code != test.status {
			t.Errorf("%s: code %q, status %v, want %q, %v", test.request, got["http.response.status_code"], span.Status().Code, test.code, test.status)
		}
	}
	f.measured(t)
}

// TestTracedHandler checks that the handler has the span in its context, and a writer with
// the interfaces of the server's writer.
func TestTracedHandler(t *testing.T) {
	f, spans := newTracing(t, sdk.AlwaysSample())
	var inside trace.SpanContext
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users", func(w http.ResponseWriter, r *http.Request) {
		inside = trace.SpanContextFromContext(r.Context())
		fmt.Fprint(w, abilities(w))
	})
	_, body := serve(t, f.measure(mux)).do(t, "/users")
	if body != "Flusher Hijacker" {
		t.Errorf("the writer is %q, want Flusher and Hijacker", body)
	}
	if want := ids(spans.Ended()[0].SpanContext()); ids(inside) != want {
		t.Errorf("the handler's span is %s, want %s", ids(inside), want)
	}
}
