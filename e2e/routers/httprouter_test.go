package routers_test

import (
	"net/http"

	"github.com/julienschmidt/httprouter"

	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/meters"
)

// route registers a route: router.GET(route("/users/:user", user)).
func route(path string, handle httprouter.Handle) (string, httprouter.Handle) {
	return path, func(w http.ResponseWriter, r *http.Request, params httprouter.Params) {
		r.Pattern = path
		handle(w, r, params)
	}
}

func measureHTTPRouter(api *meters.API, router *httprouter.Router) http.Handler {
	return httpmw.New(api)(router)
}

func newHTTPRouter(api *meters.API) http.Handler {
	handle := func(h http.HandlerFunc) httprouter.Handle {
		return func(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
			if unauthorized(r) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			h(w, r)
		}
	}
	router := httprouter.New()
	router.GET(route("/api/v2/users/:user", handle(ok)))
	router.GET(route("/api/v2/watch", handle(watch)))
	router.GET(route("/hello", handle(ok)))
	return measureHTTPRouter(api, router)
}
