package httpmw

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// TestNodesAreLimited checks that the cache stays bounded if a host generates patterns.
func TestNodesAreLimited(t *testing.T) {
	h := &handler{}
	for i := range 5000 {
		h.descend(&h.tree, []string{"/a", fmt.Sprint("/", i)})
	}
	if got := paths(&h.tree); len(got) != 4096 {
		t.Errorf("%d nodes, want 4096", len(got))
	}
}

// paths returns the path of each node below n: its pattern after those of its parents.
func paths(n *node) (all []string) {
	children := n.children.Load()
	if children == nil {
		return nil
	}
	for pattern, child := range *children {
		all = append(all, pattern)
		for _, path := range paths(child) {
			all = append(all, pattern+path)
		}
	}
	slices.Sort(all)
	return all
}

// TestNodesAreOfRoutes checks that requests, hostile ones too, add only nodes of routes to
// the cache.
func TestNodesAreOfRoutes(t *testing.T) {
	m, err := meters.New(meterstest.NewReader(t).Providers())
	if err != nil {
		t.Fatal(err)
	}
	api := m.API()
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	router := chi.NewRouter()
	router.Route("/api", func(router chi.Router) { router.Get("/users/{user}", h) })
	mux := http.NewServeMux()
	mux.Handle("/tree/{thing}/", h)
	aroundChi, aroundMux := New(api)(router).(chiHandler), New(api)(mux).(*handler)
	for i := range 50 {
		for _, method := range []string{"GET", "CONNECT", "QUERY", fmt.Sprint("FOO", i)} {
			for _, path := range []string{"/api/users/%d", "/api/%d", "/%d", "/tree/%d", "/tree/%d/", "/tree/%d/x"} {
				for _, h := range []http.Handler{aroundChi, aroundMux} {
					r := httptest.NewRequest("GET", fmt.Sprintf(path, i), nil)
					r.Method = method
					h.ServeHTTP(httptest.NewRecorder(), r)
				}
			}
		}
	}
	for _, test := range []struct {
		name      string
		got, want []string
	}{
		{"chi", paths(&aroundChi.tree), []string{"/api/*", "/api/*/users/{user}"}},
		{"ServeMux", paths(&aroundMux.tree), []string{"/tree/{thing}/"}},
	} {
		if !slices.Equal(test.got, test.want) {
			t.Errorf("%s: nodes %q, want %q", test.name, test.got, test.want)
		}
	}
}
