package httpmw_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

var (
	requestCount = regexp.MustCompile(`(?m)^requests\{.*\} ([0-9]+)$`)

	methodLabel = regexp.MustCompile(`method="([^"]*)"`)
	pathLabel   = regexp.MustCompile(`path="([^"]*)"`)
)

// FuzzRequest checks that any request is measured once, with a route of the program and a
// method of HTTP as labels, and that it is no longer in flight at its end.
func FuzzRequest(f *testing.F) {
	for _, request := range []string{
		"GET /api/v2/users/alice HTTP/1.1\r\nHost: a\r\n\r\n",
		"FOO /api/v2/users/alice HTTP/1.1\r\nHost: a\r\n\r\n",
		"_OTHER / HTTP/1.1\r\nHost: a\r\n\r\n",
		"get /api/v2/none HTTP/1.0\r\n\r\n",
		"CONNECT /api/v2/tree HTTP/1.1\r\nHost: a\r\n\r\n",
		"CONNECT secret:443 HTTP/1.1\r\nHost: a\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://other/api/v2/tree/%2e%2e/%2F HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /api/v2/tree//../x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n",
		"GET /api/v2/users/{user} HTTP/1.1\r\nHost: {host}\r\nUpgrade: h2c,WEBSOCKET\r\nConnection: upgrade\r\n\r\n",
		"POST /api/v2/panic HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
		"GET /\xff\x00 HTTP/1.1\r\n\r\n",
	} {
		f.Add(request)
	}
	routes := []string{"/", "/api/v2/users/{user}", "/api/v2/tree/{rest...}", "/api/v2/tree/*", "/api/v2/panic", "UNKNOWN", "STATIC"}
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "_OTHER"}
	broken := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })

	mux := http.NewServeMux()
	mux.Handle("GET /{$}", answer(200))
	mux.Handle("/api/v2/users/{user}", answer(200))
	mux.Handle("/api/v2/tree/{rest...}", answer(204))
	mux.Handle("/api/v2/panic", broken)
	inner := chi.NewRouter()
	inner.Handle("/users/{user}", answer(200))
	inner.Handle("/tree/*", answer(204))
	inner.Handle("/panic", broken)
	router := chi.NewRouter()
	router.Get("/", answer(200))
	router.Mount("/api/v2", inner)

	var fixtures []*fixture
	for range 2 {
		fixtures = append(fixtures, newFixture(f))
	}
	handlers := []http.Handler{fixtures[0].measure(mux), fixtures[1].measure(router)}
	sent := 0
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text))); err != nil {
			t.Skip()
		}
		sent++
		for i, handler := range handlers {
			request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
			if err != nil {
				t.Fatal(err)
			}
			func() {
				defer func() { recover() }()
				handler.ServeHTTP(httptest.NewRecorder(), request)
			}()
			measured := fixtures[i].measured(t) // fails if anything is in flight
			counted := 0
			for _, match := range requestCount.FindAllStringSubmatch(measured, -1) {
				n, _ := strconv.Atoi(match[1])
				counted += n
			}
			if counted != sent {
				t.Errorf("%d requests are counted, want %d", counted, sent)
			}
			for _, match := range methodLabel.FindAllStringSubmatch(measured, -1) {
				if !slices.Contains(methods, match[1]) {
					t.Errorf("got the method label %q, want one of %q", match[1], methods)
				}
			}
			for _, match := range pathLabel.FindAllStringSubmatch(measured, -1) {
				if !slices.Contains(routes, match[1]) {
					t.Errorf("got the path label %q, want one of %q", match[1], routes)
				}
			}
		}
	})
}
