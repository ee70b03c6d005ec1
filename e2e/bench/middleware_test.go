package bench

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
)

func BenchmarkMiddleware(b *testing.B) {
	for _, router := range routers {
		for _, routes := range []int{10, 1000} {
			for _, traced := range []bool{false, true} {
				for _, goroutines := range []int{1, runtime.GOMAXPROCS(0)} {
					for _, peer := range middlewares {
						if traced && !peer.traces || router.name == "chi" && peer.around == nil {
							continue
						}
						name := fmt.Sprintf("router=%s/routes=%d/traced=%t/parallel=%t/by=%s", router.name, routes, traced, goroutines > 1, peer.name)
						b.Run(name, func(b *testing.B) {
							compare(b, router.new(b, routes, middleware{}, false), router.new(b, routes, peer, traced), routes, goroutines)
						})
					}
				}
			}
		}
	}
}

// compare measures the time that the measured handler takes more than the bare one.
func compare(b *testing.B, bare, measured http.Handler, routes, goroutines int) {
	paths := make([]string, routes)
	for i := range paths {
		paths[i] = fmt.Sprintf("/api/v2/things%d/42", i)
	}
	serve(bare, paths, goroutines, routes*goroutines)
	serve(measured, paths, goroutines, routes*goroutines) // creates the state of each route
	runtime.GC()

	b.ReportAllocs()
	b.ResetTimer()
	b.StopTimer()
	var without, withoutCPU, withCPU time.Duration
	rounds := min(b.N, 20)
	for i := range rounds {
		n := b.N*(i+1)/rounds - b.N*i/rounds
		cpu, start := cpuTime(), time.Now()
		serve(bare, paths, goroutines, n)
		without += time.Since(start)
		between := cpuTime()
		withoutCPU += between - cpu
		b.StartTimer()
		serve(measured, paths, goroutines, n)
		b.StopTimer()
		withCPU += cpuTime() - between
	}
	b.ReportMetric(float64(b.Elapsed()-without)/float64(b.N), "added-ns/op")
	b.ReportMetric(float64(withCPU-withoutCPU)/float64(b.N), "added-cpu-ns/op")
}

// serve serves n requests, shared among the goroutines, to all paths in turn. Each
// goroutine reuses one request, since a server's request is in the processor's caches: it
// was just read.
func serve(h http.Handler, paths []string, goroutines, n int) {
	var running sync.WaitGroup
	for g := range goroutines {
		share := n*(g+1)/goroutines - n*g/goroutines
		running.Go(func() {
			w := nowhere{}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("User-Agent", "Mozilla/5.0")
			next := 0
			for range share {
				r.URL.Path, r.RequestURI, r.Pattern = paths[next], paths[next], "" // as it arrives
				if next++; next == len(paths) {
					next = 0
				}
				h.ServeHTTP(w, r)
			}
		})
	}
	running.Wait()
}

// nowhere is a response writer that discards, and that can flush like a server's.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) WriteHeader(int)             {}
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Flush()                      {}

func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

var routers = []struct {
	name string
	new  func(b *testing.B, routes int, m middleware, traced bool) http.Handler
}{
	{"ServeMux", func(b *testing.B, routes int, m middleware, traced bool) http.Handler {
		each := func(_ string, h http.Handler) http.Handler { return h }
		if m.each != nil {
			each = m.each(b, traced)
		}
		mux := http.NewServeMux()
		for i := range routes {
			path := fmt.Sprintf("/api/v2/things%d/{thing}", i)
			mux.Handle("GET "+path, each(path, http.HandlerFunc(noContent)))
		}
		if m.each == nil && m.around != nil {
			return m.around(b, traced)(mux)
		}
		return mux
	}},
	{"chi", func(b *testing.B, routes int, m middleware, traced bool) http.Handler {
		router := chi.NewRouter()
		if m.around != nil {
			router.Use(m.around(b, traced))
		}
		for i := range routes {
			router.Get(fmt.Sprintf("/api/v2/things%d/{thing}", i), noContent)
		}
		return router
	}},
}
