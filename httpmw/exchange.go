package httpmw

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/go-chi/chi/v5"

	"github.com/otelcoder/otelcoder/meters"
)

// exchange is one measured request and its response, on their way through the
// handlers. It is the only allocation that measuring costs.
type exchange struct {
	response                // handlers are given this writer
	request  http.Request   // and this request,
	context  requestContext // which has this context

	application *application
	arrived     *http.Request
	path        string // of the URL, as it arrived: handlers can change it in place
	route       string // the pattern of the leaf route; empty if none matched
	running     meters.RunningRequest
}

// measure serves a request and measures it.
func (a *application) measure(w http.ResponseWriter, r *http.Request) {
	x := &exchange{
		response:    response{ResponseWriter: w},
		context:     requestContext{Context: r.Context(), chi: a.ownRouteContext(r), received: r.RequestURI != ""},
		application: a,
		arrived:     r,
		path:        r.URL.Path,
		running:     a.api.Start(asksForWebsocket(r.Header)),
	}
	// Without recover, so that a panic goes on as it was, with its own stack.
	defer x.end()
	defer x.findRoute()
	x.request = *r.WithContext(&x.context) // inlined: the copy is no allocation
	a.next.ServeHTTP(x.writer(), &x.request)
	x.finished = true
}

func (x *exchange) findRoute() {
	route, _ := x.application.served(&x.request, x.arrived.Pattern, x.status(x.arrived.Header))
	x.route = x.context.note.Load().below(route, x.path)
	if x.arrived.Method == http.MethodConnect {
		x.route = "" // ServeMux redirects CONNECT to a pattern that is the client's path
	}
}

func (x *exchange) end() {
	code := x.status(x.arrived.Header)
	if x.finished && x.context.chi != nil && !mayBeRouting(&x.request, x.arrived.Pattern, code) {
		x.application.contexts.Put(x.context.chi)
	}
	// What handlers further out, and the server, look for in the request that
	// they passed on.
	x.arrived.Pattern = x.request.Pattern
	if x.request.MultipartForm != nil {
		x.arrived.MultipartForm = x.request.MultipartForm // the server removes its files
	}

	if x.application.tracing != nil {
		x.finishSpan(code)
	}
	x.running.End(x.arrived.Context(), x.application.api.Endpoint(x.arrived.Method, x.label()), code)
}

// label returns the request's value of the label path.
func (x *exchange) label() string {
	switch {
	case x.route != "":
		return x.route
	case strings.HasPrefix(x.path, "/api/"):
		return meters.PathUnknown
	}
	return meters.PathStatic
}

// requestContext is the context of a measured request. Applications further in
// find it there, whatever copies the request in between.
type requestContext struct {
	context.Context
	chi      *chi.Context // that chi is to use; nil if it has one already, or is not next
	received bool         // from a client, not made by a handler
	note     atomic.Pointer[note]
}

type requestKey struct{}

func (c *requestContext) Value(key any) any {
	switch {
	case key == requestKey{}:
		return c
	case c.chi != nil && key == chi.RouteCtxKey:
		return c.chi
	}
	return c.Context.Value(key)
}

// measuredBy returns the context that an application further out gave the
// request, or nil if there is none.
func measuredBy(r *http.Request) *requestContext {
	c, _ := r.Context().Value(requestKey{}).(*requestContext)
	if c != nil && c.received && r.RequestURI == "" {
		return nil // a handler made a request of its own, with the context of its client's
	}
	return c
}
