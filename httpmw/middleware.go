package httpmw

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-chi/chi/v5"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelcoder/otelcoder/meters"
)

// New returns middleware that measures requests with api. It can be applied to any
// number of handlers, including nested ones. Applied to a chi router, it
// returns a [chi.Routes] that chi can mount.
func New(api *meters.API, options ...Option) func(http.Handler) http.Handler {
	c := &config{api: api, propagators: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})}
	c.contexts.New = func() any { return chi.NewRouteContext() }
	for _, option := range slices.DeleteFunc(slices.Clone(options), func(o Option) bool { return o == nil }) {
		option(c)
	}
	return func(next http.Handler) http.Handler {
		if c.applied.Load() < 2 { // gorilla/mux applies its middlewares on each request
			c.applied.Add(1)
		}
		h := &handler{config: c, next: next}
		h.outermost = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, nil) })
		if c.tracer != nil {
			h.outermost = c.trace(h.outermost)
		}
		h.mux, _ = next.(*http.ServeMux)
		if h.router, _ = next.(chi.Routes); h.router != nil {
			return chiHandler{h, h.router}
		}
		return h
	}
}

// Option configures the middleware.
type Option func(*config)

// WithRoute resolves the routes of another router, unless the router sets
// Request.Pattern itself. route returns the pattern of the route that a request
// matched, or "" if it matched none; the routes of [http.ServeMux] and chi are then
// looked up. It is called after the handler, even after a panic, with the request that
// the handler was called with. It must not return the request's own path, which clients
// choose: each path makes new series.
//
// docs/importing.md has the code for gorilla/mux, echo, gin, httprouter and
// gRPC-gateway.
func WithRoute(route func(*http.Request) string) Option { return func(c *config) { c.routeOf = route } }

// WithTracerProvider records a span of every request with otelhttp, named by method
// and route. Sampled spans become exemplars of the histograms. Default: no tracing.
func WithTracerProvider(p trace.TracerProvider) Option { return func(c *config) { c.tracer = p } }

// WithPropagators sets how a client's trace is read from the headers of its
// request. Default: W3C trace context and baggage.
func WithPropagators(p propagation.TextMapPropagator) Option {
	return func(c *config) { c.propagators = p }
}

// WithTrustedClients lets the span of a request continue the trace that its
// client sends: the client decides whether it is sampled. By default a span starts
// a new trace, with a link to the client's.
func WithTrustedClients() Option { return func(c *config) { c.trusted = true } }

type config struct {
	api         *meters.API
	routeOf     func(*http.Request) string // route in another router; nil if there is none
	tracer      trace.TracerProvider       // nil without tracing
	propagators propagation.TextMapPropagator
	trusted     bool
	applied     atomic.Int32 // number of handlers, not counted beyond 2
	contexts    sync.Pool    // of *chi.Context
}

// handler is the middleware applied to one http.Handler.
type handler struct {
	*config
	next      http.Handler
	mux       *http.ServeMux // next, if it is a ServeMux
	router    chi.Routes     // next, if it is a chi router
	outermost http.Handler   // serves requests that no outer handler measures
	tree      node           // root of the patterns of mux, or of the chi routers that the handler is in
	rooted    sync.Once      // sets tree.router
	nodes     atomic.Int64   // number of nodes in tree
}

// chiHandler is the middleware applied to a chi router. chi mounts it as a router.
type chiHandler struct {
	*handler
	routes
}

type routes = chi.Routes

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	outer := measuring(w)
	if outer == nil && h.applied.Load() > 1 {
		outer, _ = r.Context().Value(responseKey{}).(*response)
	}
	if outer == nil || outer.received && r.RequestURI == "" { // without a RequestURI: made by a handler
		h.outermost.ServeHTTP(w, r)
		return
	}
	h.serve(w, r, outer)
}

// serve passes a request on. It measures the request or, if an outer handler does,
// reports the route to outer, the response of that handler.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, outer *response) {
	// Handlers can change the request in place: keep what is needed afterwards.
	ctx := r.Context()
	upgrade := len(r.Header["Upgrade"]) > 0 && hasToken(r.Header["Connection"], "upgrade")
	l := lookup{handler: h, request: r, method: r.Method, path: r.URL.Path, rawPath: r.URL.RawPath, above: r.Pattern}
	var running meters.RunningRequest
	if outer == nil {
		running = h.api.Start(upgrade && hasToken(r.Header["Upgrade"], "websocket"))
	}

	if h.mux == nil {
		l.chi = chi.RouteContext(ctx)
	}
	pooled := l.chi == nil && h.router != nil
	if pooled { // chi reuses its own context before it returns
		l.chi = h.contexts.Get().(*chi.Context)
		l.chi.Reset()
		l.chi.Routes = h.router
	}
	if l.chi != nil && len(l.chi.RoutePatterns) > 0 {
		l.above = ""
	}

	// The request is copied if its context must carry chi's context or the response.
	// Inner handlers find the response there if an http.TimeoutHandler hides the
	// writer. Both branches allocate once.
	var res *response
	if pooled || outer == nil && (h.applied.Load() > 1 || h.mux == nil && l.chi == nil) {
		c := &requestCopy{Context: ctx, chi: l.chi}
		c.request = *r.WithContext(c) // inlined, without an allocation
		res, l.request = &c.response, &c.request
	} else {
		res = &response{}
	}
	res.ResponseWriter, res.upgrade, res.measures, res.received = w, upgrade, outer == nil, r.RequestURI != ""

	var expected *innerRoute
	if outer != nil && measuring(w) == nil { // concurrent: outer may end before this does
		if route := l.match(0); route != "" {
			expected = &innerRoute{route, l.path}
			outer.inner.Store(expected)
		}
	}

	finished := false
	defer func() { // without recover: a panic keeps its own stack
		code, route := cmp.Or(int(res.code), http.StatusOK), ""
		if res.code == 0 && !finished {
			code = http.StatusInternalServerError
		}
		if outer == nil {
			defer func() { // deferred, since WithRoute's function may panic
				if h.tracer != nil {
					finishSpan(ctx, l.method, route, code, finished)
					r.Pattern = "" // of otelhttp's copy: otelhttp would rename the span
				}
				running.End(ctx, l.handle(route), l.method, code)
			}()
		}
		if l.request != r { // for the server and the outer handlers
			r.Pattern, r.MultipartForm = l.request.Pattern, l.request.MultipartForm
		}
		if inner := cmp.Or(outer, res).inner.Load(); inner != expected {
			l.inner = inner
		}
		if route = l.match(code); l.inner != nil {
			route = l.inner.below(route, l.path)
		}
		if outer != nil && (route != "" || h.mux != nil || l.chi != nil) {
			outer.inner.Store(&innerRoute{route, l.path})
		}
		if pooled && finished && !mayRoute(code) {
			h.contexts.Put(l.chi)
		}
	}()
	h.next.ServeHTTP(res.writer(), l.request)
	finished = true
}

// innerRoute is the report of an inner handler: the route, empty if none matched, and
// the path of the URL, from which a prefix may have been stripped.
type innerRoute struct{ route, path string }

// below returns the whole route of a request that matched the route outer with path in
// an outer handler. If the stripped prefix has as many segments as outer without its last one,
// which is the wildcard, outer is the prefix of the route.
func (i *innerRoute) below(outer, path string) string {
	prefix, ok := strings.CutSuffix(path, i.path)
	outer = outer[:max(strings.LastIndexByte(outer, '/'), 0)]
	if ok && prefix != "" && i.route != "" && strings.Count(prefix, "/") == strings.Count(outer, "/") {
		return outer + i.route
	}
	return i.route
}

// requestCopy is the copy of a request with its response. It is the copy's context.
type requestCopy struct {
	context.Context              // of the original
	chi             *chi.Context // nil if there is none, or in the original's context
	request         http.Request
	response        response
}

type responseKey struct{}

func (c *requestCopy) Value(key any) any {
	if key == (responseKey{}) && c.response.measures {
		return &c.response
	}
	if key == chi.RouteCtxKey && c.chi != nil {
		return c.chi
	}
	return c.Context.Value(key)
}

// hasToken reports whether one of a header's lines, each a comma list, holds the
// token, which is of ASCII letters. Their case does not matter.
func hasToken(lines []string, token string) bool {
	return slices.ContainsFunc(strings.Split(strings.Join(lines, ","), ","), func(element string) bool {
		element = strings.Trim(element, " \t")
		// Letters outside ASCII that EqualFold accepts, such as the Kelvin sign, are
		// longer.
		return len(element) == len(token) && strings.EqualFold(element, token)
	})
}

// trace makes a handler serve requests within a span.
func (c *config) trace(h http.Handler) http.Handler {
	provider := c.tracer
	if !c.trusted {
		provider = untrusting{provider}
	}
	return otelhttp.NewMiddleware("",
		otelhttp.WithTracerProvider(provider),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()), // meters.API has the metrics
		otelhttp.WithPropagators(c.propagators),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return spanMethod(r.Method) }),
	)(h)
}

// untrusting makes tracers whose spans start new traces, with a link to the client's.
// otelhttp.WithPublicEndpointFn does the same, but copies each request.
type untrusting struct{ trace.TracerProvider }

func (p untrusting) Tracer(name string, o ...trace.TracerOption) trace.Tracer {
	return untrustingTracer{p.TracerProvider.Tracer(name, o...)}
}

type untrustingTracer struct{ trace.Tracer }

func (t untrustingTracer) Start(ctx context.Context, name string, o ...trace.SpanStartOption) (context.Context, trace.Span) {
	if parent := trace.SpanContextFromContext(ctx); !parent.Equal(trace.SpanContext{}) {
		o = append(o, trace.WithNewRoot())
		if parent.IsValid() && parent.IsRemote() {
			o = append(o, trace.WithLinks(trace.Link{SpanContext: parent}))
		}
	}
	return t.Tracer.Start(ctx, name, o...)
}

// finishSpan names the span of a request by its route, and records a panic.
func finishSpan(ctx context.Context, method, route string, code int, finished bool) {
	span := trace.SpanFromContext(ctx)
	if route != "" {
		span.SetName(spanMethod(method) + " " + route)
		span.SetAttributes(semconv.HTTPRoute(route))
	}
	if !finished { // otelhttp records no status of a panic
		span.SetStatus(codes.Error, "")
		span.SetAttributes(semconv.HTTPResponseStatusCode(code))
	}
}

// spanMethod returns the method as span names have it: clients can invent methods.
func spanMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE":
		return method
	}
	return "HTTP"
}
