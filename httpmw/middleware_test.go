package httpmw_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func TestCodes(t *testing.T) {
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		code    string // label of the count
		got     int    // status that the client gets
	}{
		{"writes nothing", func(http.ResponseWriter, *http.Request) {}, "200", 200},
		{"writes a body only", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }, "200", 200},
		{"writes an empty body", func(w http.ResponseWriter, _ *http.Request) { w.Write(nil); w.WriteHeader(404) }, "200", 200},
		{"not found", http.NotFound, "404", 404},
		{"no content", answer(204), "204", 204},
		{"an unassigned code", answer(999), "999", 999},
		{"two codes", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); w.WriteHeader(200) }, "404", 404},
		{"informational first", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(201) }, "201", 201},
		{"informational only", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103) }, "200", 200},
		{"flushes first", func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); w.WriteHeader(404) }, "200", 200},
		{"reads from nothing first", func(w http.ResponseWriter, _ *http.Request) {
			w.(io.ReaderFrom).ReadFrom(strings.NewReader(""))
			w.WriteHeader(404)
		}, "404", 404},
		{"panics", func(http.ResponseWriter, *http.Request) { panic("no") }, "500", 0},
		{"panics after an informational code", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); panic("no") }, "500", 0},
		{"panics after the code", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(202)
			w.(http.Flusher).Flush()
			panic("no")
		}, "202", 202},
		{"panics after the body", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "hello")
			w.(http.Flusher).Flush()
			panic("no")
		}, "200", 200},
		{"panics after an empty flush", func(w http.ResponseWriter, _ *http.Request) { http.NewResponseController(w).Flush(); panic("no") }, "200", 200},
		{"panics after a copy", func(w http.ResponseWriter, _ *http.Request) {
			io.Copy(w, strings.NewReader("hello"))
			w.(http.Flusher).Flush()
			panic("no")
		}, "200", 200},
		{"panics for a code that does not exist", answer(42), "500", 0},
		{"aborts", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "500", 0},
		{"aborts after the code", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, "200", 200},
		{"hijacks", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := http.NewResponseController(w).Hijack()
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			conn.Close()
		}, "200", 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			mux := http.NewServeMux()
			mux.Handle("GET /users", test.handler)
			if got, _ := serve(t, f.measure(mux)).do(t, "/users"); got != test.got {
				t.Errorf("the client got %d, want %d", got, test.got)
			}
			f.expect(t, fmt.Sprintf(`
latencies{method="GET",path="/users"} 1
requests{code="%s",method="GET",path="/users"} 1
`, test.code))
		})
	}
}

// TestPanicGoesOn checks that a panic of the handler keeps its value. The middleware does
// not recover, so that the panic also keeps its stack.
func TestPanicGoesOn(t *testing.T) {
	f := newFixture(t)
	for _, value := range []error{http.ErrAbortHandler, errors.New("no")} {
		func() {
			defer func() {
				if got := recover(); got != value {
					t.Errorf("recovered %v, want %v", got, value)
				}
			}()
			h := f.measure(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(value) }))
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		}()
	}
	f.expect(t, `
latencies{method="GET",path="STATIC"} 2
requests{code="500",method="GET",path="STATIC"} 2
`)
}

func TestMethods(t *testing.T) {
	f := newFixture(t)
	mux := http.NewServeMux()
	mux.Handle("/api/v2/users", answer(200))
	mux.Handle("GET /api/v2/groups", answer(200))
	s := serve(t, f.measure(mux))
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO", "BAR", "get", "QUERY"} {
		s.do(t, method+" /api/v2/users")
	}
	s.do(t, "HEAD /api/v2/groups")
	s.do(t, "POST /api/v2/groups")
	f.expect(t, `
latencies{method="DELETE",path="/api/v2/users"} 1
latencies{method="GET",path="/api/v2/users"} 1
latencies{method="HEAD",path="/api/v2/groups"} 1
latencies{method="HEAD",path="/api/v2/users"} 1
latencies{method="OPTIONS",path="/api/v2/users"} 1
latencies{method="PATCH",path="/api/v2/users"} 1
latencies{method="POST",path="/api/v2/users"} 1
latencies{method="POST",path="UNKNOWN"} 1
latencies{method="PUT",path="/api/v2/users"} 1
latencies{method="TRACE",path="/api/v2/users"} 1
latencies{method="_OTHER",path="/api/v2/users"} 4
requests{code="200",method="DELETE",path="/api/v2/users"} 1
requests{code="200",method="GET",path="/api/v2/users"} 1
requests{code="200",method="HEAD",path="/api/v2/groups"} 1
requests{code="200",method="HEAD",path="/api/v2/users"} 1
requests{code="200",method="OPTIONS",path="/api/v2/users"} 1
requests{code="200",method="PATCH",path="/api/v2/users"} 1
requests{code="200",method="POST",path="/api/v2/users"} 1
requests{code="200",method="PUT",path="/api/v2/users"} 1
requests{code="200",method="TRACE",path="/api/v2/users"} 1
requests{code="200",method="_OTHER",path="/api/v2/users"} 4
requests{code="405",method="POST",path="UNKNOWN"} 1
`)
}

// TestConnect checks that the path of a CONNECT request does not become a label. net/http
// leaves this path in Request.Pattern when it redirects the request to a subtree.
func TestConnect(t *testing.T) {
	f := newFixture(t)
	mux := http.NewServeMux()
	mux.Handle("/api/{thing}/", answer(200))
	mux.Handle("/tree/{thing}/", answer(200))
	var pattern string
	s := serve(t, f.measure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r)
		pattern = r.Pattern
	})))
	for _, target := range []string{"/tree/secret", "/tree/secret/x", "/api/secret", "/api/secret/x", "example.com:443"} {
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: example.com\r\n\r\n", target)
		if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		<-s.done
		if target == "/tree/secret" && pattern != "/tree/secret/" {
			t.Errorf("net/http has changed: Pattern is %q, want /tree/secret/", pattern)
		}
	}
	f.expect(t, `
latencies{method="CONNECT",path="STATIC"} 3
latencies{method="CONNECT",path="UNKNOWN"} 2
requests{code="200",method="CONNECT",path="STATIC"} 1
requests{code="200",method="CONNECT",path="UNKNOWN"} 1
requests{code="307",method="CONNECT",path="STATIC"} 1
requests{code="307",method="CONNECT",path="UNKNOWN"} 1
requests{code="404",method="CONNECT",path="STATIC"} 1
`)
}

func TestClientGone(t *testing.T) {
	f := newFixture(t)
	started := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /silent", func(_ http.ResponseWriter, r *http.Request) {
		started <- struct{}{}
		<-r.Context().Done()
	})
	mux.HandleFunc("GET /telling", func(w http.ResponseWriter, r *http.Request) {
		started <- struct{}{}
		<-r.Context().Done()
		w.WriteHeader(http.StatusBadGateway)
	})
	s := serve(t, f.measure(mux))
	for _, path := range []string{"/silent", "/telling"} {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "GET", s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		var clients sync.WaitGroup
		clients.Go(func() {
			if response, err := s.Client().Do(r); err == nil {
				response.Body.Close()
			}
		})
		<-started
		if n := f.Samples(t)["coderd_api_concurrent_requests"]; n != 1 {
			t.Errorf("%v requests in flight, want 1", n)
		}
		cancel()
		clients.Wait()
		<-s.done
	}
	f.expect(t, `
latencies{method="GET",path="/silent"} 1
latencies{method="GET",path="/telling"} 1
requests{code="200",method="GET",path="/silent"} 1
requests{code="502",method="GET",path="/telling"} 1
`)
}

func TestStreaming(t *testing.T) {
	f := newFixture(t)
	received := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			io.WriteString(w, "event\n")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			<-received // blocks forever if the flush is lost
		}
	})
	s := serve(t, f.measure(mux))
	response, err := s.Client().Get(s.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body := bufio.NewReader(response.Body)
	for range 3 {
		if line, err := body.ReadString('\n'); line != "event\n" || err != nil {
			t.Fatalf("got %q and the error %v, want an event", line, err)
		}
		if n := f.Samples(t)["coderd_api_concurrent_requests"]; n != 1 {
			t.Errorf("%v requests in flight, want 1", n)
		}
		received <- struct{}{}
	}
	<-s.done
	f.expect(t, `
latencies{method="GET",path="/events"} 1
requests{code="200",method="GET",path="/events"} 1
`)
}

func TestMaxPaths(t *testing.T) {
	m := meterstest.NewReader(t)
	api := newAPI(t, m, meters.WithMaxPaths(2))
	f := &fixture{m, api, httpmw.New(api)}
	mux := http.NewServeMux()
	for _, path := range []string{"/a", "/b", "/c", "/d"} {
		mux.Handle(path, answer(200))
	}
	s := serve(t, f.measure(mux))
	for _, path := range []string{"/a", "/b", "/c", "/d", "/c", "/b", "/a", "/nowhere", "/api/nowhere"} {
		s.do(t, path)
	}
	f.expect(t, `
latencies{method="GET",path="/a"} 2
latencies{method="GET",path="/b"} 2
latencies{method="GET",path="STATIC"} 1
latencies{method="GET",path="UNKNOWN"} 4
requests{code="200",method="GET",path="/a"} 2
requests{code="200",method="GET",path="/b"} 2
requests{code="200",method="GET",path="UNKNOWN"} 3
requests{code="404",method="GET",path="STATIC"} 1
requests{code="404",method="GET",path="UNKNOWN"} 1
`)
	if n := f.Samples(t)[`otelcoder_refused_total{origin="api",reason="path limit"}`]; n != 3 {
		t.Errorf("%v refusals, want 3", n)
	}
}

// TestRequestOfAHandler checks that requests that a handler makes with the context of its
// client's request are measured separately.
func TestRequestOfAHandler(t *testing.T) {
	f := newFixture(t)
	mux := http.NewServeMux()
	measured := f.measure(mux)
	mux.Handle("GET /item", answer(418))
	mux.HandleFunc("GET /batch", func(_ http.ResponseWriter, r *http.Request) {
		for range 2 {
			item, err := http.NewRequestWithContext(r.Context(), "GET", "/item", nil)
			if err != nil {
				t.Error(err)
			}
			measured.ServeHTTP(httptest.NewRecorder(), item)
		}
	})
	serve(t, measured).do(t, "/batch")
	f.expect(t, `
latencies{method="GET",path="/batch"} 1
latencies{method="GET",path="/item"} 2
requests{code="200",method="GET",path="/batch"} 1
requests{code="418",method="GET",path="/item"} 2
`)
}

// TestRequestIsPassedBack checks that outer handlers find the pattern and the form in the
// request, as without the middleware. The server needs the form to remove uploaded files.
func TestRequestIsPassedBack(t *testing.T) {
	f := newFixture(t)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /uploads/{$}", func(_ http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(0); err != nil {
			t.Error(err)
		}
	})
	measured := f.measure(mux)
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		measured.ServeHTTP(w, r)
		if r.Pattern != "POST /uploads/{$}" || r.MultipartForm == nil {
			t.Errorf("got the pattern %q and the form %v, want both of POST /uploads/{$}", r.Pattern, r.MultipartForm)
		}
	}))
	const body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\ncontent\r\n--b--\r\n"
	response, err := s.Client().Post(s.URL+"/uploads/", "multipart/form-data; boundary=b", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	<-s.done
	f.expect(t, `
latencies{method="POST",path="/uploads/"} 1
requests{code="200",method="POST",path="/uploads/"} 1
`)
}

// TestRequestChangedInPlace checks that a handler that modifies the request does not change
// the labels of the request.
func TestRequestChangedInPlace(t *testing.T) {
	change := func(w http.ResponseWriter, r *http.Request) {
		r.Method, r.URL.Path, r.Header = "PUT", "/changed", nil
		w.WriteHeader(200)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{user}", change)
	router := chi.NewRouter()
	for name, handler := range map[string]func(f *fixture) http.Handler{
		"around a mux": func(f *fixture) http.Handler { return f.measure(mux) },
		"in chi": func(f *fixture) http.Handler {
			router.Use(f.measure)
			router.Get("/users/{user}", change)
			return router
		},
		"twice": func(f *fixture) http.Handler { return f.measure(f.measure(mux)) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			serve(t, handler(f)).do(t, "/users/7")
			f.expect(t, `
latencies{method="GET",path="/users/{user}"} 1
requests{code="200",method="GET",path="/users/{user}"} 1
`)
		})
	}
}

// TestAllocations checks that measuring costs one allocation: a small one for the writer, or
// one with a copy of the request and its context as well, if the request may pass the
// middleware again behind a handler that hides the writer.
func TestAllocations(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /api/v2/users/{user}/{$}", answer(200))
	mux.Handle("GET /assets/", answer(200))
	once, twice := newFixture(t), newFixture(t)
	twice.measure(mux)
	for _, path := range []string{"/api/v2/users/7/", "/assets/app.js"} {
		bare, bareBytes := allocations(mux, path)
		for _, test := range []struct {
			f     *fixture
			bytes uint64
		}{{once, 32}, {twice, 384}} {
			measured, bytes := allocations(test.f.measure(mux), path)
			if measured != bare+1 || bytes-bareBytes > test.bytes {
				t.Errorf("%s: %d more allocations of %d bytes, want 1 of at most %d", path, measured-bare, bytes-bareBytes, test.bytes)
			}
		}
		once = newFixture(t)
	}
}

// allocations returns the number of allocations for a request, and their bytes.
func allocations(h http.Handler, path string) (n, bytes uint64) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r := httptest.NewRequest("GET", path, nil)
	h.ServeHTTP(nowhere{}, r) // the first request allocates more
	const requests = 1000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range requests {
		h.ServeHTTP(nowhere{}, r)
	}
	runtime.ReadMemStats(&after)
	return (after.Mallocs - before.Mallocs) / requests, (after.TotalAlloc - before.TotalAlloc) / requests
}
