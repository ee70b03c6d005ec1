package httpmw

import (
	"context"
	"net/http"
	"sync"

	"github.com/go-chi/chi/v5"
	"go.opentelemetry.io/otel/propagation"

	"github.com/otelcoder/otelcoder/meters"
)

// New returns the middleware that measures requests with api. It may be applied
// to any number of handlers, at any place, more than once above one another.
func New(api *meters.API, options ...Option) func(http.Handler) http.Handler {
	c := &config{
		api:         api,
		propagators: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
	}
	for _, option := range options {
		option(c)
	}
	return func(next http.Handler) http.Handler {
		c.applied.Add(1)
		a := &application{config: c, next: next}
		a.mux, _ = next.(*http.ServeMux)
		a.chi, _ = next.(chi.Routes)
		a.contexts.New = func() any { return chi.NewRouteContext() }
		a.outermost = http.HandlerFunc(a.measure)
		if c.tracing != nil {
			a.outermost = c.trace(a.outermost)
		}
		return a
	}
}

// application is the middleware applied to one handler.
type application struct {
	*config
	next      http.Handler
	mux       *http.ServeMux // next, if it is one
	chi       chi.Routes     // next, if it is one
	outermost http.Handler   // measures, and serves next

	contexts sync.Pool                       // of *chi.Context
	chains   copyOnWrite[string, *chain]     // by method and patterns
	nested   copyOnWrite[string, chi.Routes] // by the subtree pattern of mux that they serve; nil if it is not chi
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if outer := a.measuredBy(w, r); outer != nil {
		a.pass(outer, w, r)
		return
	}
	a.outermost.ServeHTTP(w, r)
}

// pass serves a request that an application further out measures, and notes the
// request's route for it: before the handler runs what is to be expected, since
// an http.TimeoutHandler in between does not wait for it, and afterwards what it
// was.
func (a *application) pass(outer *response, w http.ResponseWriter, r *http.Request) {
	if expected := a.expected(r); expected != nil {
		outer.note.Store(expected)
	}
	before := outer.note.Load()
	arrived, path := r.Pattern, r.URL.Path
	rctx := a.ownRouteContext(r)
	if rctx != nil {
		r = r.WithContext(context.WithValue(r.Context(), chi.RouteCtxKey, rctx))
	}
	response := &response{ResponseWriter: w}
	defer func() {
		code := response.status(r.Header)
		leaf, known := a.served(r, arrived, code)
		if response.finished && rctx != nil && !mayBeRouting(r, arrived, code) {
			a.contexts.Put(rctx)
		}
		if !known {
			return
		}
		if deeper := outer.note.Load(); deeper != before {
			leaf.route = deeper.below(leaf.route, path)
		}
		outer.note.Store(&note{route: leaf.route, path: path})
	}()
	a.next.ServeHTTP(response.writer(), r)
	response.finished = true
}
