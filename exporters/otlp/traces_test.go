package otlp_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/exporters/otlp"
)

// TestTracesMeetTheMetrics checks that spans have the same resource as the replica's
// metrics, so that a backend can link them.
func TestTracesMeetTheMetrics(t *testing.T) {
	for _, protocol := range []otlp.Protocol{otlp.HTTP, otlp.GRPC} {
		t.Run(string(protocol), func(t *testing.T) {
			receiver := newReceiver(t, protocol)
			push, err := otlp.New(t.Context(), otlp.WithEndpoint(receiver.url), otlp.WithProtocol(protocol))
			if err != nil {
				t.Fatal(err)
			}
			pushMetrics(t, push)
			pushSpan(t, push)
			if len(receiver.traces) != 1 || receiver.traces[0].ScopeSpans[0].Spans[0].Name != "GET /api/v2/users" {
				t.Fatalf("got the spans %v, want GET /api/v2/users", receiver.traces)
			}
			spans := attributes(receiver.traces[0].Resource)
			metrics := receiver.byName(t)["go_goroutines"].resource
			for _, name := range []string{"service.name", "service.instance.id", "host.name"} {
				if spans[name] == "" || spans[name] != metrics[name] {
					t.Errorf("%s is %q for spans and %q for metrics, want the same", name, spans[name], metrics[name])
				}
			}
		})
	}
}

func TestTheSamplerIsTheEnvironments(t *testing.T) {
	receiver := newReceiver(t, otlp.HTTP)
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	push, err := otlp.New(t.Context(), otlp.WithEndpoint(receiver.url))
	if err != nil {
		t.Fatal(err)
	}
	pushSpan(t, push)
	if len(receiver.traces) != 0 {
		t.Error("a span that is not sampled is pushed")
	}
}

func TestTracesWithoutAReceiver(t *testing.T) {
	forbidGlobalErrors(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	var log log
	push, err := otlp.New(t.Context(), otlp.WithEndpoint("http://"+listener.Addr().String()), log.option())
	if err != nil {
		t.Fatal(err)
	}
	traces, err := push.Traces(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, span := traces.Tracer("test").Start(t.Context(), "a span")
		span.End()
		if err := traces.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if lines := log.lines(); len(lines) != 1 {
		t.Errorf("log %q, want one line", lines)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := traces.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
