package httpmw

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/otelcoder/otelcoder/internal/metertest"
	"github.com/otelcoder/otelcoder/meters"
)

func TestCopyOnWrite(t *testing.T) {
	var m copyOnWrite[int, int]
	if _, ok := m.get(1); ok {
		t.Error("an empty map has an entry")
	}
	m.put(1, 2)
	before := m.load()
	m.put(3, 4)
	if v, ok := m.get(1); v != 2 || !ok || len(m.load()) != 2 || len(before) != 1 {
		t.Errorf("got %v after %v", m.load(), before)
	}
	full := make(map[int]int)
	for i := range 4096 {
		full[i] = i
	}
	m.entries.Store(&full)
	m.put(5000, 1)
	if _, ok := m.get(5000); ok {
		t.Error("a full map has taken an entry")
	}
}

// What clients send, be it hostile, must not fill the caches.
func TestCachesAreOfRoutes(t *testing.T) {
	api, err := meters.NewAPI(metertest.New(t).Providers())
	if err != nil {
		t.Fatal(err)
	}
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	router := chi.NewRouter()
	router.Route("/api", func(router chi.Router) { router.Get("/users/{user}", h) })
	mux := http.NewServeMux()
	mux.Handle("/tree/{thing}/", h)
	aroundChi, aroundMux := New(api)(router).(*application), New(api)(mux).(*application)
	for i := range 50 {
		for _, method := range []string{"GET", "CONNECT", fmt.Sprint("FOO", i)} {
			for _, path := range []string{"/api/users/%d", "/api/%d", "/%d", "/tree/%d", "/tree/%d/", "/tree/%d/x"} {
				for _, a := range []*application{aroundChi, aroundMux} {
					r := httptest.NewRequest("GET", fmt.Sprintf(path, i), nil)
					r.Method = method
					a.ServeHTTP(httptest.NewRecorder(), r)
				}
			}
		}
	}
	// GET /api/users/{user}, and GET of nothing below /api.
	if n := len(aroundChi.chains.load()); n != 2 {
		t.Errorf("%d chains, want 2: %v", n, aroundChi.chains.load())
	}
	if n := len(aroundMux.nested.load()); n != 1 {
		t.Errorf("%d patterns, want 1: %v", n, aroundMux.nested.load())
	}
}
