package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/collector"
	"github.com/otelcoder/otelcoder/e2e/invariant"
	"github.com/otelcoder/otelcoder/e2e/process"
)

// TestHost checks that examples/host serves and pushes its own counters, made with
// client_golang and with OpenTelemetry, together with the families of the catalogue.
func TestHost(t *testing.T) {
	c := collector.Start(t, collectorFile)
	host := process.NewProgram(t.TempDir(), "./examples/host").
		Start(t, []string{"OTEL_METRIC_EXPORT_INTERVAL=500", "OTEL_EXPORTER_OTLP_ENDPOINT=" + c.HTTP}, "127.0.0.1:0")
	url := host.Ready["url"]
	for _, path := range []string{"sign-in", "workspaces/dev/start", "workspaces/dev/start"} {
		if a := request(t, "POST", url+path); a.status != http.StatusOK {
			t.Fatalf("POST /%s: status %d", path, a.status)
		}
	}

	want := map[string]float64{
		"host_sign_ins_total":                 1,
		"host_workspace_starts_total":         2,
		"coderd_workspace_builds_total":       2,
		"coderd_api_requests_processed_total": 3,
	}
	check := func(s *invariant.Scrape) error {
		var errs []error
		for name, value := range want {
			f := s.Family(name)
			if f == nil {
				errs = append(errs, fmt.Errorf("no family %s", name))
				continue
			}
			sum := 0.0
			for _, sample := range f.Samples {
				sum += sample.Value
			}
			if sum < value {
				errs = append(errs, fmt.Errorf("%s: got the sum %v, want at least %v", name, sum, value))
			}
		}
		return errors.Join(errs...)
	}
	for _, accept := range []string{acceptText, acceptOpenMetrics, acceptProtobuf} {
		eventually(t, func() error { return check(scrapeHost(t, url+"metrics", accept, e2e.Served())) })
	}
	eventually(t, func() error { return check(scrapeHost(t, c.Metrics, acceptText, collected())) })
}

// scrapeHost reads an endpoint with a strict parser, and checks the families of the
// catalogue against a contract.
func scrapeHost(t *testing.T, url, accept string, contract e2e.Contract) *invariant.Scrape {
	t.Helper()
	a := request(t, "GET", url, "Accept", accept)
	s, err := invariant.Parse(a.header.Get("Content-Type"), a.text(t))
	if err != nil {
		t.Fatalf("GET %s as %s: %v", url, accept, err)
	}
	ours := *s
	ours.Families = slices.DeleteFunc(slices.Clone(s.Families), func(f *invariant.Family) bool {
		_, documented := e2e.Served()[f.Name]
		return !documented
	})
	if err := ours.Check(contract); err != nil {
		t.Fatalf("GET %s as %s: %v", url, accept, err)
	}
	return s
}
