package routers_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/meters"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Each router has the route GET /hello and, below /api/v2 and behind a middleware that
// responds with 401, the routes GET /users/{user} and GET /watch, a websocket.

func ok(http.ResponseWriter, *http.Request) {}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func unauthorized(r *http.Request) bool { return r.Header.Get("Authorization") == "none" }

func watch(w http.ResponseWriter, r *http.Request) {
	if conn, err := websocket.Accept(w, r, nil); err == nil {
		conn.Close(websocket.StatusNormalClosure, "")
	}
}

func TestRouters(t *testing.T) {
	for _, router := range []struct {
		name string
		new  func(*meters.API) http.Handler
		user string // pattern of the route with a parameter
		lost string // label path of GET /api/v2/nothing
		post string // labels of POST /hello, whose status depends on the router
	}{
		{"http.Handler", newHandler, "/api/v2/users/{user}", "UNKNOWN", `code="405",method="POST",path="STATIC"`},
		{"gin", newGin, "/api/v2/users/:user", "UNKNOWN", `code="405",method="POST",path="STATIC"`},
		{"echo", newEcho, "/api/v2/users/:user", "/api/v2/*", `code="405",method="POST",path="/hello"`},
		{"echo v4", newEcho4, "/api/v2/users/:user", "/api/v2/*", `code="405",method="POST",path="/hello"`},
		{"gorilla/mux", newGorilla, "/api/v2/users/{user}", "UNKNOWN", `code="405",method="POST",path="STATIC"`},
		{"httprouter", newHTTPRouter, "/api/v2/users/:user", "UNKNOWN", `code="405",method="POST",path="STATIC"`},
		{"gRPC-gateway", newGateway, "/api/v2/users/{user=*}", "UNKNOWN", `code="501",method="POST",path="STATIC"`},
	} {
		t.Run(router.name, func(t *testing.T) {
			exporter, err := exporters.New()
			if err != nil {
				t.Fatal(err)
			}
			defer exporter.Shutdown(t.Context())
			m, err := meters.New(exporter.Providers())
			if err != nil {
				t.Fatal(err)
			}
			defer m.Shutdown(t.Context())
			// A request is measured when its handler returns, which can be after the
			// response has arrived.
			var handling sync.WaitGroup
			handler := router.new(m.API())
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				handling.Add(1)
				defer handling.Done()
				handler.ServeHTTP(w, r)
			}))
			defer server.Close()
			send := func(method, path, authorization string) {
				r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Authorization", authorization)
				response, err := server.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
			}

			send("GET", "/hello", "")
			send("POST", "/hello", "")
			send("GET", "/api/v2/users/ann", "")
			send("GET", "/api/v2/users/bob", "")
			send("GET", "/api/v2/users/ann", "none")
			send("GET", "/api/v2/nothing", "")
			send("GET", "/nothing", "")
			send("GET", "/api/v2/watch", "none")
			if conn, _, err := websocket.Dial(t.Context(), server.URL+"/api/v2/watch", nil); err != nil {
				t.Error(err)
			} else {
				conn.Read(t.Context()) // until the server closes it
				conn.CloseNow()
			}
			handling.Wait()

			endpoint := httptest.NewServer(exporter.Handler())
			defer endpoint.Close()
			want := []string{
				`coderd_api_concurrent_requests 0`,
				`coderd_api_concurrent_websockets 0`,
				`coderd_api_request_latencies_seconds_count{method="GET",path="/api/v2/watch"} 1`,
				`coderd_api_request_latencies_seconds_count{method="GET",path="/hello"} 1`,
				`coderd_api_request_latencies_seconds_count{method="GET",path="STATIC"} 1`,
				`coderd_api_request_latencies_seconds_count{method="GET",path="` + router.lost + `"} 1`,
				`coderd_api_request_latencies_seconds_count{method="GET",path="` + router.user + `"} 3`,
				`coderd_api_request_latencies_seconds_count{` + router.post[strings.Index(router.post, "method"):] + `} 1`,
				`coderd_api_requests_processed_total{` + router.post + `} 1`,
				`coderd_api_requests_processed_total{code="101",method="GET",path="/api/v2/watch"} 1`,
				`coderd_api_requests_processed_total{code="200",method="GET",path="/hello"} 1`,
				`coderd_api_requests_processed_total{code="200",method="GET",path="` + router.user + `"} 2`,
				`coderd_api_requests_processed_total{code="401",method="GET",path="/api/v2/watch"} 1`,
				`coderd_api_requests_processed_total{code="401",method="GET",path="` + router.user + `"} 1`,
				`coderd_api_requests_processed_total{code="404",method="GET",path="STATIC"} 1`,
				`coderd_api_requests_processed_total{code="404",method="GET",path="` + router.lost + `"} 1`,
				`coderd_api_websocket_durations_seconds_count{path="/api/v2/watch"} 1`,
			}
			slices.Sort(want)
			if got := scrape(t, endpoint); !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// scrape returns the lines of the API's families, without buckets and sums, sorted.
func scrape(t *testing.T, endpoint *httptest.Server) []string {
	t.Helper()
	response, err := endpoint.Client().Get(endpoint.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	counted := regexp.MustCompile(`^coderd_api_(concurrent_|requests_processed_total|.*_seconds_count)`)
	var lines []string
	for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
		if counted.MatchString(scanner.Text()) {
			lines = append(lines, scanner.Text())
		}
	}
	slices.Sort(lines)
	return lines
}

// TestPage checks that docs/importing.md shows the code that TestRouters runs.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/importing.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## Other routers\n")
	if !found {
		t.Fatal(`docs/importing.md has no section "Other routers"`)
	}
	section, _, _ = strings.Cut(section, "\n## ")

	var tested strings.Builder
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tested.Write(source)
	}
	for _, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(section, -1) {
		if !strings.Contains(tested.String(), "\n"+block[1]) {
			t.Errorf("the page shows code that is not in the tests:\n%s", block[1])
		}
	}
	for _, function := range regexp.MustCompile(`(?m)^func measure\w+\(.*$`).FindAllString(tested.String(), -1) {
		if !strings.Contains(section, function+"\n") {
			t.Errorf("the page does not show %s", function)
		}
	}
}
