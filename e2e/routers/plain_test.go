package routers_test

import (
	"net/http"
	"strings"

	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/meters"
)

// measureHandler serves the handler that route returns, with the pattern it matched,
// which is empty if the handler answers 404.
func measureHandler(api *meters.API, route func(*http.Request) (pattern string, handler http.Handler)) http.Handler {
	return httpmw.New(api)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pattern, handler := route(r)
		r.Pattern = pattern
		handler.ServeHTTP(w, r)
	}))
}

func newHandler(api *meters.API) http.Handler {
	return measureHandler(api, func(r *http.Request) (string, http.Handler) {
		user, isUser := strings.CutPrefix(r.URL.Path, "/api/v2/users/")
		var pattern string
		var handler http.HandlerFunc
		switch {
		case isUser && user != "":
			pattern, handler = "/api/v2/users/{user}", ok
		case r.URL.Path == "/api/v2/watch":
			pattern, handler = "/api/v2/watch", watch
		case r.URL.Path == "/hello":
			pattern, handler = "/hello", ok
		default:
			return "", http.NotFoundHandler()
		}
		if r.Method != http.MethodGet {
			return "", status(http.StatusMethodNotAllowed)
		}
		if unauthorized(r) {
			handler = status(http.StatusUnauthorized)
		}
		return pattern, handler
	})
}
