package e2e_test

import (
	"slices"
	"testing"

	"github.com/otelcoder/otelcoder/e2e"
)

func TestContract(t *testing.T) {
	for name, test := range map[string]struct {
		contract e2e.Contract
		want     int
	}{
		"documented":             {e2e.Documented(), 73},
		"coder":                  {e2e.Coder(), 94},
		"health":                 {e2e.Health(), 11},
		"served":                 {e2e.Served(), 84},
		"served, the deployment": {e2e.Served().OfScope("deployment"), 20},
		"served, the replica":    {e2e.Served().OfScope("replica"), 64},
	} {
		if got := len(test.contract); got != test.want {
			t.Errorf("%s: got %d families, want %d", name, got, test.want)
		}
	}
	timings := e2e.Documented()["coderd_provisionerd_job_timings_seconds"]
	if timings.Type != "histogram" || timings.Scope != "replica" || timings.Origin != "otel" ||
		timings.Help != "The provisioner job time duration in seconds." ||
		!slices.Equal(timings.Labels, []string{"provisioner", "status"}) ||
		!slices.Equal(timings.Buckets, []float64{1, 10, 30, 60, 300, 600, 1800, 3600}) {
		t.Errorf("coderd_provisionerd_job_timings_seconds: got %+v", timings)
	}
}
