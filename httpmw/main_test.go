package httpmw_test

import (
	"cmp"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a middleware with a reader of its metrics.
type fixture struct {
	*meterstest.Reader
	api     *meters.API
	measure func(http.Handler) http.Handler
}

// newAPI returns the API of meters that are shut down when the test ends.
func newAPI(t testing.TB, m *meterstest.Reader, options ...meters.Option) *meters.API {
	t.Helper()
	all, err := meters.New(m.Providers(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := all.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return all.API()
}

func newFixture(t testing.TB, options ...httpmw.Option) *fixture {
	t.Helper()
	m := meterstest.NewReader(t)
	api := newAPI(t, m)
	return &fixture{m, api, httpmw.New(api, options...)}
}

// measured returns the numbers of requests, latencies and websocket durations, under short
// names. It fails the test if a request or websocket is still in flight.
func (f *fixture) measured(t testing.TB) string {
	t.Helper()
	short := strings.NewReplacer(
		"coderd_api_requests_processed_total", "requests",
		"coderd_api_request_latencies_seconds_count", "latencies",
		"coderd_api_websocket_durations_seconds_count", "websockets",
	)
	var lines strings.Builder
	for line := range strings.Lines(f.Text(t)) {
		switch name, _, _ := strings.Cut(line, "{"); name {
		case "coderd_api_requests_processed_total", "coderd_api_request_latencies_seconds_count", "coderd_api_websocket_durations_seconds_count":
			lines.WriteString(short.Replace(line))
		}
	}
	for _, gauge := range []string{"coderd_api_concurrent_requests", "coderd_api_concurrent_websockets"} {
		if n, ok := f.Samples(t)[gauge]; n != 0 || !ok {
			t.Errorf("%s: got %v (present: %v), want 0", gauge, n, ok)
		}
	}
	return lines.String()
}

func (f *fixture) expect(t testing.TB, want string) {
	t.Helper()
	if got, want := f.measured(t), strings.TrimLeft(want, "\n"); got != want {
		t.Errorf("measured\n%s\nwant\n%s", got, want)
	}
}

// server serves a handler. It sends to done when the handler has returned, which is after
// the client has got the response.
type server struct {
	*httptest.Server
	done chan struct{}
}

func serve(t testing.TB, h http.Handler) *server {
	t.Helper()
	s := &server{done: make(chan struct{}, 100)}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { s.done <- struct{}{} }()
		h.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	// Each request uses a new connection: the client would send a request again if a panic
	// closed a reused one.
	s.Client().Transport.(*http.Transport).DisableKeepAlives = true
	t.Cleanup(s.Close)
	return s
}

// do sends a request, "GET /path" or only the path. It returns the status code, or 0 if
// there was no response, and the body.
func (s *server) do(t testing.TB, request string, header ...string) (int, string) {
	t.Helper()
	method, path, ok := strings.Cut(request, " ")
	if !ok {
		method, path = "GET", request
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	client := *s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(r)
	<-s.done
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
}

// answer returns a handler that responds with a status code, 200 by default.
func answer(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(cmp.Or(code, http.StatusOK)) }
}
