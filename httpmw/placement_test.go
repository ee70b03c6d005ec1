package httpmw_test

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/otelcoder/otelcoder/httpmw"
)

// TestRoutes checks that the route of a request is the pattern that its method and path
// match in the whole tree of routers. Neither the handler that responds nor the place of the
// middleware matters.
func TestRoutes(t *testing.T) {
	const user = "/api/v2/users/{user}"
	// Every router below serves GET /api/v2/users/{user}, and nothing else.
	requests := []struct {
		request, code string
		route         string // of a user by default
	}{
		{"GET /api/v2/users/me", "200", ""},
		{"GET /api/v2/users/me?middleware=401", "401", ""},
		{"GET /api/v2/users/me?middleware=404", "404", ""},
		{"GET /api/v2/users/me?middleware=303", "303", ""},
		{"GET /api/v2/users/me?middleware=503", "503", ""},
		{"GET /api/v2/users/me?middleware=panic", "500", ""},
		{"GET /api/v2/users/me?handler=404", "404", ""},
		{"GET /api/v2/users/me?handler=405", "405", ""},
		{"GET /api/v2/users/me?handler=503", "503", ""},
		{"GET /api/v2/users/me?handler=panic", "500", ""},
		{"POST /api/v2/users/me", "405", "UNKNOWN"},
		{"GET /api/v2/users", "404", "UNKNOWN"},
		{"GET /api/v2/users/me/keys", "404", "UNKNOWN"},
		{"GET /api/v2/nothing", "404", "UNKNOWN"},
		{"GET /nothing", "404", "STATIC"},
		// A middleware may respond although its router matches nothing.
		{"POST /api/v2/users/me?middleware=401", "401", "UNKNOWN"},
		{"GET /api/v2/users/me/keys?middleware=401", "401", "UNKNOWN"},
		{"GET /nothing?middleware=303", "303", "STATIC"},
		{"GET /api/v2/users/me?timeout&handler=slow", "503", ""},
	}

	newMux := func(pattern string, h http.Handler) *http.ServeMux {
		mux := http.NewServeMux()
		mux.Handle(pattern, h)
		return mux
	}
	leaf := answersLate()
	wrapped := answersEarly(leaf)
	// chi with middlewares in its root and in its sub-router.
	newChi := func(root, sub []mw) *chi.Mux {
		router := chi.NewRouter()
		router.Use(root...)
		router.Route("/api/v2/users", func(router chi.Router) {
			router.Use(sub...)
			router.Get("/{user}", leaf)
		})
		return router
	}
	use := func(use ...mw) []mw { return use }
	early := use(answersEarly)

	for _, test := range []struct {
		name    string
		handler func(measure mw) http.Handler
		// With partly, requests that match no route may not reach the middleware. But maps
		// routes to the labels that replace them.
		partly bool
		but    map[string]string
	}{
		{"chi, in", func(measure mw) http.Handler { return newChi(use(measure), early) }, false, nil},
		{"chi, in, answered by the root", func(measure mw) http.Handler { return newChi(use(measure, answersEarly), nil) }, false, nil},
		{"chi, in, WithContext", func(measure mw) http.Handler { return newChi(use(measure, withContext), early) }, false, nil},
		{"chi, in, sub-router WithContext", func(measure mw) http.Handler { return newChi(use(measure), use(withContext, answersEarly)) }, false, nil},
		{"chi, in both", func(measure mw) http.Handler { return newChi(use(measure), use(measure, answersEarly)) }, false, nil},
		{"chi, in both, WithContext", func(measure mw) http.Handler { return newChi(use(measure, withContext), use(measure, answersEarly)) }, false, nil},
		{"chi, around", func(measure mw) http.Handler { return measure(newChi(nil, early)) }, false, nil},
		{"chi, around, answered by the root", func(measure mw) http.Handler { return measure(newChi(early, nil)) }, false, nil},
		{"chi, around twice", func(measure mw) http.Handler { return measure(withContext(measure(newChi(nil, early)))) }, false, nil},
		{"chi, around and in", func(measure mw) http.Handler { return measure(newChi(use(measure), early)) }, false, nil},
		{"chi, in a sub-router", func(measure mw) http.Handler { return newChi(nil, use(measure, answersEarly)) }, true, nil},
		{"chi, around a sub-router", func(measure mw) http.Handler {
			sub := chi.NewRouter()
			sub.Use(answersEarly)
			sub.Get("/{user}", leaf)
			router := chi.NewRouter()
			router.Mount("/api/v2/users", measure(sub))
			return router
		}, true, nil},
		{"chi, around the tree and a sub-router", func(measure mw) http.Handler {
			sub := chi.NewRouter()
			sub.Use(answersEarly)
			sub.Get("/{user}", leaf)
			router := chi.NewRouter()
			router.Mount("/api/v2/users", measure(sub))
			return measure(router)
		}, false, nil},
		{"chi, With", func(measure mw) http.Handler {
			router := chi.NewRouter()
			router.With(measure, answersEarly).Get(user, leaf)
			return router
		}, true, nil},
		{"chi, in, With", func(measure mw) http.Handler {
			router := chi.NewRouter()
			router.Use(measure)
			router.With(answersEarly).Get(user, leaf)
			return router
		}, false, nil},
		{"chi, in, Group", func(measure mw) http.Handler {
			router := chi.NewRouter()
			router.Use(measure)
			router.Route("/api", func(router chi.Router) {
				router.Group(func(router chi.Router) {
					router.Use(answersEarly)
					router.Route("/v2", func(router chi.Router) { router.Get("/users/{user}", leaf) })
				})
			})
			return router
		}, false, nil},

		{"ServeMux, around", func(measure mw) http.Handler { return measure(newMux("GET "+user, wrapped)) }, false, nil},
		{"ServeMux, around, WithContext", func(measure mw) http.Handler {
			return measure(withContext(measure(newMux("GET "+user, withContext(wrapped)))))
		}, false, nil},
		{"ServeMux, around a route", func(measure mw) http.Handler { return newMux("GET "+user, measure(wrapped)) }, true, nil},
		{"ServeMux, around and around a route", func(measure mw) http.Handler {
			return measure(withContext(newMux("GET "+user, measure(wrapped))))
		}, false, nil},
		{"ServeMux in a ServeMux", func(measure mw) http.Handler {
			return measure(newMux("/api/", newMux("GET "+user, wrapped)))
		}, false, nil},
		{"ServeMux, StripPrefix", func(measure mw) http.Handler {
			return measure(newMux("/api/v2/", http.StripPrefix("/api/v2", measure(newMux("GET /users/{user}", wrapped)))))
		}, false, nil},

		{"chi below ServeMux, around", func(measure mw) http.Handler { return measure(newMux("/", newChi(nil, early))) }, false, nil},
		{"chi below ServeMux, around a prefix", func(measure mw) http.Handler { return measure(newMux("/api/v2/", newChi(nil, early))) }, false, nil},
		{"chi below ServeMux, around chi", func(measure mw) http.Handler { return newMux("/", measure(newChi(nil, early))) }, false, nil},
		{"chi below ServeMux, around both", func(measure mw) http.Handler { return measure(newMux("/", measure(newChi(nil, early)))) }, false, nil},
		{"chi below ServeMux, around both, WithContext", func(measure mw) http.Handler {
			return measure(newMux("/{path...}", withContext(measure(newChi(use(withContext), early)))))
		}, false, nil},
		{"chi below ServeMux, in chi", func(measure mw) http.Handler { return newMux("/", newChi(use(measure, withContext), early)) }, false, nil},
		{"chi below ServeMux, in a sub-router", func(measure mw) http.Handler {
			return newMux("/{first}/", newChi(use(withContext), use(measure, answersEarly)))
		}, true, nil},

		{"ServeMux below chi, in chi", func(measure mw) http.Handler {
			router := chi.NewRouter()
			router.Use(measure)
			router.Mount("/api/v2", newMux("GET "+user, wrapped))
			return router
		}, false, map[string]string{"UNKNOWN": "/api/v2/*"}}, // chi does not know that the ServeMux is a router
		{"ServeMux below chi, in chi and around the ServeMux", func(measure mw) http.Handler {
			router := chi.NewRouter()
			router.Use(measure, withContext)
			router.Mount("/api/v2", withContext(measure(newMux("GET "+user, wrapped))))
			return router
		}, false, nil},
		{"ServeMux below chi, around a route", func(measure mw) http.Handler {
			router := chi.NewRouter()
			router.Mount("/api/v2", newMux("GET "+user, measure(wrapped)))
			return router
		}, true, nil},

		{"WithRoute, in", func(measure mw) http.Handler { return userRouter{measure, wrapped} }, false, nil},
		{"WithRoute, around and in", func(measure mw) http.Handler { return measure(withContext(userRouter{measure, wrapped})) }, false, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, httpmw.WithRoute(func(r *http.Request) string {
					route, _ := r.Context().Value(otherRoute{}).(string)
					return route
				}))
				h := test.handler(f.measure)
				before := ""
				for _, r := range requests {
					method, target, _ := strings.Cut(r.request, " ")
					func() {
						defer func() { recover() }()
						h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, target, nil))
					}()
					now := f.measured(t) // fails if anything is in flight
					got := newCounts(before, now)
					before = now
					want := cmp.Or(r.route, user)
					want = cmp.Or(test.but[want], want)
					// The router responds with another code if the early middleware does not
					// run.
					if len(got) == 1 && strings.Contains(r.request, "?middleware") && r.route != "" && got[0].path == want {
						continue
					}
					if len(got) == 0 && test.partly && r.route != "" {
						continue
					}
					if len(got) != 1 || got[0] != (count{r.code, method, want}) {
						t.Errorf("%s: measured %v, want %v", r.request, got, count{r.code, method, want})
					}
				}
				time.Sleep(time.Hour) // the slow handler returns
			})
		})
	}
}

// count is a series of the total of requests.
type count struct{ code, method, path string }

// newCounts returns the series in now that are new or have changed.
func newCounts(before, now string) (counts []count) {
	for line := range strings.Lines(now) {
		if strings.HasPrefix(line, "requests{") && !strings.Contains(before, line) {
			label := strings.Split(line, `"`)
			counts = append(counts, count{label[1], label[3], label[5]})
		}
	}
	return counts
}

// answersEarly responds with the code of the parameter middleware instead of calling next,
// or limits the time of next if there is a parameter timeout.
func answersEarly(next http.Handler) http.Handler {
	limited := http.TimeoutHandler(next, time.Second, "")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch code := r.URL.Query().Get("middleware"); {
		case code != "":
			send(w, code)
		case r.URL.Query().Has("timeout"):
			limited.ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// answersLate responds with the code of the parameter handler, or is slow if that is slow.
func answersLate() http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch how := r.URL.Query().Get("handler"); how {
		case "":
		case "slow":
			time.Sleep(time.Minute)
		default:
			send(w, how)
		}
	}
}

func send(w http.ResponseWriter, code string) {
	status, err := strconv.Atoi(code)
	if err != nil {
		panic(code)
	}
	w.WriteHeader(status)
}

// userRouter is a router that keeps the route in the request's context, and applies a
// middleware.
type userRouter struct {
	middleware mw
	user       http.Handler
}

func (u userRouter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := http.NotFoundHandler()
	if user, ok := strings.CutPrefix(r.URL.Path, "/api/v2/users/"); ok && !strings.Contains(user, "/") {
		h = answer(http.StatusMethodNotAllowed)
		if r.Method == http.MethodGet {
			h = u.user
			r = r.WithContext(context.WithValue(r.Context(), otherRoute{}, "/api/v2/users/{user}"))
		}
	}
	u.middleware(h).ServeHTTP(w, r)
}
