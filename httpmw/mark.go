package httpmw

import (
	"context"
	"net/http"

	"github.com/go-chi/chi/v5"
)

// marks says whether requests need a mark, by which applications further in see
// that they are measured already. They also see it by the response, but not if a
// handler in between hides that, as http.TimeoutHandler does. The mark needs a
// copy of the request, which is most of what measuring would allocate: it is not
// made around or in a router if this is the middleware's only application.
func (a *application) marks(r *http.Request) bool {
	return a.applied.Load() > 1 || a.mux == nil && chi.RouteContext(r.Context()) == nil
}

// mark makes the response, and a copy of the request whose context leads to it,
// and to a routing context of ours.
func (x *exchange) mark(w http.ResponseWriter) {
	m := &marked{
		response: response{ResponseWriter: w, measured: true, received: x.arrived.RequestURI != ""},
		context:  requestContext{Context: x.context, chi: x.own},
	}
	m.context.response = &m.response
	m.request = *x.arrived.WithContext(&m.context) // inlined: the copy is no allocation
	x.response, x.request = &m.response, &m.request
}

// marked is what handlers are given, in one allocation.
type marked struct {
	response
	request http.Request
	context requestContext
}

// requestContext is the context of a marked request. Applications further in
// find it there, whatever copies the request in between.
type requestContext struct {
	context.Context
	chi      *chi.Context // that chi is to use, or nil
	response *response
}

type requestKey struct{}

func (c *requestContext) Value(key any) any {
	switch {
	case key == requestKey{}:
		return c.response
	case c.chi != nil && key == chi.RouteCtxKey:
		return c.chi
	}
	return c.Context.Value(key)
}

// measuredBy returns the response of an application further out that measures
// the request, or nil if there is none.
func (c *config) measuredBy(w http.ResponseWriter, r *http.Request) *response {
	var outer *response
	if c.applied.Load() > 1 {
		outer, _ = r.Context().Value(requestKey{}).(*response)
	}
	if outer == nil {
		outer = measuredResponse(w)
	}
	if outer != nil && outer.received && r.RequestURI == "" {
		return nil // a handler made a request of its own, with what it has of its client's
	}
	return outer
}
