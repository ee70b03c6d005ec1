package httpmw_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// nowhere is a response writer that discards everything at no cost. It can flush, like the
// server's writer.
type nowhere struct{ http.ResponseWriter }

func (nowhere) Header() http.Header         { return nil }
func (nowhere) WriteHeader(int)             {}
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Flush()                      {}

func BenchmarkMiddleware(b *testing.B) {
	handler := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	none := func(next http.Handler) http.Handler { return next }
	api := newAPI(b, meterstest.NewReader(b))
	measure := httpmw.New(api)

	routers := []struct {
		name string
		new  func(routes int, middleware func(http.Handler) http.Handler) http.Handler
	}{
		{"ServeMux", func(routes int, middleware func(http.Handler) http.Handler) http.Handler {
			mux := http.NewServeMux()
			for i := range routes {
				mux.HandleFunc(fmt.Sprintf("GET /api/v2/things%d/{thing}", i), handler)
			}
			return middleware(mux)
		}},
		{"around-chi", func(routes int, middleware func(http.Handler) http.Handler) http.Handler {
			router := chi.NewRouter()
			for i := range routes {
				router.Get(fmt.Sprintf("/api/v2/things%d/{thing}", i), handler)
			}
			return middleware(router)
		}},
		{"in-chi", func(routes int, middleware func(http.Handler) http.Handler) http.Handler {
			router := chi.NewRouter()
			router.Use(middleware)
			for i := range routes {
				router.Get(fmt.Sprintf("/api/v2/things%d/{thing}", i), handler)
			}
			return router
		}},
		{"in-chi-mounted", func(routes int, middleware func(http.Handler) http.Handler) http.Handler {
			router := chi.NewRouter()
			router.Use(middleware)
			router.Route("/api/v2", func(router chi.Router) {
				for i := range routes {
					router.Get(fmt.Sprintf("/things%d/{thing}", i), handler)
				}
			})
			return router
		}},
	}
	for _, router := range routers {
		for _, routes := range []int{10, 1000} {
			for _, variant := range []struct {
				name       string
				middleware func(http.Handler) http.Handler
			}{{"bare", none}, {"measured", measure}} {
				b.Run(fmt.Sprintf("%s/routes=%d/%s", router.name, routes, variant.name), func(b *testing.B) {
					h := router.new(routes, variant.middleware)
					b.ReportAllocs()
					b.ResetTimer()
					b.RunParallel(func(pb *testing.PB) {
						r := httptest.NewRequest("GET", "/api/v2/things7/42", nil)
						for pb.Next() {
							r.Pattern = ""
							h.ServeHTTP(nowhere{}, r)
						}
					})
				})
			}
		}
	}
}
