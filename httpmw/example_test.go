package httpmw_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func Example() {
	endpoint := newEndpoint() // for an exporter of package exporters
	m, err := meters.New(endpoint.Providers())
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v2/users/{user}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, r.PathValue("user"))
	})
	server := httptest.NewServer(httpmw.New(m.API())(mux))

	for _, path := range []string{"/api/v2/users/ann", "/api/v2/users/bob", "/api/v2/nothing"} {
		if response, err := http.Get(server.URL + path); err == nil {
			response.Body.Close()
		}
	}
	server.Close()
	endpoint.scrape(instrument.APIRequestsProcessed)
	// Output:
	// # TYPE coderd_api_requests_processed_total counter
	// coderd_api_requests_processed_total{code="200",method="GET",path="/api/v2/users/{user}"} 2
	// coderd_api_requests_processed_total{code="404",method="GET",path="UNKNOWN"} 1
}

// http.TimeoutHandler passes on a copy of the request, and does not wait for the handler.
// So the middleware is applied twice: around it, to measure the request, and around the
// router, to find the route.
func Example_timeoutHandler() {
	endpoint := newEndpoint()
	m, err := meters.New(endpoint.Providers())
	if err != nil {
		fmt.Println(err)
		return
	}
	measure := httpmw.New(m.API())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /slow/{thing}", func(http.ResponseWriter, *http.Request) {})
	handler := measure(http.TimeoutHandler(measure(mux), time.Minute, "too slow"))

	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/slow/7", nil))
	endpoint.scrape(instrument.APIRequestsProcessed)
	// Output:
	// # TYPE coderd_api_requests_processed_total counter
	// coderd_api_requests_processed_total{code="200",method="GET",path="/slow/{thing}"} 1
}

// This router keeps the pattern in the context of the request that it passes on.
func ExampleWithRoute() {
	type patternKey struct{}
	endpoint := newEndpoint()
	m, err := meters.New(endpoint.Providers())
	if err != nil {
		fmt.Println(err)
		return
	}
	measure := httpmw.New(m.API(), httpmw.WithRoute(func(r *http.Request) string {
		pattern, _ := r.Context().Value(patternKey{}).(string)
		return pattern
	}))
	user := measure(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	router := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), patternKey{}, "/users/:user")))
	})

	router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/users/ann", nil))
	endpoint.scrape(instrument.APIRequestsProcessed)
	// Output:
	// # TYPE coderd_api_requests_processed_total counter
	// coderd_api_requests_processed_total{code="200",method="GET",path="/users/:user"} 1
}

// endpoint stands for an exporter of package exporters.
type endpoint struct{ *meterstest.Reader }

func newEndpoint() endpoint { return endpoint{meterstest.NewReader(example{})} }

// scrape prints the families as a scrape shows them.
func (e endpoint) scrape(families ...instrument.Family) { fmt.Print(e.Text(example{}, families...)) }

// example implements the methods of testing.TB that package meterstest calls.
type example struct{ testing.TB }

func (example) Helper()                        {}
func (example) Cleanup(func())                 {}
func (example) Fatal(v ...any)                 { panic(fmt.Sprint(v...)) }
func (example) Fatalf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }
