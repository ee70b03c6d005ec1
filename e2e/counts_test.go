package e2e_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/otelcoder/otelcoder/e2e/invariant"
)

// counted are the names of the samples that requests and websockets change.
var counted = map[string]bool{
	"coderd_api_requests_processed_total":          true,
	"coderd_api_request_latencies_seconds_count":   true,
	"coderd_api_websocket_durations_seconds_count": true,
	"coderd_api_concurrent_requests":               true,
	"coderd_api_concurrent_websockets":             true,
}

// moved returns the difference of each counted sample between two scrapes.
// Unchanged samples are left out.
func moved(before, after *invariant.Scrape) map[string]float64 {
	difference := make(map[string]float64)
	add := func(s *invariant.Scrape, sign float64) {
		for _, f := range s.Families {
			for _, sample := range f.Samples {
				if counted[sample.Name] {
					difference[sample.String()] += sign * sample.Value
				}
			}
		}
	}
	add(after, 1)
	add(before, -1)
	maps.DeleteFunc(difference, func(_ string, d float64) bool { return d == 0 })
	return difference
}

// TestCounts checks the counts of an API that receives no requests but those of the test.
func TestCounts(t *testing.T) {
	c := program.Start(t, "--load", "0")
	before := scrape(t, c.Metrics, acceptText)
	pty := c.API + "api/v2/workspaceagents/main.dev.ada/pty"

	// wait waits until exactly the wanted samples have changed by the wanted
	// values. A handler ends a moment after its client has the response.
	wait := func(what string, want map[string]float64) {
		t.Helper()
		scrapeUntil(t, c.Metrics, 10*time.Second, func(s *invariant.Scrape) error {
			if got := moved(before, s); !maps.Equal(got, want) {
				return fmt.Errorf("%s: moved %v, want %v", what, got, want)
			}
			return nil
		})
	}

	for range 7 {
		ask(t, "GET", c.API+"api/v2/users", 200)
	}
	for range 3 {
		ask(t, "GET", c.API+"api/v2/no/such/route", 404)
	}
	for range 2 {
		ask(t, "FOO", c.API+"api/v2/users", 405)
	}
	ask(t, "HEAD", c.API+"favicon.ico", 404)
	panics(t, c.API+"api/v2/debug/panic")
	askAtOnce(t, c.API+"api/v2/buildinfo")
	want := map[string]float64{
		`coderd_api_requests_processed_total{code="200", method="GET", path="/api/v2/users"}`:        7,
		`coderd_api_requests_processed_total{code="404", method="GET", path="UNKNOWN"}`:              3,
		`coderd_api_requests_processed_total{code="405", method="_OTHER", path="UNKNOWN"}`:           2,
		`coderd_api_requests_processed_total{code="404", method="HEAD", path="STATIC"}`:              1,
		`coderd_api_requests_processed_total{code="500", method="POST", path="/api/v2/debug/panic"}`: 1,
		`coderd_api_requests_processed_total{code="200", method="GET", path="/api/v2/buildinfo"}`:    500,
		`coderd_api_request_latencies_seconds_count{method="GET", path="/api/v2/buildinfo"}`:         500,
		`coderd_api_request_latencies_seconds_count{method="GET", path="/api/v2/users"}`:             7,
		`coderd_api_request_latencies_seconds_count{method="GET", path="UNKNOWN"}`:                   3,
		`coderd_api_request_latencies_seconds_count{method="_OTHER", path="UNKNOWN"}`:                2,
		`coderd_api_request_latencies_seconds_count{method="HEAD", path="STATIC"}`:                   1,
		`coderd_api_request_latencies_seconds_count{method="POST", path="/api/v2/debug/panic"}`:      1,
	}
	wait("after requests", want)

	// In flight: websockets and streams that stay open.
	streams, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 3 {
		openStream(t, streams, c.API+"api/v2/workspaces/dev.ada/watch")
	}
	var sockets []*websocket.Conn
	for range 4 {
		socket, response, err := websocket.Dial(t.Context(), pty, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer socket.CloseNow()
		if response.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("websocket: got status %d, want 101", response.StatusCode)
		}
		sockets = append(sockets, socket)
	}
	want[`coderd_api_concurrent_requests{}`] = 3
	want[`coderd_api_concurrent_websockets{}`] = 4
	wait("while websockets and streams are open", want)

	cancel()
	for i, socket := range sockets {
		if i%2 == 0 {
			socket.Close(websocket.StatusNormalClosure, "")
		} else {
			socket.CloseNow() // without a close frame, as when a laptop is closed
		}
	}
	if _, _, err := websocket.Dial(t.Context(), c.API+"api/v2/workspaceagents/nobody/pty", nil); err == nil {
		t.Fatal("opened a terminal of an agent that does not exist")
	}
	delete(want, `coderd_api_concurrent_requests{}`)
	delete(want, `coderd_api_concurrent_websockets{}`)
	want[`coderd_api_requests_processed_total{code="200", method="GET", path="/api/v2/workspaces/{workspace}/watch"}`] = 3
	want[`coderd_api_request_latencies_seconds_count{method="GET", path="/api/v2/workspaces/{workspace}/watch"}`] = 3
	want[`coderd_api_requests_processed_total{code="101", method="GET", path="/api/v2/workspaceagents/{agent}/pty"}`] = 4
	want[`coderd_api_requests_processed_total{code="404", method="GET", path="/api/v2/workspaceagents/{agent}/pty"}`] = 1
	want[`coderd_api_websocket_durations_seconds_count{path="/api/v2/workspaceagents/{agent}/pty"}`] = 5
	wait("after all", want)

	// Stop does not wait for open streams and websockets.
	openStream(t, t.Context(), c.API+"api/v2/workspaces/dev.ada/watch")
	socket, _, err := websocket.Dial(t.Context(), pty, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow()
	c.Stop(t)
}

// ask makes a request and fails the test unless the response has the status.
func ask(t *testing.T, method, url string, status int) {
	t.Helper()
	if a := request(t, method, url); a.status != status {
		t.Fatalf("%s %s: status %d, want %d", method, url, a.status, status)
	}
}

// panics makes a request whose handler panics. The response is not checked.
func panics(t *testing.T, url string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if response, err := client.Post(url, "", nil); err == nil {
		response.Body.Close()
	}
}

// askAtOnce makes 500 requests, 10 at a time.
func askAtOnce(t *testing.T, url string) {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 10}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var asking sync.WaitGroup
	for range 10 {
		asking.Go(func() {
			for range 50 {
				response, err := client.Get(url)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}
		})
	}
	asking.Wait()
}

// openStream makes a request and returns when the response has begun. The
// request stays open until ctx ends.
func openStream(t *testing.T, ctx context.Context, url string) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	if _, err := response.Body.Read(make([]byte, 1)); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: status %d: %v", url, response.StatusCode, err)
	}
}
