package httpmw

import (
	"context"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/otelcoder/otelcoder/meters"
)

// exchange is one measured request and its response, on their way through the
// handlers. It lives on the stack: handlers hold on to the response, and to the
// request, for as long as they like, but not to this.
type exchange struct {
	application *application
	arrived     *http.Request
	request     *http.Request // as passed on: what arrived, or a copy that is marked
	response    *response
	own         *chi.Context // routing context that chi is to use; nil if it has one already, or is not next
	running     meters.RunningRequest
	leaf        leaf // the route that it matched

	// As it arrived: handlers can change the request in place.
	context               context.Context
	method, path, pattern string
	header                http.Header
}

// measure serves a request and measures it.
func (a *application) measure(w http.ResponseWriter, r *http.Request) {
	x := exchange{
		application: a,
		arrived:     r,
		request:     r,
		own:         a.ownRouteContext(r),
		running:     a.api.Start(asksForWebsocket(r.Header)),
		context:     r.Context(),
		method:      r.Method,
		path:        r.URL.Path,
		pattern:     r.Pattern,
		header:      r.Header,
	}
	// Without recover, so that a panic goes on as it was, with its own stack.
	defer x.end()
	defer x.findRoute()
	if x.own != nil || a.marks(r) {
		x.mark(w)
	} else {
		x.response = &response{ResponseWriter: w, measured: true, received: r.RequestURI != ""}
	}
	a.next.ServeHTTP(x.response.writer(), x.request)
	x.response.finished = true
}

func (x *exchange) findRoute() {
	if x.method == http.MethodConnect {
		return // ServeMux redirects CONNECT to a pattern that is the client's path
	}
	x.leaf, _ = x.application.served(x.request, x.pattern, x.response.status(x.header))
	if deeper := x.response.note.Load(); deeper != nil {
		x.leaf = leaf{route: deeper.below(x.leaf.route, x.path)}
	}
}

func (x *exchange) end() {
	code := x.response.status(x.header)
	if x.response.finished && x.own != nil && !mayBeRouting(x.request, x.pattern, code) {
		x.application.contexts.Put(x.own)
	}
	if x.request != x.arrived {
		// What handlers further out, and the server, look for in the request that
		// they passed on.
		x.arrived.Pattern = x.request.Pattern
		if x.request.MultipartForm != nil {
			x.arrived.MultipartForm = x.request.MultipartForm // the server removes its files
		}
	}
	if x.application.tracing != nil {
		x.finishSpan(code)
	}
	x.running.End(x.context, x.measuredAs(), x.method, code)
}

// measuredAs returns the handle of requests to the same path.
func (x *exchange) measuredAs() *meters.Path {
	switch api := x.application.api; {
	case x.leaf.path != nil:
		return x.leaf.path
	case x.leaf.route != "":
		return api.Path(x.leaf.route)
	case strings.HasPrefix(x.path, "/api/"):
		return api.Path(meters.PathUnknown)
	default:
		return api.Path(meters.PathStatic)
	}
}
