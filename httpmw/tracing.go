package httpmw

import (
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric/noop"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// trace gives requests a span, and measures them within it.
func (c *config) trace(measure http.Handler) http.Handler {
	options := []otelhttp.Option{
		otelhttp.WithTracerProvider(c.tracing),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()), // the catalogue's families are the metrics
		otelhttp.WithPropagators(c.propagators),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return spanMethod(r.Method) }),
	}
	if !c.trusted {
		options = append(options, otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }))
	}
	return otelhttp.NewMiddleware("", options...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		measure.ServeHTTP(w, r)
		r.Pattern = "" // its own copy: otelhttp would name the span once more
	}))
}

// finishSpan tells the request's span what is known only at its end.
func (x *exchange) finishSpan(code int) {
	span := trace.SpanFromContext(x.context)
	if x.leaf.route != "" {
		span.SetName(spanMethod(x.method) + " " + x.leaf.route)
		span.SetAttributes(semconv.HTTPRoute(x.leaf.route))
	}
	if !x.response.finished { // otelhttp looks at handlers that return
		span.SetStatus(codes.Error, "")
		span.SetAttributes(semconv.HTTPResponseStatusCode(code))
	}
}

// spanMethod returns what stands for a method in a span's name, of which there
// may only be a few.
func spanMethod(method string) string {
	if isStandard(method) {
		return method
	}
	return "HTTP"
}
