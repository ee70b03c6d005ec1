package routers_test

import (
	"context"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/meters"
)

type measuredRequest struct{} // key of the request that the middleware measures

// withRoute is an option of the gateway: runtime.NewServeMux(withRoute()).
func withRoute() runtime.ServeMuxOption {
	return runtime.WithMiddlewares(func(next runtime.HandlerFunc) runtime.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request, params map[string]string) {
			measured, _ := r.Context().Value(measuredRequest{}).(*http.Request)
			if pattern, ok := runtime.HTTPPattern(r.Context()); ok && measured != nil {
				measured.Pattern = pattern.String()
			}
			next(w, r, params)
		}
	})
}

func measureGateway(api *meters.API, gateway *runtime.ServeMux) http.Handler {
	return httpmw.New(api)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gateway.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), measuredRequest{}, r)))
	}))
}

func newGateway(api *meters.API) http.Handler {
	authorize := func(next runtime.HandlerFunc) runtime.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request, params map[string]string) {
			if unauthorized(r) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next(w, r, params)
		}
	}
	gateway := runtime.NewServeMux(withRoute(), runtime.WithMiddlewares(authorize))
	for path, handler := range map[string]http.HandlerFunc{"/api/v2/users/{user}": ok, "/api/v2/watch": watch, "/hello": ok} {
		err := gateway.HandlePath("GET", path, func(w http.ResponseWriter, r *http.Request, _ map[string]string) { handler(w, r) })
		if err != nil {
			panic(err)
		}
	}
	return measureGateway(api, gateway)
}
