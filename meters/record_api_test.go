package meters_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// newMeters returns meters that are shut down when the test ends.
func newMeters(t testing.TB, p instrument.Providers, options ...meters.Option) *meters.Meters {
	t.Helper()
	m, err := meters.New(p, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m
}

func newAPI(t testing.TB, options ...meters.Option) (*meterstest.Reader, *meters.API) {
	t.Helper()
	m := meterstest.NewReader(t)
	return m, newMeters(t, m.Providers(), options...).API()
}

func TestAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, api := newAPI(t)
		request, websocket := api.Start(false), api.Start(true)
		gauges := []instrument.Family{instrument.APIConcurrentRequests, instrument.APIConcurrentWebsockets}
		m.Expect(t, `
# TYPE coderd_api_concurrent_requests gauge
coderd_api_concurrent_requests 1
# TYPE coderd_api_concurrent_websockets gauge
coderd_api_concurrent_websockets 1
`, gauges...)

		time.Sleep(50 * time.Millisecond)
		request.End(t.Context(), api.Path("/api/v2/users/{user}"), "GET", 200)
		time.Sleep(time.Minute)
		websocket.End(t.Context(), api.Path("/api/v2/pty"), "GET", 101)
		m.Expect(t, `
# TYPE coderd_api_concurrent_requests gauge
coderd_api_concurrent_requests 0
# TYPE coderd_api_concurrent_websockets gauge
coderd_api_concurrent_websockets 0
# TYPE coderd_api_request_latencies_seconds histogram
coderd_api_request_latencies_seconds_bucket{method="GET",path="/api/v2/users/{user}",le="0.001"} 0
coderd_api_request_latencies_seconds_bucket{method="GET",path="/api/v2/users/{user}",le="0.005"} 0
coderd_api_request_latencies_seconds_bucket{method="GET",path="/api/v2/users/{user}",le="0.01"} 0
coderd_api_request_latencies_seconds_bucket{method="GET",path="/api/v2/users/{user}",le="0.025"} 0
coderd_api_request_latencies_seconds_bucket{method="GET",path="/api/v2/users/{user}",le="0.05"} 1
coderd_api_request_latencies_seconds_bucket{method="GET",path="/api/v2/users/{user}",le="0.1"} 1
coderd_api_request_latencies_seconds_bucket{method="GET",path="/api/v2/users/{user}",le="0.5"} 1
coderd_api_request_latencies_seconds_bucket{method="GET",path="/api/v2/users/{user}",le="1"} 1
coderd_api_request_latencies_seconds_bucket{method="GET",path="/api/v2/users/{user}",le="5"} 1
coderd_api_request_latencies_seconds_bucket{method="GET",path="/api/v2/users/{user}",le="10"} 1
coderd_api_request_latencies_seconds_bucket{method="GET",path="/api/v2/users/{user}",le="30"} 1
coderd_api_request_latencies_seconds_bucket{method="GET",path="/api/v2/users/{user}",le="+Inf"} 1
coderd_api_request_latencies_seconds_sum{method="GET",path="/api/v2/users/{user}"} 0.05
coderd_api_request_latencies_seconds_count{method="GET",path="/api/v2/users/{user}"} 1
# TYPE coderd_api_requests_processed_total counter
coderd_api_requests_processed_total{code="101",method="GET",path="/api/v2/pty"} 1
coderd_api_requests_processed_total{code="200",method="GET",path="/api/v2/users/{user}"} 1
# TYPE coderd_api_websocket_durations_seconds histogram
coderd_api_websocket_durations_seconds_bucket{path="/api/v2/pty",le="0.001"} 0
coderd_api_websocket_durations_seconds_bucket{path="/api/v2/pty",le="1"} 0
coderd_api_websocket_durations_seconds_bucket{path="/api/v2/pty",le="60"} 0
coderd_api_websocket_durations_seconds_bucket{path="/api/v2/pty",le="3600"} 1
coderd_api_websocket_durations_seconds_bucket{path="/api/v2/pty",le="54000"} 1
coderd_api_websocket_durations_seconds_bucket{path="/api/v2/pty",le="108000"} 1
coderd_api_websocket_durations_seconds_bucket{path="/api/v2/pty",le="+Inf"} 1
coderd_api_websocket_durations_seconds_sum{path="/api/v2/pty"} 60.05
coderd_api_websocket_durations_seconds_count{path="/api/v2/pty"} 1
# TYPE otelcoder_refused_total counter
otelcoder_refused_total{origin="api",reason="length"} 0
otelcoder_refused_total{origin="api",reason="path limit"} 0
`)
	})
}

func TestAPILabels(t *testing.T) {
	m, api := newAPI(t)
	count := func(method, path string, code int) {
		api.Start(false).End(t.Context(), api.Path(path), method, code)
	}
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "FOO", "get", ""} {
		count(method, "/methods", 200)
	}
	for _, code := range []int{100, 404, 999, 0, -1, 99, 1000} {
		count("GET", "/codes", code)
	}
	count("GET", "/text\xff\x00", 200)
	count("GET", "/text\ufffd\ufffd", 200) // the same after sanitizing
	m.Expect(t, `
# TYPE coderd_api_requests_processed_total counter
coderd_api_requests_processed_total{code="100",method="GET",path="/codes"} 1
coderd_api_requests_processed_total{code="200",method="CONNECT",path="/methods"} 1
coderd_api_requests_processed_total{code="200",method="DELETE",path="/methods"} 1
coderd_api_requests_processed_total{code="200",method="GET",path="/methods"} 1
coderd_api_requests_processed_total{code="200",method="GET",path="/text��"} 2
coderd_api_requests_processed_total{code="200",method="HEAD",path="/methods"} 1
coderd_api_requests_processed_total{code="200",method="OPTIONS",path="/methods"} 1
coderd_api_requests_processed_total{code="200",method="PATCH",path="/methods"} 1
coderd_api_requests_processed_total{code="200",method="POST",path="/methods"} 1
coderd_api_requests_processed_total{code="200",method="PUT",path="/methods"} 1
coderd_api_requests_processed_total{code="200",method="TRACE",path="/methods"} 1
coderd_api_requests_processed_total{code="200",method="_OTHER",path="/methods"} 3
coderd_api_requests_processed_total{code="404",method="GET",path="/codes"} 1
coderd_api_requests_processed_total{code="500",method="GET",path="/codes"} 4
coderd_api_requests_processed_total{code="999",method="GET",path="/codes"} 1
`, instrument.APIRequestsProcessed)
}

func TestAPIMaxPaths(t *testing.T) {
	var log bytes.Buffer
	m, api := newAPI(t, meters.WithMaxPaths(2), meters.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	for _, path := range []string{"/a", "/b", "/c", "/d", "/a", "/c", "UNKNOWN", "STATIC"} {
		api.Start(true).End(t.Context(), api.Path(path), "GET", 200)
	}
	m.Expect(t, `
# TYPE coderd_api_requests_processed_total counter
coderd_api_requests_processed_total{code="200",method="GET",path="/a"} 2
coderd_api_requests_processed_total{code="200",method="GET",path="/b"} 1
coderd_api_requests_processed_total{code="200",method="GET",path="STATIC"} 1
coderd_api_requests_processed_total{code="200",method="GET",path="UNKNOWN"} 4
# TYPE otelcoder_refused_total counter
otelcoder_refused_total{origin="api",reason="length"} 0
otelcoder_refused_total{origin="api",reason="path limit"} 3
`, instrument.APIRequestsProcessed, instrument.HealthRefused)
	if n := m.Samples(t)[`coderd_api_websocket_durations_seconds_count{path="UNKNOWN"}`]; n != 4 {
		t.Errorf("got %v websockets of UNKNOWN, want 4", n)
	}
	if n := strings.Count(log.String(), `origin=api reason="path limit"`); n != 1 {
		t.Errorf("got %d log lines, want 1:\n%s", n, &log)
	}
}

func TestAPINoPaths(t *testing.T) {
	m, api := newAPI(t, meters.WithMaxPaths(0))
	api.Start(false).End(t.Context(), api.Path("/a"), "GET", 200)
	if n := m.Samples(t)[`coderd_api_requests_processed_total{code="200",method="GET",path="UNKNOWN"}`]; n != 1 {
		t.Errorf("got %v requests of UNKNOWN, want 1", n)
	}
}

// TestAPIConcurrently checks that no request is lost while paths and codes are added and
// scraped.
func TestAPIConcurrently(t *testing.T) {
	m, api := newAPI(t, meters.WithMaxPaths(10))
	const workers, rounds = 8, 100
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := range rounds {
				path := fmt.Sprintf("/%d", i%20)
				api.Start(i%3 == 0).End(t.Context(), api.Path(path), "GET", 200+i%7)
				if i%25 == 0 {
					m.Text(t)
				}
			}
		})
	}
	group.Wait()
	var total float64
	for _, metric := range m.Families(t)["coderd_api_requests_processed_total"].GetMetric() {
		total += metric.GetCounter().GetValue()
	}
	if total != 800 {
		t.Errorf("got %v requests, want 800", total)
	}
	if n := m.Samples(t)[`otelcoder_refused_total{origin="api",reason="path limit"}`]; n != 400 {
		t.Errorf("got %v refused paths, want 400", n)
	}
}

func TestAPIAllocates(t *testing.T) {
	_, api := newAPI(t)
	ctx := context.Background()
	for _, websocket := range []bool{false, true} {
		if n := testing.AllocsPerRun(100, func() {
			api.Start(websocket).End(ctx, api.Path("/api/v2/users/{user}"), "GET", 200)
		}); n != 0 {
			t.Errorf("got %v allocations per request, want 0", n)
		}
	}
}

func BenchmarkAPI(b *testing.B) {
	_, api := newAPI(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			api.Start(false).End(b.Context(), api.Path("/api/v2/users/{user}"), "GET", 200)
		}
	})
}

// FuzzMethod checks that any method is counted under one of ten values.
func FuzzMethod(f *testing.F) {
	for _, method := range []string{"GET", "get", "", "GET ", "FOO", "CONNECT", "_OTHER", "\xff", "G\x00T", strings.Repeat("A", 10_000)} {
		f.Add(method)
	}
	known := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"}
	f.Fuzz(func(t *testing.T, method string) {
		want := "_OTHER"
		if slices.Contains(known, method) {
			want = method
		}
		m, api := newAPI(t)
		api.Start(false).End(t.Context(), api.Path("/a"), method, 200)
		if n := m.Samples(t)[`coderd_api_requests_processed_total{code="200",method="`+want+`",path="/a"}`]; n != 1 {
			t.Errorf("%q is not counted under %s:\n%s", method, want, m.Text(t, instrument.APIRequestsProcessed))
		}
	})
}
