package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// ask sends a request. It returns the status and body of the response.
func ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

func TestAPI(t *testing.T) {
	p := start(t, "--load", "0")
	for _, test := range []struct {
		method, path, body string
		status             int
		answer             string // part of it
	}{
		{"GET", "/", "", 200, "<title>coderd, an example</title>"},
		{"GET", "/favicon.ico", "", 404, "404 page not found"},
		{"GET", "/healthz", "", 200, "OK"},
		{"GET", "/api/v2/buildinfo", "", 200, `{"version":"v0.0.0-example"}`},
		{"GET", "/api/v2/no/such", "", 404, `{"message":"not found"}`},
		{"GET", "/api/v2/users?limit=1&offset=1", "", 200, `[{"username":"bela","email":"bela@example.com",`},
		{"GET", "/api/v2/users?limit=-1&offset=-1", "", 200, `[]`},
		{"GET", "/api/v2/users?limit=1000&offset=9223372036854775807", "", 200, `[]`},
		{"GET", "/api/v2/users/ada", "", 200, `"email":"ada@example.com"`},
		{"GET", "/api/v2/users/nobody", "", 404, `{"message":"not found"}`},
		{"GET", "/api/v2/templates", "", 200, `[{"name":"docker","active_version":`},
		{"GET", "/api/v2/workspaces", "", 200, `[{"id":"dev.ada","name":"dev","owner_name":"ada","template_name":"docker","latest_build":{"build_number":1,"action":"START",`},
		{"GET", "/api/v2/workspaces/dev.ada", "", 200, `{"id":"dev.ada",`},
		{"GET", "/api/v2/workspaceagents/main.dev.ada", "", 200, `{"ID":"main.dev.ada","Name":"main","Status":"connected",`},
		{"GET", "/api/v2/workspaceagents/main.dev.ada/rpc", "", 426, ""},
		{"GET", "/api/v2/workspaceagents/main.dev.ada/pty", "", 426, ""},
		{"GET", "/api/v2/workspaceagents/nobody/rpc", "", 404, ""},
		{"GET", "/api/v2/workspaceagents/me/external-auth", "", 200, `{"authenticated":true}`},
		{"GET", "/api/v2/workspaces/nobody/watch", "", 404, ""},
		{"POST", "/api/v2/workspaces/nobody/builds", `{"transition":"stop"}`, 404, `{"message":"not found"}`},
		{"POST", "/api/v2/workspaces/dev.ada/builds", `{"transition":"burn"}`, 400, `start, stop or delete`},
		{"POST", "/api/v2/workspaces/dev.ada/builds", `{`, 400, `start, stop or delete`},
		{"POST", "/api/v2/debug/panic", "", 500, `{"message":"panicked on purpose"}`},
		{"GET", "/@ada/dev/apps/code-server/static/x.js", "", 200, "code-server of dev.ada"},
		{"PUT", "/@ada/dev/apps/code-server/", "", 200, "code-server of dev.ada"},
		{"GET", "/@ada/dev/apps/nothing/", "", 404, `{"message":"not found"}`},
		{"POST", "/api/v2/workspaces/dev.ada/builds", `{"transition":"stop"}`, 201, `{"build_number":2,"action":"STOP","template_version":`},
		{"DELETE", "/api/v2/workspaces/dev.ada", "", 405, ""},
	} {
		status, answer := ask(t, test.method, p.api+test.path, test.body)
		if status != test.status || !strings.Contains(answer, test.answer) {
			t.Errorf("%s %s %s\n got %d %s\nwant %d %s", test.method, test.path, test.body, status, answer, test.status, test.answer)
		}
	}
}

// opened has the requests and websockets that are in flight until they are closed.
type opened struct{ close func() }

// openAll opens three websockets and two streams.
func openAll(t *testing.T, api string) opened {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var sockets []*websocket.Conn
	for range 3 {
		sockets = append(sockets, dial(t, api+"/api/v2/workspaceagents/main.dev.ada/pty"))
	}
	var streams []io.Closer
	for range 2 {
		request, err := http.NewRequestWithContext(ctx, "GET", api+"/api/v2/workspaces/dev.ada/watch", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(response.Body).ReadString('\n'); line != "event: data\n" {
			t.Fatalf("the stream begins with %q: %v, want an event", line, err)
		}
		streams = append(streams, response.Body)
	}
	return opened{func() {
		for _, socket := range sockets {
			socket.CloseNow()
		}
		cancel()
		for _, stream := range streams {
			stream.Close()
		}
		http.DefaultClient.CloseIdleConnections()
	}}
}

func dial(t *testing.T, url string) *websocket.Conn {
	t.Helper()
	conn, response, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("websocket: status %d, want 101", response.StatusCode)
	}
	return conn
}

// apiSamples returns the samples that requests and websockets change.
func apiSamples(s samples) samples {
	s = maps.Clone(s)
	maps.DeleteFunc(s, func(sample string, _ float64) bool {
		name, _, _ := strings.Cut(sample, "{")
		switch name {
		case "coderd_api_requests_processed_total", "coderd_api_request_latencies_seconds_count",
			"coderd_api_websocket_durations_seconds_count", "coderd_api_concurrent_requests", "coderd_api_concurrent_websockets":
			return false
		}
		return true
	})
	return s
}

// TestExactCounts checks that the families of the API count exactly the requests of the
// test, once these have ended.
func TestExactCounts(t *testing.T) {
	p := start(t, "--load", "0")
	want := samples{
		`coderd_api_concurrent_requests`:                                                                          0,
		`coderd_api_concurrent_websockets`:                                                                        50,
		`coderd_api_requests_processed_total{code="200",method="GET",path="/healthz"}`:                            1,
		`coderd_api_request_latencies_seconds_count{method="GET",path="/healthz"}`:                                1,
		`coderd_api_requests_processed_total{code="404",method="GET",path="/api/v2/workspaceagents/{agent}/pty"}`: 1,
		`coderd_api_websocket_durations_seconds_count{path="/api/v2/workspaceagents/{agent}/pty"}`:                1,
	}
	exactly := func(when string) {
		t.Helper()
		p.until(t, func(s samples) error {
			if got := apiSamples(s); !maps.Equal(got, want) {
				return fmt.Errorf("%s:\n got %v\nwant %v", when, got, want)
			}
			return nil
		})
	}
	if got := apiSamples(p.scrape(t)); !maps.Equal(got, want) {
		t.Fatalf("when the program is ready:\n got %v\nwant %v", got, want)
	}

	for range 5 {
		ask(t, "GET", p.api+"/api/v2/users", "")
	}
	for range 2 {
		ask(t, "FOO", p.api+"/api/v2/users", "")
	}
	ask(t, "POST", p.api+"/api/v2/debug/panic", "")
	want[`coderd_api_requests_processed_total{code="200",method="GET",path="/api/v2/users"}`] = 5
	want[`coderd_api_request_latencies_seconds_count{method="GET",path="/api/v2/users"}`] = 5
	want[`coderd_api_requests_processed_total{code="405",method="_OTHER",path="UNKNOWN"}`] = 2
	want[`coderd_api_request_latencies_seconds_count{method="_OTHER",path="UNKNOWN"}`] = 2
	want[`coderd_api_requests_processed_total{code="500",method="POST",path="/api/v2/debug/panic"}`] = 1
	want[`coderd_api_request_latencies_seconds_count{method="POST",path="/api/v2/debug/panic"}`] = 1
	exactly("after requests")

	open := openAll(t, p.api)
	want[`coderd_api_concurrent_requests`] = 2
	want[`coderd_api_concurrent_websockets`] = 53
	exactly("in flight")

	open.close()
	want[`coderd_api_concurrent_requests`] = 0
	want[`coderd_api_concurrent_websockets`] = 50
	want[`coderd_api_requests_processed_total{code="200",method="GET",path="/api/v2/workspaces/{workspace}/watch"}`] = 2
	want[`coderd_api_request_latencies_seconds_count{method="GET",path="/api/v2/workspaces/{workspace}/watch"}`] = 2
	want[`coderd_api_requests_processed_total{code="101",method="GET",path="/api/v2/workspaceagents/{agent}/pty"}`] = 3
	want[`coderd_api_websocket_durations_seconds_count{path="/api/v2/workspaceagents/{agent}/pty"}`] = 4
	exactly("after all")
}

// TestEndsInUse checks that the program ends while requests are in flight. The function stop
// fails the test if that needs more than five seconds.
func TestEndsInUse(t *testing.T) {
	p := start(t, "--load", "0")
	open := openAll(t, p.api)
	defer open.close()
	p.stop()
}

// TestLoad checks that each kind of request of the load gets its status.
func TestLoad(t *testing.T) {
	t.Parallel()
	p := start(t, "--load", "500")
	p.until(t, func(s samples) error {
		for _, sample := range []string{
			`coderd_api_requests_processed_total{code="201",method="POST",path="/api/v2/workspaces/{workspace}/builds"}`,
			`coderd_api_requests_processed_total{code="400",method="POST",path="/api/v2/workspaces/{workspace}/builds"}`,
			`coderd_api_requests_processed_total{code="101",method="GET",path="/api/v2/workspaceagents/{agent}/pty"}`,
			`coderd_api_requests_processed_total{code="101",method="GET",path="/api/v2/workspaceagents/{agent}/rpc"}`,
			`coderd_api_requests_processed_total{code="200",method="GET",path="/@{user}/{workspace}/apps/{app}/*"}`,
			`coderd_api_requests_processed_total{code="200",method="GET",path="STATIC"}`,
			`coderd_api_requests_processed_total{code="404",method="GET",path="STATIC"}`,
			`coderd_api_requests_processed_total{code="404",method="GET",path="UNKNOWN"}`,
			`coderd_api_requests_processed_total{code="405",method="_OTHER",path="UNKNOWN"}`,
			`coderd_api_requests_processed_total{code="200",method="CONNECT",path="STATIC"}`,
			`coderd_api_requests_processed_total{code="500",method="POST",path="/api/v2/debug/panic"}`,
		} {
			if s[sample] == 0 {
				return fmt.Errorf("no %s", sample)
			}
		}
		return nil
	})
	for sample := range p.scrape(t) {
		for _, hostile := range []string{"FOO", "elsewhere.example", "wp-login"} {
			if strings.Contains(sample, hostile) {
				t.Errorf("a client has chosen a label: %s", sample)
			}
		}
	}
}
