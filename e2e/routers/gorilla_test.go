package routers_test

import (
	"net/http"

	"github.com/gorilla/mux"

	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/meters"
)

// measureGorilla is called before other middlewares are added.
func measureGorilla(api *meters.API, router *mux.Router) http.Handler {
	measure := httpmw.New(api, httpmw.WithRoute(func(r *http.Request) string {
		if route := mux.CurrentRoute(r); route != nil {
			template, _ := route.GetPathTemplate()
			return template
		}
		return ""
	}))
	router.Use(measure)    // knows the route
	return measure(router) // counts requests that match no route, too
}

func newGorilla(api *meters.API) http.Handler {
	router := mux.NewRouter()
	handler := measureGorilla(api, router)
	sub := router.PathPrefix("/api/v2").Subrouter()
	sub.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if unauthorized(r) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r.WithContext(r.Context()))
		})
	})
	sub.HandleFunc("/users/{user}", ok).Methods("GET")
	sub.HandleFunc("/watch", watch).Methods("GET")
	router.HandleFunc("/hello", ok).Methods("GET")
	return handler
}
