package meters_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
)

func ExampleOAuth2() {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-RateLimit-Limit", "60")
		w.Header().Set("X-RateLimit-Remaining", "59")
		w.Header().Set("X-RateLimit-Used", "1")
		w.Header().Set("X-RateLimit-Reset", "0")
		w.Header().Set("X-RateLimit-Resource", "core")
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer provider.Close()

	endpoint := newEndpoint()
	m, err := meters.New(endpoint.Providers())
	if err != nil {
		fmt.Println(err)
		return
	}
	oauth2 := m.OAuth2()
	client := http.Client{Transport: oauth2.Transport("github", meters.OAuth2ValidateToken, nil)}
	response, err := client.Get(provider.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	response.Body.Close()
	client.CloseIdleConnections()
	endpoint.scrape(instrument.OAuth2Requests, instrument.OAuth2RateLimitRemaining)
	// Output:
	// # TYPE coderd_oauth2_external_requests_rate_limit_remaining gauge
	// coderd_oauth2_external_requests_rate_limit_remaining{name="github",resource="core-unauthorized"} 59
	// # TYPE coderd_oauth2_external_requests_total counter
	// coderd_oauth2_external_requests_total{name="github",source="ValidateToken",status_code="401"} 1
}
