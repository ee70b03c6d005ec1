package otlp

import (
	"context"
	"fmt"
	"net/http"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc/credentials"

	"github.com/otelcoder/otelcoder/instrument"
)

// Traces returns a tracer provider that pushes spans, for the middleware of package
// httpmw; nil if traces are not pushed. OTEL_TRACES_SAMPLER selects the traces. Spans
// wait in a bounded queue and are dropped when it is full. The caller must call the
// provider's Shutdown.
func (p *Push) Traces(ctx context.Context) (*sdktrace.TracerProvider, error) {
	if p.traces == nil {
		return nil, nil
	}
	exporter, err := p.traces.spanExporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("push traces to %s: %w", p.traces.endpoint, err)
	}
	return sdktrace.NewTracerProvider(
		sdktrace.WithResource(p.resources[instrument.Process]),
		sdktrace.WithBatcher(&spanExporter{exporter, p.traces.idle, p.traces.outage(p.config.logger, "traces")}),
	), nil
}

func (t *target) spanExporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	if t.protocol == GRPC {
		var options []otlptracegrpc.Option
		if t.url != "" {
			options = append(options, otlptracegrpc.WithEndpointURL(t.url))
		}
		if t.headers != nil {
			options = append(options, otlptracegrpc.WithHeaders(t.headers))
		}
		if t.tls != nil {
			options = append(options, otlptracegrpc.WithTLSCredentials(credentials.NewTLS(t.tls)))
		}
		if t.conn != nil {
			options = append(options, otlptracegrpc.WithGRPCConn(t.conn))
		}
		return otlptracegrpc.New(ctx, options...)
	}
	var options []otlptracehttp.Option
	if t.url != "" {
		options = append(options, otlptracehttp.WithEndpointURL(t.url))
	}
	if t.headers != nil {
		options = append(options, otlptracehttp.WithHeaders(t.headers))
	}
	if t.tls != nil {
		options = append(options, otlptracehttp.WithTLSClientConfig(t.tls))
	}
	if t.client != nil {
		options = append(options, otlptracehttp.WithHTTPClient(t.client))
	}
	return otlptracehttp.New(ctx, options...)
}

// spanExporter logs the start and the end of failures instead of every error.
type spanExporter struct {
	sdktrace.SpanExporter
	idle   *http.Client // client to close idle connections of, or nil
	outage *outage
}

func (e *spanExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err != nil {
		e.outage.failed(e, brief(err))
	} else {
		e.outage.succeeded(e)
	}
	return nil
}

// Shutdown shuts the exporter down and closes its idle connections.
func (e *spanExporter) Shutdown(ctx context.Context) error {
	if e.idle != nil {
		defer e.idle.CloseIdleConnections()
	}
	return e.SpanExporter.Shutdown(ctx)
}
