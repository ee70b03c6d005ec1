package httpmw

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/otelcoder/otelcoder/meters"
)

// leaf is a route that ends at a handler, or none.
type leaf struct {
	route string       // its pattern; empty if there is none
	path  *meters.Path // of its requests, where it is kept with what is known of the route; else nil
}

// served says which route a request matched, as far as this application can
// know after its handler ran. r is the request as passed on, arrived the Pattern
// that it arrived with, code the status sent. None that is known is a router's
// word that no leaf route matched.
func (a *application) served(r *http.Request, arrived string, code int) (l leaf, known bool) {
	if a.route != nil {
		if route := a.route(r); route != "" {
			return leaf{route: route}, true
		}
	}
	if a.mux == nil {
		if rctx := chi.RouteContext(r.Context()); rctx != nil && rctx.Routes != nil {
			return a.servedByChi(rctx, r, arrived, code), true
		}
	}
	if r.Pattern == "" {
		return leaf{}, a.mux != nil || arrived != ""
	}
	if a.mux != nil {
		if routes := a.chiBelowMux(r, code); routes != nil {
			if c := a.find(routes, r); c.isLeaf == yes {
				return c.leaf, true
			}
			if noRoute(code) {
				return leaf{}, true
			}
		}
	}
	return leaf{route: muxRoute(r.Pattern)}, true
}

// expected says which route a request is going to match, as far as this
// application can know beforehand. It returns nil if it cannot.
func (a *application) expected(r *http.Request) *note {
	var route string
	switch {
	case r.Method == http.MethodConnect:
	case a.mux != nil:
		handler, pattern := a.mux.Handler(r)
		route = muxRoute(pattern)
		if routes, ok := handler.(chi.Routes); ok {
			route = a.find(routes, r).route
		}
	default:
		if rctx := chi.RouteContext(r.Context()); rctx != nil && rctx.Routes != nil {
			route = a.find(rctx.Routes, r).route
		} else if a.chi != nil {
			route = a.find(a.chi, r).route
		} else {
			route = muxRoute(r.Pattern)
		}
	}
	if route == "" {
		return nil
	}
	return &note{route: route, path: r.URL.Path}
}

// chiBelowMux returns the chi router that serves the subtree of the mux which
// the request matched, or nil.
func (a *application) chiBelowMux(r *http.Request, code int) chi.Routes {
	if !strings.HasSuffix(r.Pattern, "/") && !strings.HasSuffix(r.Pattern, "...}") {
		return nil
	}
	if routes, ok := a.nested.get(r.Pattern); ok {
		return routes
	}
	handler, pattern := a.mux.Handler(r)
	routes, ok := handler.(chi.Routes)
	// The mux's own redirection stands in for the handler of the pattern.
	if redirected := code >= 300 && code < 400; pattern == r.Pattern && (ok || !redirected) {
		a.nested.put(pattern, routes)
	}
	return routes
}

// noRoute says whether the code is what routers send if no route matches.
func noRoute(code int) bool {
	return code == http.StatusNotFound || code == http.StatusMethodNotAllowed
}

// isStandard says whether net/http has a constant for the method.
func isStandard(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// muxRoute returns the path of a ServeMux pattern, which is
// "[METHOD ][HOST]/[PATH]": without a trailing {$}, which matches the end of the
// path and so is no part of it. It returns "" for what is no such pattern.
func muxRoute(pattern string) string {
	start := strings.IndexByte(pattern, '/')
	if start < 0 {
		return ""
	}
	return strings.TrimSuffix(pattern[start:], "{$}")
}

// note is what an application tells the one further out about the route of the
// request: the route, empty if no leaf route matched, and the path of the URL
// that was matched, from which a prefix may have been stripped.
type note struct{ route, path string }

// below returns the route of a request that an application knows to match outer
// at path, after one further in has noted n for it.
func (n *note) below(outer, path string) string {
	if n.route == "" || outer == "" {
		return n.route
	}
	// If what was stripped from the path is what the outer route stands for but
	// its wildcard, then that is the route's prefix.
	stripped, ok := strings.CutSuffix(path, n.path)
	prefix := subtree(outer)
	if ok && stripped != "" && strings.Count(stripped, "/") == strings.Count(prefix, "/") {
		return prefix + n.route
	}
	return n.route
}

// subtree returns a route without the wildcard at its end.
func subtree(route string) string {
	if strings.HasSuffix(route, "...}") || strings.HasSuffix(route, "/*") {
		route = route[:strings.LastIndexByte(route, '/')]
	}
	return strings.TrimSuffix(route, "/")
}
