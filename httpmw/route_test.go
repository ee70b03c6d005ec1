package httpmw_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/instrument"
)

type mw = func(http.Handler) http.Handler

// withContext and withTimeout pass on a copy of the request.
func withContext(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		type key struct{}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, "value")))
	})
}

func withTimeout(next http.Handler) http.Handler { return http.TimeoutHandler(next, time.Hour, "") }

func merge(labels, but map[string]string) map[string]string {
	labels = maps.Clone(labels)
	maps.Copy(labels, but)
	return labels
}

// labels sends requests and checks that each of them counts in one series, whose label path
// has the wanted value.
func labels(t *testing.T, f *fixture, h http.Handler, want map[string]string) {
	t.Helper()
	s := serve(t, h)
	before := f.Text(t, instrument.APIRequestsProcessed)
	for request, path := range want {
		code, _ := s.do(t, request)
		now := f.Text(t, instrument.APIRequestsProcessed)
		var got []string
		for line := range strings.Lines(now) {
			if strings.HasPrefix(line, "coderd") && !strings.Contains(before, line) {
				_, line, _ = strings.Cut(line, `path="`)
				line, _, _ = strings.Cut(line, `"`)
				got = append(got, line)
			}
		}
		if len(got) != 1 || got[0] != path {
			t.Errorf("%s (%d): measured with %q, want %q", request, code, got, path)
		}
		before = now
	}
	f.measured(t) // fails if anything is in flight
}

func TestServeMux(t *testing.T) {
	want := map[string]string{
		"/":                            "/",
		"/index.html":                  "STATIC",
		"/users":                       "/users",
		"HEAD /users":                  "/users",
		"POST /users":                  "STATIC",
		"/users/7":                     "/users/{user}",
		"/users/7/files/a/b":           "/users/{user}/files/{path...}",
		"/assets/":                     "/assets/",
		"/assets/app.js":               "/assets/",
		"/assets":                      "/assets/", // redirected
		"/assets//app.js":              "/assets/", // redirected
		"/api/v2/users":                "/api/v2/users",
		"/api/v2/nothing":              "UNKNOWN",
		"DELETE /api/v2/users":         "UNKNOWN",
		"/api":                         "STATIC",
		"/api/":                        "UNKNOWN",
		"/apis/":                       "STATIC",
		"/hosted":                      "/hosted",
		"FOO /api/v2/anything":         "/api/v2/anything",
		"/sub/users/7":                 "/sub/users/{user}",
		"/sub/nothing":                 "STATIC",
		"/subtree/":                    "/subtree/",
		"/subtree/x":                   "STATIC",
		"/users/%2Fetc/files/%2e%2e/x": "/users/{user}/files/{path...}",
	}
	mux := func() *http.ServeMux {
		mux := http.NewServeMux()
		for _, pattern := range []string{
			"/{$}", "GET /users", "GET /users/{user}", "GET\t /users/{user}/files/{path...}", "/assets/",
			"GET /api/v2/users", "127.0.0.1/hosted", "/api/v2/anything", "GET /subtree/{$}",
		} {
			mux.Handle(pattern, answer(200))
		}
		sub := http.NewServeMux()
		sub.Handle("/sub/users/{user}", answer(200))
		mux.Handle("/sub/", sub)
		return mux
	}
	for _, place := range []struct {
		name string
		at   func(measure mw) http.Handler
		but  map[string]string // labels that differ
	}{
		{"around", func(measure mw) http.Handler { return measure(mux()) }, nil},
		{"around a handler in between", func(measure mw) http.Handler {
			mux := mux()
			return measure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mux.ServeHTTP(w, r) }))
		}, nil},
		{"twice", func(measure mw) http.Handler { return measure(measure(mux())) }, nil},
		{"three times", func(measure mw) http.Handler { return measure(measure(withContext(measure(mux())))) }, nil},
		{"WithContext", func(measure mw) http.Handler { return measure(withContext(measure(mux()))) }, nil},
		{"TimeoutHandler", func(measure mw) http.Handler { return measure(withTimeout(measure(mux()))) }, nil},
		{"below TimeoutHandler", func(measure mw) http.Handler { return withTimeout(measure(mux())) }, nil},
		{"StripPrefix of nothing", func(measure mw) http.Handler { return measure(http.StripPrefix("", measure(mux()))) }, nil},
		{"below a mux", func(measure mw) http.Handler {
			outer := http.NewServeMux()
			outer.Handle("/", withTimeout(measure(mux())))
			return measure(outer)
		}, map[string]string{
			"/assets//app.js": "/", // redirected by the outer mux
		}},
	} {
		t.Run(place.name, func(t *testing.T) {
			f := newFixture(t)
			labels(t, f, place.at(f.measure), merge(want, place.but))
		})
	}
}

func TestServeMuxRoutes(t *testing.T) {
	f := newFixture(t)
	mux := http.NewServeMux()
	mux.Handle("GET /users/{user}", f.measure(answer(200)))
	mux.Handle("GET /groups/{$}", f.measure(withContext(answer(404))))
	mux.Handle("/assets/", f.measure(http.StripPrefix("/assets", answer(200))))
	mux.Handle("/", answer(200)) // not measured
	s := serve(t, mux)
	for _, path := range []string{"/users/7", "/groups/", "/assets/a", "/nothing"} {
		s.do(t, path)
	}
	f.expect(t, `
latencies{method="GET",path="/assets/"} 1
latencies{method="GET",path="/groups/"} 1
latencies{method="GET",path="/users/{user}"} 1
requests{code="200",method="GET",path="/assets/"} 1
requests{code="200",method="GET",path="/users/{user}"} 1
requests{code="404",method="GET",path="/groups/"} 1
`)
}

// newChi returns a router with routes of every kind. Use is applied to all its routers.
func newChi(use ...mw) *chi.Mux {
	router := chi.NewRouter()
	router.Use(use...)
	router.Get("/", answer(200))
	router.Get("/health", answer(200))
	router.Get("/files/*", answer(404))
	router.Route("/api/v2", func(router chi.Router) {
		router.Use(use...)
		router.Get("/", answer(200))
		router.Get("/version", answer(200))
		router.Route("/users", func(router chi.Router) {
			router.Use(use...)
			router.Get("/", answer(200))
			router.Get("/{user}", answer(404))
			router.With(withContext).Post("/{user}/keys/{key:[0-9]+}", answer(200))
			router.Group(func(router chi.Router) {
				router.Get("/{user}/files/*", answer(200))
			})
		})
		router.Route("/{organization}/members", func(router chi.Router) {
			router.Put("/{member}", answer(200))
		})
	})
	plain := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "nothing") {
			w.WriteHeader(404)
		}
	})
	router.Mount("/plain", plain)
	rootless := chi.NewRouter()
	rootless.Get("/x", answer(200))
	router.Mount("/rootless", rootless)
	router.Mount("/both", rootless)
	router.Get("/both", answer(404))
	hidden := chi.NewRouter()
	hidden.Get("/", answer(200))
	hidden.Get("/x/{y}", answer(200))
	hidden.Get("/files/*", answer(200))
	hidden.Route("/sub", func(router chi.Router) { router.Get("/x", answer(200)) })
	router.Mount("/hidden", withContext(hidden))
	return router
}

var chiLabels = map[string]string{
	"/":                           "/",
	"/health":                     "/health",
	"/nothing":                    "STATIC",
	"POST /health":                "STATIC",
	"FOO /health":                 "STATIC",
	"/files/a/b":                  "/files/*",
	"/files/":                     "/files/*",
	"/files":                      "STATIC",
	"/api/v2":                     "/api/v2",
	"/api/v2/":                    "/api/v2",
	"/api/v2/version":             "/api/v2/version",
	"/api/v2/nothing":             "UNKNOWN",
	"POST /api/v2/version":        "UNKNOWN",
	"FOO /api/v2/version":         "UNKNOWN",
	"/api/v2/users":               "/api/v2/users",
	"/api/v2/users/":              "/api/v2/users",
	"POST /api/v2/users":          "UNKNOWN",
	"/api/v2/users/7":             "/api/v2/users/{user}",
	"/api/v2/users/7/nothing":     "UNKNOWN",
	"DELETE /api/v2/users/7":      "UNKNOWN",
	"POST /api/v2/users/7/keys/8": "/api/v2/users/{user}/keys/{key:[0-9]+}",
	"POST /api/v2/users/7/keys/x": "UNKNOWN",
	"/api/v2/users/7/files/a/b":   "/api/v2/users/{user}/files/*",
	"PUT /api/v2/acme/members/7":  "/api/v2/{organization}/members/{member}",
	"PUT /api/v2/acme/members":    "UNKNOWN",
	"/plain":                      "/plain",
	"/plain/x":                    "/plain/*",
	"/plain/nothing":              "/plain/*",
	"/rootless":                   "STATIC",
	"/rootless/":                  "STATIC",
	"/rootless/x":                 "/rootless/x",
	"/both":                       "/both",
	"POST /both":                  "STATIC",
	"/both/x":                     "/both/x",
	"/both/y":                     "STATIC",
	"/hidden":                     "/hidden",
	"/hidden/x/1":                 "/hidden/x/{y}",
	"/hidden/files/a":             "/hidden/files/*",
	"/hidden/sub/x":               "/hidden/sub/x",
	"/hidden/sub/y":               "STATIC",
	"/hidden/nothing":             "/hidden/*",
}

func TestChi(t *testing.T) {
	for _, place := range []struct {
		name string
		at   func(measure mw) http.Handler
		but  map[string]string // labels that differ, since the middleware finds fewer routes
	}{
		{"around", func(measure mw) http.Handler { return measure(newChi()) }, nil},
		{"in", func(measure mw) http.Handler { return newChi(measure) }, nil},
		{"around and in", func(measure mw) http.Handler { return measure(newChi(measure)) }, nil},
		{"in, WithContext", func(measure mw) http.Handler { return newChi(measure, withContext) }, nil},
		{"WithContext, in", func(measure mw) http.Handler { return newChi(withContext, measure) }, nil},
		{"in, TimeoutHandler", func(measure mw) http.Handler { return newChi(measure, withTimeout) }, nil},
		{"around, WithContext", func(measure mw) http.Handler { return measure(newChi(withContext)) }, nil},
		{"around twice, TimeoutHandler between", func(measure mw) http.Handler { return measure(withTimeout(measure(newChi()))) }, nil},
		{"around TimeoutHandler and in", func(measure mw) http.Handler { return measure(withTimeout(newChi(measure))) }, nil},
		{"below a mux", func(measure mw) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/", measure(newChi()))
			return mux
		}, nil},
		{"around a mux", func(measure mw) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/", newChi())
			return measure(mux)
		}, map[string]string{
			"/hidden/x/1":     "/hidden/*",
			"/hidden/files/a": "/hidden/*",
			"/hidden/sub/x":   "/hidden/*",
			"/hidden/sub/y":   "/hidden/*",
		}},
		{"around a mux and below TimeoutHandler", func(measure mw) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/", withTimeout(measure(newChi())))
			return measure(mux)
		}, nil},
	} {
		t.Run(place.name, func(t *testing.T) {
			f := newFixture(t)
			labels(t, f, place.at(f.measure), merge(chiLabels, place.but))
		})
	}
}

// lister counts the calls of Routes, which take long if there are many routes.
type lister struct {
	*chi.Mux
	listed atomic.Int32
}

func (l *lister) Routes() []chi.Route {
	l.listed.Add(1)
	return l.Mux.Routes()
}

func TestChiRoutesAreListedOnce(t *testing.T) {
	f := newFixture(t)
	router := &lister{Mux: newChi()}
	h := f.measure(router)
	labels(t, f, h, chiLabels)
	if n := router.listed.Load(); n != 1 {
		t.Errorf("routes were listed %d times, want 1", n)
	}
	router.Get("/late/{thing}", answer(200))
	router.Route("/later", func(router chi.Router) { router.Get("/{thing}", answer(200)) })
	labels(t, f, h, map[string]string{
		"/late/x":  "/late/{thing}",
		"/later/x": "/later/{thing}",
		"/later/":  "STATIC",
	})
}

// TestChiInSeveralTrees checks that a request to a sub-router that is mounted in two trees
// has the route of the tree that it came through.
func TestChiInSeveralTrees(t *testing.T) {
	f := newFixture(t)
	users := chi.NewRouter()
	users.Use(f.measure, answersEarly)
	users.Get("/{user}", answer(200))
	mux := http.NewServeMux()
	for _, prefix := range []string{"/api/v1", "/api/v2"} {
		router := chi.NewRouter()
		router.Mount(prefix+"/users", users)
		mux.Handle(prefix+"/", router)
	}
	labels(t, f, mux, map[string]string{
		"/api/v1/users/me":                "/api/v1/users/{user}",
		"/api/v1/users/me?middleware=401": "/api/v1/users/{user}",
		"/api/v2/users/me":                "/api/v2/users/{user}",
		"/api/v2/users/me?middleware=401": "/api/v2/users/{user}",
	})
}

// incomparable is a router that cannot be compared with ==.
type incomparable struct {
	*chi.Mux
	_ []int
}

func TestIncomparableRouter(t *testing.T) {
	f := newFixture(t)
	labels(t, f, f.measure(incomparable{Mux: newChi(f.measure)}), chiLabels)
}

// TestServeMuxInChi mounts a ServeMux, whose routes chi does not list.
func TestServeMuxInChi(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /api/mux/users/{user}", answer(200))
	want := map[string]string{
		"/api/mux/users/7": "/api/mux/users/{user}",
		"/api/mux/nothing": "/api/mux/*",
		"/api/nothing":     "UNKNOWN",
	}
	for name, test := range map[string]struct {
		handler func(measure mw) http.Handler
		but     map[string]string
	}{
		"in chi": {func(measure mw) http.Handler {
			router := chi.NewRouter()
			router.Use(measure)
			router.Mount("/api/mux", mux)
			return router
		}, nil},
		"around chi": {func(measure mw) http.Handler {
			router := chi.NewRouter()
			router.Mount("/api/mux", mux)
			return measure(router)
		}, nil},
		"in chi and around the mux": {func(measure mw) http.Handler {
			router := chi.NewRouter()
			router.Use(measure, withContext)
			router.Mount("/api/mux", withContext(measure(mux)))
			return router
		}, map[string]string{"/api/mux/nothing": "UNKNOWN"}},
		"in chi, WithContext": {func(measure mw) http.Handler {
			router := chi.NewRouter()
			router.Use(measure, withContext)
			router.Mount("/api/mux", mux)
			return router
		}, map[string]string{"/api/mux/users/7": "/api/mux/*"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			labels(t, f, test.handler(f.measure), merge(want, test.but))
		})
	}
}

func TestStripPrefix(t *testing.T) {
	mux := func(pattern string, h http.Handler) *http.ServeMux {
		mux := http.NewServeMux()
		mux.Handle(pattern, h)
		return mux
	}
	users := mux("GET /users/{user}", answer(200))
	chiUsers := chi.NewRouter()
	chiUsers.Get("/users/{user}", answer(200))
	twoSegments := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, rest, _ := strings.Cut(r.URL.Path[1:], "/")
			_, rest, _ = strings.Cut(rest, "/")
			http.StripPrefix(strings.TrimSuffix(r.URL.Path, "/"+rest), next).ServeHTTP(w, r)
		})
	}
	for _, test := range []struct {
		name    string
		handler func(measure mw) http.Handler
		want    map[string]string
	}{
		{"around it and a mux", func(measure mw) http.Handler { return measure(http.StripPrefix("/api/v2", measure(users))) }, map[string]string{
			"/api/v2/users/7": "/users/{user}",
			"/api/v2/nothing": "UNKNOWN",
			"/users/7":        "STATIC",
		}},
		{"in a mux, around both", func(measure mw) http.Handler {
			return measure(mux("/api/v2/", http.StripPrefix("/api/v2", measure(users))))
		}, map[string]string{
			"/api/v2/users/7": "/api/v2/users/{user}",
			"/api/v2/nothing": "UNKNOWN",
			"/nothing":        "STATIC",
		}},
		{"of more than the pattern", func(measure mw) http.Handler {
			return measure(mux("/api/", http.StripPrefix("/api/v2", measure(users))))
		}, map[string]string{
			"/api/v2/users/7": "/users/{user}",
		}},
		{"of a variable prefix", func(measure mw) http.Handler {
			return measure(mux("/{organization}/{workspace}/{rest...}", twoSegments(measure(users))))
		}, map[string]string{
			"/acme/dev/users/7": "/{organization}/{workspace}/users/{user}",
			"/acme/dev/nothing": "STATIC",
		}},
		{"in a mux, outside only", func(measure mw) http.Handler {
			return measure(mux("/api/v2/", http.StripPrefix("/api/v2", chiUsers)))
		}, map[string]string{
			"/api/v2/users/7": "/api/v2/",
		}},
		{"in a mux, inside only", func(measure mw) http.Handler {
			return mux("/api/v2/", http.StripPrefix("/api/v2", measure(chiUsers)))
		}, map[string]string{
			"/api/v2/users/7": "/users/{user}",
			"/api/v2/nothing": "STATIC", // the middleware sees the path without /api/v2
		}},
		{"in chi, around both", func(measure mw) http.Handler {
			router := chi.NewRouter()
			router.Use(measure)
			router.Mount("/api/v2", http.StripPrefix("/api/v2", measure(users)))
			return router
		}, map[string]string{
			"/api/v2/users/7": "/api/v2/users/{user}",
			"/api/v2/nothing": "UNKNOWN",
		}},
		{"twice, in a mux in a mux", func(measure mw) http.Handler {
			return measure(mux("/api/", http.StripPrefix("/api", measure(mux("/v2/", http.StripPrefix("/v2", measure(users)))))))
		}, map[string]string{
			"/api/v2/users/7": "/api/v2/users/{user}",
			"/api/v2/nothing": "UNKNOWN",
			"/api/nothing":    "UNKNOWN",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			labels(t, f, test.handler(f.measure), test.want)
		})
	}
}

// TestChiRoutesAnotherWay checks middlewares of chi that change the path or method by which
// chi routes.
func TestChiRoutesAnotherWay(t *testing.T) {
	for name, use := range map[string]func(measure mw) []mw{
		"no copy":     func(measure mw) []mw { return []mw{measure, middleware.StripSlashes, middleware.GetHead} },
		"WithContext": func(measure mw) []mw { return []mw{measure, middleware.StripSlashes, withContext, middleware.GetHead} },
		"inner": func(measure mw) []mw {
			return []mw{measure, withTimeout, measure, middleware.StripSlashes, withContext, middleware.GetHead}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			router := chi.NewRouter()
			router.Use(use(f.measure)...)
			router.Get("/users", answer(200))
			labels(t, f, router, map[string]string{
				"/users":       "/users",
				"/users/":      "/users",
				"HEAD /users":  "/users",
				"HEAD /users/": "/users",
			})
		})
	}
}

// TestChiRoutesAnotherWayToAnAnswer checks middlewares that change the path or method by
// which chi routes, before another middleware responds.
func TestChiRoutesAnotherWayToAnAnswer(t *testing.T) {
	f := newFixture(t)
	router := chi.NewRouter()
	router.Use(f.measure, middleware.StripSlashes, middleware.GetHead)
	router.Route("/api/v2/users", func(router chi.Router) {
		router.Use(withContext, answersEarly)
		router.Get("/", answersLate())
		router.Get("/{user}", answersLate())
		router.Route("/{user}/keys", func(router chi.Router) {
			router.With(answersEarly).Get("/{key}", answersLate())
		})
	})
	labels(t, f, router, map[string]string{
		"/api/v2/users/?middleware=401":           "/api/v2/users",
		"/api/v2/users/me/?middleware=401":        "/api/v2/users/{user}",
		"HEAD /api/v2/users/me?middleware=403":    "/api/v2/users/{user}",
		"/api/v2/users/me/keys/1/?middleware=401": "/api/v2/users/{user}/keys/{key}",
		"/api/v2/users/me/keys/?middleware=401":   "UNKNOWN",
	})
}

// wrapped wraps the handler's writer in one with a method Unwrap, which
// http.ResponseController calls.
func wrapped(next http.Handler) http.Handler {
	type wrapper struct{ withUnwrap }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(wrapper{withUnwrap{w}}, r)
	})
}

type withUnwrap struct{ http.ResponseWriter }

func (w withUnwrap) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// TestRouterAgain checks a handler that passes the request to the same middleware again,
// with another path.
func TestRouterAgain(t *testing.T) {
	for name, between := range map[string]mw{
		"WithContext":    withContext,
		"StripPrefix":    func(next http.Handler) http.Handler { return http.StripPrefix("/old", next) },
		"wrapped writer": func(next http.Handler) http.Handler { return wrapped(http.StripPrefix("/old", wrapped(next))) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			mux := http.NewServeMux()
			measured := f.measure(mux)
			mux.Handle("/users/{user}", answer(200))
			mux.Handle("/old/", between(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r = r.Clone(r.Context())
				r.URL.Path = strings.TrimPrefix(r.URL.Path, "/old")
				measured.ServeHTTP(w, r)
			})))
			labels(t, f, measured, map[string]string{
				"/old/users/7": "/old/users/{user}",
				"/old/nothing": "STATIC",
				"/users/7":     "/users/{user}",
			})
		})
	}
}

// TestTimeout checks handlers that time out. http.TimeoutHandler does not wait for them, so
// their goroutine may still read or match the route while the request is measured.
func TestTimeout(t *testing.T) {
	slow := func(_ http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Hour) // in the time of the synctest bubble
		chi.URLParam(r, "user")
	}
	timeout := func(next http.Handler) http.Handler { return http.TimeoutHandler(next, time.Second, "") }
	muxAt := func(pattern string, h http.Handler) *http.ServeMux {
		mux := http.NewServeMux()
		mux.Handle(pattern, h)
		return mux
	}
	mux := muxAt("GET /api/{user}/{$}", http.HandlerFunc(slow))
	newChi := func(use ...mw) http.Handler {
		router := chi.NewRouter()
		router.Use(use...)
		router.Route("/api", func(router chi.Router) {
			router.Route("/{user}", func(router chi.Router) { router.Get("/", slow) })
		})
		return router
	}
	for _, test := range []struct {
		name    string
		handler func(measure mw) http.Handler
		path    string
		// Two requests, or one if chi would reuse the routing context for the second one
		// while the goroutine of the first one still reads it. That is a bug of chi.
		requests int
	}{
		{"around, around a mux", func(measure mw) http.Handler { return measure(timeout(measure(mux))) }, "/api/{user}/", 2},
		{"around, in a mux below a mux", func(measure mw) http.Handler { return measure(muxAt("/", timeout(measure(mux)))) }, "/api/{user}/", 2},
		{"around, around chi below a mux", func(measure mw) http.Handler { return measure(timeout(measure(muxAt("/", newChi())))) }, "/api/{user}", 2},
		{"around, around a route of a mux", func(measure mw) http.Handler {
			return measure(timeout(muxAt("GET /api/{user}/{$}", measure(http.HandlerFunc(slow)))))
		}, "/api/{user}/", 2},
		{"around, around chi", func(measure mw) http.Handler { return measure(timeout(measure(newChi()))) }, "/api/{user}", 2},
		{"around, in chi", func(measure mw) http.Handler { return measure(timeout(newChi(measure))) }, "/api/{user}", 2},
		{"in chi, which times out", func(measure mw) http.Handler { return newChi(measure, timeout) }, "/api/{user}", 1},
		{"around chi, which times out", func(measure mw) http.Handler { return measure(newChi(timeout)) }, "/api/{user}", 2},
		{"around, in chi, which times out", func(measure mw) http.Handler { return measure(withContext(newChi(measure, timeout))) }, "/api/{user}", 1},
		{"around, around chi, which times out", func(measure mw) http.Handler { return measure(withContext(measure(newChi(timeout)))) }, "/api/{user}", 2},
		{"outside only", func(measure mw) http.Handler { return measure(timeout(mux)) }, "UNKNOWN", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				h := test.handler(f.measure)
				for range test.requests {
					h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/7/", nil))
					f.measured(t) // fails if anything is in flight
				}
				time.Sleep(2 * time.Hour) // the handlers return, and change nothing
				f.expect(t, fmt.Sprintf(`
latencies{method="GET",path="%[1]s"} %[2]d
requests{code="503",method="GET",path="%[1]s"} %[2]d
`, test.path, test.requests))
			})
		})
	}
}

// TestChiContextWithoutRouter checks requests with a routing context but without a router,
// as in unit tests of handlers.
func TestChiContextWithoutRouter(t *testing.T) {
	f := newFixture(t)
	rctx := chi.NewRouteContext()
	rctx.URLParams.Add("user", "7")
	mux := http.NewServeMux()
	mux.Handle("GET /users/{user}", answer(200))
	for _, h := range []http.Handler{f.measure(answer(200)), f.measure(f.measure(answer(200))), f.measure(mux), f.measure(withContext(f.measure(mux)))} {
		r := httptest.NewRequest("GET", "/users/7", nil)
		h.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithValue(r.Context(), chi.RouteCtxKey, rctx)))
	}
	f.expect(t, `
latencies{method="GET",path="/users/{user}"} 2
latencies{method="GET",path="STATIC"} 2
requests{code="200",method="GET",path="/users/{user}"} 2
requests{code="200",method="GET",path="STATIC"} 2
`)
}

// otherRouter is a router that the middleware does not support. It does not set
// Request.Pattern, but keeps the route in the context of a copy of the request.
type otherRouter struct {
	middleware func(http.Handler) http.Handler
	routes     map[string]http.Handler // by the path's first segment
}

type otherRoute struct{}

func (o otherRouter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	segment, _, _ := strings.Cut(r.URL.Path[1:], "/")
	h, ok := o.routes[segment]
	if !ok {
		o.middleware(http.NotFoundHandler()).ServeHTTP(w, r)
		return
	}
	o.middleware(h).ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), otherRoute{}, "/"+segment+"/:id")))
}

func TestWithRoute(t *testing.T) {
	route := httpmw.WithRoute(func(r *http.Request) string {
		route, _ := r.Context().Value(otherRoute{}).(string)
		return route
	})
	router := func(measure mw) http.Handler {
		return otherRouter{measure, map[string]http.Handler{
			"users": answer(200),
			"panic": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no") }),
		}}
	}
	for name, at := range map[string]func(measure mw) http.Handler{
		"in":            router,
		"around and in": func(measure mw) http.Handler { return measure(withTimeout(router(measure))) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, route)
			labels(t, f, at(f.measure), map[string]string{
				"/users/7": "/users/:id",
				"/panic/7": "/panic/:id",
				"/nothing": "STATIC",
			})
		})
	}
	t.Run("around a known router", func(t *testing.T) {
		f := newFixture(t, route)
		labels(t, f, f.measure(newChi()), chiLabels)
	})
}

// TestWithRoutePanics checks that a request is measured if the function of WithRoute panics.
func TestWithRoutePanics(t *testing.T) {
	f := newFixture(t, httpmw.WithRoute(func(*http.Request) string { panic("no route") }))
	serve(t, f.measure(answer(200))).do(t, "/users")
	f.expect(t, `
latencies{method="GET",path="STATIC"} 1
requests{code="200",method="GET",path="STATIC"} 1
`)
}
