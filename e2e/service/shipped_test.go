package service_test

import (
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/coderd"
	"github.com/otelcoder/otelcoder/e2e/process"
	"github.com/otelcoder/otelcoder/e2e/prometheus"
	"github.com/otelcoder/otelcoder/e2e/service"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// TestShippedConfiguration lets a real Prometheus scrape two replicas, and the endpoint
// of a control plane that serves every family that Coder documents, with the shipped
// configuration. It checks that no series exists twice, and that the deployment's series
// continue when another replica takes over.
func TestShippedConfiguration(t *testing.T) {
	t.Parallel()
	db := pgtest.Start(t).Database(t)
	service.Deployment(t, db)
	role := db.Role(t, grants)
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	host := func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return u.Host
	}
	replicas := make(map[string]*service.Service)
	targets := map[string]string{"coder:2112": host(coderd.NewProgram(t.TempDir()).Start(t).Metrics)}
	for _, name := range []string{"otelcoder-0:2112", "otelcoder-1:2112"} {
		s := otelcoder.Start(t, role, "--interval", "1s", "--insights-interval", "1s")
		targets[name] = host(s.Metrics)
		replicas[targets[name]] = s
	}
	p := prometheus.StartFile(t, filepath.Join(root, "examples/prometheus/service/prometheus.yml"), targets)
	await := func(what, query string) {
		t.Helper()
		for deadline := time.Now().Add(faultTime); len(p.Query(t, query)) == 0; time.Sleep(100 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: no result of %s within %v", what, query, faultTime)
			}
		}
	}
	of := e2e.Documented().OfScope("deployment")
	state := `{__name__=~"` + strings.Join(slices.Sorted(maps.Keys(of)), "|") + `"}`
	await("the deployment is served", fmt.Sprintf(`count(count by (__name__) (%s)) == %d`, state, len(of)))
	await("requests are", `coderd_api_requests_processed_total`)
	await("a replica reports", `otelcoder_reporter{job="otelcoder"} == 1 and on (instance) coderd_provisionerd_jobs_current`)
	p.WaitScraped(t, 3)

	// The jobs that have each family.
	for family, want := range map[string]string{
		state:                                   "otelcoder-deployment",
		"coderd_provisionerd_jobs_current":      "otelcoder",
		"otelcoder_reporter":                    "coder otelcoder", // served by the example, but not by Coder
		"coderd_api_requests_processed_total":   "coder",
		"coderd_oauth2_external_requests_total": "coder",
	} {
		var jobs []string
		for _, s := range p.Query(t, `count by (job) (`+family+`)`) {
			jobs = append(jobs, s.Metric.Get("job"))
		}
		slices.Sort(jobs)
		if got := strings.Join(jobs, " "); got != want {
			t.Errorf("%s: got jobs %q, want %q", family, got, want)
		}
	}
	for _, s := range p.Query(t, state) {
		if s.Metric.Has("instance") || s.Metric.Has("pod") {
			t.Errorf("got the series %s, want no label of a replica", s.Metric)
		}
	}
	p.CheckHealthy(t)

	reporter := `otelcoder_reporter{job="otelcoder"} == 1`
	before := p.Query(t, reporter)
	if len(before) != 1 {
		t.Fatalf("got %d reporting replicas, want 1", len(before))
	}
	replicas[before[0].Metric.Get("instance")].Kill()
	await("another one reports", fmt.Sprintf(`otelcoder_reporter{job="otelcoder",instance!=%q} == 1`, before[0].Metric.Get("instance")))
	await("its state is served", `timestamp(coderd_agents_up) > `+fmt.Sprint(time.Now().Unix()))
	if got := p.Query(t, `count(present_over_time(coderd_agents_up[10m]))`); len(got) != 1 || got[0].F != 1 {
		t.Errorf("the workspace's agent: got %v, want one series", got)
	}
}
