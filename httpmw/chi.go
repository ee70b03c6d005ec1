package httpmw

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
)

// chain is what is known of a chain of patterns: those that a request matched in
// a chi router, a sub-router that is mounted there, and so on.
type chain struct {
	leaf                // as chi writes it; none if isLeaf is no
	partial  []string   // chi's Request.Pattern in each of the routers
	isLeaf   answer     // does a handler serve it, and not a sub-router that knows no route?
	unrouted chi.Routes // sub-router that is mounted at the last pattern
}

type answer byte

const (
	no answer = iota
	yes
	// A router is mounted that chi does not know for one: only the code tells.
	unless404
)

// ownRouteContext returns a routing context for chi to use instead of one of its
// own, which it forgets before it returns; nil if chi is not next, or has one
// already.
func (a *application) ownRouteContext(r *http.Request) *chi.Context {
	if a.chi == nil || chi.RouteContext(r.Context()) != nil {
		return nil
	}
	rctx := a.contexts.Get().(*chi.Context)
	rctx.Reset()
	rctx.Routes = a.chi
	return rctx
}

// mayBeRouting says whether another goroutine may still be using the request's
// routing context, because a handler did not wait for it: http.TimeoutHandler,
// which passes a copy on and then sends 503.
func mayBeRouting(r *http.Request, arrived string, code int) bool {
	return r.Pattern == arrived && code == http.StatusServiceUnavailable
}

// servedByChi is served for a request that has a routing context.
func (a *application) servedByChi(rctx *chi.Context, r *http.Request, arrived string, code int) leaf {
	if mayBeRouting(r, arrived, code) {
		return a.find(rctx.Routes, r).leaf
	}
	c := a.chain(rctx.Routes, rctx.RouteMethod, rctx.RoutePatterns)
	if r.Pattern != arrived && !slices.Contains(c.partial, r.Pattern) {
		return leaf{route: muxRoute(r.Pattern)} // that of a ServeMux below
	}
	if c.isLeaf == unless404 && noRoute(code) {
		return leaf{}
	}
	return c.leaf
}

// find works out which route a request matches, by its method and path.
func (a *application) find(routes chi.Routes, r *http.Request) *chain {
	rctx := a.contexts.Get().(*chi.Context)
	defer a.contexts.Put(rctx)
	rctx.Reset()
	routes.Find(rctx, r.Method, cmp.Or(r.URL.RawPath, r.URL.Path, "/"))
	c := a.chain(routes, r.Method, rctx.RoutePatterns)
	for c.unrouted != nil { // Find stops at the root of a sub-router
		depth := len(rctx.RoutePatterns)
		c.unrouted.Find(rctx, r.Method, "/")
		if len(rctx.RoutePatterns) == depth {
			break
		}
		c = a.chain(routes, r.Method, rctx.RoutePatterns)
	}
	return c
}

// chain looks the patterns up, of a request that was routed by its method
// through routes.
func (a *application) chain(routes chi.Routes, method string, patterns []string) *chain {
	// Any other method is what a client likes to call it. If it matched a
	// pattern all the same, because it was registered with chi, look again.
	if len(patterns) == 0 || !isStandard(method) {
		return newChain(routes, method, patterns)
	}
	var buffer [256]byte
	key := append(buffer[:0], method...)
	for _, p := range patterns {
		key = append(append(key, 0), p...)
	}
	if c := a.chains.load()[string(key)]; c != nil {
		return c
	}
	c := newChain(routes, method, slices.Clone(patterns))
	if c.isLeaf != no {
		c.path = a.api.Path(c.route)
	}
	a.chains.put(string(key), c)
	return c
}

func newChain(routes chi.Routes, method string, patterns []string) *chain {
	c := &chain{}
	c.isLeaf, c.unrouted = end(routes, method, patterns)
	for i := range patterns {
		c.partial = append(c.partial, (&chi.Context{RoutePatterns: patterns[:i+1]}).RoutePattern())
	}
	if c.isLeaf != no {
		c.route = c.partial[len(patterns)-1]
	}
	return c
}

// end follows the patterns down from router to router and says whether the last
// one is a leaf. If it is not, it may be the place of a sub-router, without the
// wildcard that leads into it: that router is returned too.
func end(routes chi.Routes, method string, patterns []string) (leaf answer, unrouted chi.Routes) {
	for i, pattern := range patterns {
		last := i == len(patterns)-1
		if routes == nil {
			// What is mounted is no router to chi, yet has one inside.
			if strings.HasSuffix(patterns[len(patterns)-1], "*") {
				return unless404, nil
			}
			return yes, nil
		}
		var mount chi.Route
		for _, route := range routes.Routes() {
			if last && route.Pattern == pattern && route.Handlers[method] != nil {
				return yes, nil
			}
			if mounts(route.Pattern, pattern) && mount.SubRoutes == nil {
				mount = route
			}
		}
		switch routes = mount.SubRoutes; {
		case !last:
		case routes != nil && strings.HasSuffix(pattern, "*"):
			return no, nil
		case routes != nil:
			return no, routes
		case mount.Handlers[method] != nil:
			return yes, nil
		default:
			return unless404, nil
		}
	}
	return no, nil
}

// mounts says whether Mount has registered the pattern together with the route:
// "/files" and "/files/" come with "/files/*".
func mounts(route, pattern string) bool {
	rest, ok := strings.CutPrefix(route, pattern)
	return ok && (rest == "" || rest == "/*" || rest == "*" && strings.HasSuffix(pattern, "/"))
}
