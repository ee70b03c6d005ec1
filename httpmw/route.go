package httpmw

import (
	"cmp"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"

	"github.com/go-chi/chi/v5"

	"github.com/otelcoder/otelcoder/meters"
)

// lookup is the input of the search for the route of a request.
type lookup struct {
	*handler
	request               *http.Request // as passed on
	chi                   *chi.Context  // nil if chi does not route the request
	node                  *node         // of the route, if it was looked up in the tree
	inner                 *innerRoute   // reported by an inner handler, or nil
	method, path, rawPath string        // as they arrived
	above                 string        // Request.Pattern as set by a ServeMux outside chi's tree
}

// match returns the route that a request matches in the tree of routers, or "". The
// code is the status sent, or 0 before the request is served.
//
// A ServeMux sets the pattern of the request, and chi keeps the patterns matched so
// far in its context. They do not lead to the route's handler if a middleware answered or
// no route matched: the rest of the path is then looked up.
func (l *lookup) match(code int) string {
	pattern := l.request.Pattern
	if code == 0 && l.mux != nil {
		_, pattern = l.mux.Handler(l.request)
	}
	if l.method == http.MethodConnect {
		return "" // ServeMux can set the client's path as the pattern
	}
	if l.routeOf != nil && code != 0 {
		if route := l.routeOf(l.request); route != "" {
			return route
		}
	}
	if l.chi != nil && l.chi.Routes != nil {
		l.rooted.Do(func() { l.tree.router = l.chi.Routes })
		n, method, path := &l.tree, l.method, ""
		if root, ok := l.chi.Routes.(*chi.Mux); ok && n.router != root { // other routers may not be comparable
			n = &node{router: root} // the sub-router is mounted in several trees
		}
		if !mayRoute(code) {
			n = l.descend(n, l.chi.RoutePatterns)
			method, path = cmp.Or(l.chi.RouteMethod, method), l.chi.RoutePath
			if !n.leaf(method) && l.chi.URLParam("*") != "" { // a middleware answered before the mounted router
				path = "/" + l.chi.URLParam("*")
			}
		}
		route := l.find(n, method, path)
		// chi sets the pattern of the request to the route, or to that of a sub-router
		// on the way. Any other pattern is that of an inner ServeMux.
		if pattern == l.above || strings.HasSuffix(pattern, "*") || strings.HasPrefix(cmp.Or(route, n.route), pattern) {
			if n.unlisted && (code == http.StatusNotFound || code == http.StatusMethodNotAllowed) {
				return ""
			}
			return route
		}
	}
	route := muxRoute(pattern)
	if l.mux != nil && l.inner == nil && (strings.HasSuffix(route, "/") || strings.HasSuffix(route, "...}")) {
		if n := l.child(&l.tree, pattern, l.muxNode); n != nil && n.router != nil {
			if found := l.find(n, l.method, ""); found != "" || l.muxNode(pattern) != nil {
				return found
			}
		}
	}
	return route
}

// mayRoute reports whether another goroutine may still use chi's context after the
// code was sent: http.TimeoutHandler sends 503 and does not wait for its handler.
func mayRoute(code int) bool { return code == http.StatusServiceUnavailable }

// muxRoute returns the path of a ServeMux pattern, "[METHOD ][HOST]/[PATH]",
// without a trailing {$}, which only marks the end. It returns "" for text that is not
// a pattern.
func muxRoute(pattern string) string {
	if start := strings.IndexByte(pattern, '/'); start >= 0 {
		return strings.TrimSuffix(pattern[start:], "{$}")
	}
	return ""
}

// node is a place in the tree of routers.
type node struct {
	route    string                           // of the patterns
	handle   atomic.Pointer[meters.Path]      // of the route; nil until a request is measured
	router   chi.Routes                       // mounted at the last pattern, or nil
	handlers map[string]http.Handler          // of the last pattern itself, by method
	children atomic.Pointer[map[string]*node] // by pattern; nil if there are none

	patterns string                               // chi's, from its root to here
	unlisted bool                                 // below a handler: chi does not list the router that matched it
	routes   atomic.Pointer[map[string]chi.Route] // of router, by pattern; nil until they are listed
}

// leaf reports whether the pattern, and no router, handles requests of the method.
func (n *node) leaf(method string) bool { return n.router == nil || n.handlers[method] != nil }

// child returns the child of a node with a pattern. A child that was made is kept, unless
// the limit of nodes is reached or another request adds a child at the same time.
func (h *handler) child(n *node, pattern string, make func(pattern string) *node) *node {
	children := n.children.Load()
	if children != nil && (*children)[pattern] != nil {
		return (*children)[pattern]
	}
	child := make(pattern)
	if child != nil && h.nodes.Load() < 4096 {
		grown := map[string]*node{}
		if children != nil {
			grown = maps.Clone(*children)
		}
		grown[pattern] = child
		if n.children.CompareAndSwap(children, &grown) {
			h.nodes.Add(1)
		}
	}
	return child
}

// muxNode makes the node of a pattern of the ServeMux. It returns nil if the request is
// redirected, since the handler of the pattern is then unknown.
func (l *lookup) muxNode(pattern string) *node {
	h, registered := l.mux.Handler(l.request)
	if pattern != registered || reflect.TypeOf(h) == reflect.TypeOf(http.RedirectHandler("", 0)) {
		return nil
	}
	router, _ := h.(chi.Routes)
	return &node{router: router}
}

// chiNode makes the child of a node for a pattern that chi reports.
func (n *node) chiNode(pattern string) *node {
	child := &node{patterns: n.patterns + pattern, unlisted: n.router == nil && strings.HasSuffix(pattern, "*")}
	child.route = (&chi.Context{RoutePatterns: []string{child.patterns}}).RoutePattern()
	if n.router == nil {
		return child
	}
	// Mount("/files", router) registers "/files" and "/files/" besides "/files/*".
	mount := strings.TrimSuffix(strings.TrimSuffix(pattern, "*"), "/") + "/*"
	routes := n.routes.Load()
	if routes == nil || (*routes)[pattern].Pattern == "" && (*routes)[mount].Pattern == "" { // not listed, or registered since
		routes = &map[string]chi.Route{}
		for _, r := range n.router.Routes() {
			(*routes)[r.Pattern] = r
		}
		n.routes.Store(routes)
	}
	child.handlers, child.router = (*routes)[pattern].Handlers, (*routes)[mount].SubRoutes
	return child
}

// descend returns the node that chi's patterns lead to from a node.
func (h *handler) descend(n *node, patterns []string) *node {
	for _, pattern := range patterns {
		n = h.child(n, pattern, n.chiNode)
	}
	return n
}

// find looks up the route of a request below a node, by method and the rest of the
// path, by default the whole path. It returns "" if no route matches.
func (l *lookup) find(n *node, method, path string) string {
	for !n.leaf(method) {
		path = cmp.Or(path, l.rawPath, l.path, "/")
		if n.patterns != "" && !strings.HasSuffix(n.patterns, "*") {
			path = "/" // root of the mounted router: Find does not enter it
		}
		rctx := l.contexts.Get().(*chi.Context)
		rctx.Reset()
		route := n.router.Find(rctx, method, path)
		n = l.descend(n, rctx.RoutePatterns)
		l.contexts.Put(rctx)
		if route == "" {
			return ""
		}
	}
	l.node = n
	return n.route
}

// handle returns the handle for requests to the route that this one matched, or "".
func (l *lookup) handle(route string) *meters.Path {
	label := cmp.Or(route, meters.PathStatic)
	if route == "" && strings.HasPrefix(l.path, "/api/") {
		label = meters.PathUnknown
	}
	if l.node == nil || l.node.route != label {
		return l.api.Path(label)
	}
	if l.node.handle.Load() == nil {
		l.node.handle.Store(l.api.Path(label))
	}
	return l.node.handle.Load()
}
