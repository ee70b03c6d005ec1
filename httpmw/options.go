package httpmw

import (
	"net/http"
	"sync/atomic"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelcoder/otelcoder/meters"
)

// Option configures the middleware.
type Option func(*config)

type config struct {
	api         *meters.API
	route       func(*http.Request) string // nil if only known routers are in use
	tracing     trace.TracerProvider       // nil for none
	propagators propagation.TextMapPropagator
	trusted     bool

	applied atomic.Int32 // times
}

// WithRoute makes the routes of another router known. route returns the pattern
// of the route that a request matched, or "" if it knows of none; then
// [http.ServeMux] and chi are asked. It is called after the handler, panic or
// not, with the request that the middleware passed on, and must not return the
// request's own path: a client chooses that.
func WithRoute(route func(*http.Request) string) Option {
	return func(c *config) { c.route = route }
}

// WithTracerProvider adds a span to every request, by otelhttp, named by method
// and route. The histograms then keep the spans that are sampled as exemplars.
// Without a provider there is no tracing, and no cost of it.
func WithTracerProvider(p trace.TracerProvider) Option {
	return func(c *config) { c.tracing = p }
}

// WithPropagators sets how a client's trace is read from the headers of its
// request. Default: W3C trace context and baggage.
func WithPropagators(p propagation.TextMapPropagator) Option {
	return func(c *config) { c.propagators = p }
}

// WithTrustedClients lets the span of a request continue the trace that its
// client sends, and so leaves it to the client whether it is sampled. By default
// a span starts a trace of its own, with a link to the client's.
func WithTrustedClients() Option {
	return func(c *config) { c.trusted = true }
}
