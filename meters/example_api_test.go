package meters_test

import (
	"context"
	"fmt"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
)

// Package httpmw makes these calls for every request.
func ExampleAPI() {
	endpoint := newEndpoint()
	m, err := meters.New(endpoint.Providers())
	if err != nil {
		fmt.Println(err)
		return
	}
	api := m.API()
	request := api.Start(false)
	request.End(context.Background(), api.Path("/api/v2/users/{user}"), "GET", 200)
	endpoint.scrape(instrument.APIConcurrentRequests, instrument.APIRequestsProcessed)
	// Output:
	// # TYPE coderd_api_concurrent_requests gauge
	// coderd_api_concurrent_requests 0
	// # TYPE coderd_api_requests_processed_total counter
	// coderd_api_requests_processed_total{code="200",method="GET",path="/api/v2/users/{user}"} 1
}
