package meterstest_test

import (
	"fmt"
	"maps"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// record measures a gauge and a histogram.
func record(t *testing.T, r *meterstest.Reader) {
	t.Helper()
	labels := instrument.Documented.Labels(instrument.AgentsUp, instrument.WorkspaceAgents{TemplateName: "docker", Username: "alice", WorkspaceName: "dev"})
	if _, err := r.Providers().Observe(func(o instrument.Observer) {
		o.Observe(instrument.AgentsUp, labels, 2)
	}, instrument.AgentsUp); err != nil {
		t.Fatal(err)
	}
	duration, err := r.Providers().Histogram(instrument.ProvisionerdJobTimings)
	if err != nil {
		t.Fatal(err)
	}
	duration.Record(t.Context(), 45, instrument.Documented.Labels(instrument.ProvisionerdJobTimings,
		instrument.ProvisionerJob{Provisioner: "terraform", Status: "success"}))
}

const (
	agents = `# TYPE coderd_agents_up gauge
coderd_agents_up{template_name="docker",username="alice",workspace_name="dev"} 2
`
	timings = `# TYPE coderd_provisionerd_job_timings_seconds histogram
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="1"} 0
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="10"} 0
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="30"} 0
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="60"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="300"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="600"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="1800"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="3600"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="+Inf"} 1
coderd_provisionerd_job_timings_seconds_sum{provisioner="terraform",status="success"} 45
coderd_provisionerd_job_timings_seconds_count{provisioner="terraform",status="success"} 1
`
)

func TestReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := meterstest.NewReader(t)
		record(t, r)

		if got := r.Text(t, instrument.AgentsUp); got != agents {
			t.Errorf("got\n%s\nwant\n%s", got, agents)
		}
		if got := r.Text(t); got != agents+timings {
			t.Errorf("got\n%s\nwant\n%s", got, agents+timings)
		}
		for _, test := range []struct {
			family   instrument.Family
			measured instrument.Measured
			want     float64
			ok       bool
		}{
			{instrument.AgentsUp, instrument.WorkspaceAgents{TemplateName: "docker", Username: "alice", WorkspaceName: "dev"}, 2, true},
			{instrument.AgentsUp, instrument.WorkspaceAgents{TemplateName: "docker", Username: "alice"}, 0, false},
			{instrument.ProvisionerdJobTimings, instrument.ProvisionerJob{Provisioner: "terraform", Status: "success"}, 1, true},
			{instrument.ProvisionerdJobTimings, instrument.ProvisionerJob{Provisioner: "terraform", Status: "failed"}, 0, false},
			{instrument.APIConcurrentRequests, instrument.NoLabels{}, 0, false},
		} {
			if got, ok := r.Value(t, test.family, test.measured); got != test.want || ok != test.ok {
				t.Errorf("%s of %+v: got %v, %v, want %v, %v", test.family, test.measured, got, ok, test.want, test.ok)
			}
		}
		samples := map[string]float64{`coderd_agents_up{template_name="docker",username="alice",workspace_name="dev"}`: 2}
		if got := r.Samples(t, instrument.AgentsUp); !maps.Equal(got, samples) {
			t.Errorf("got %v, want %v", got, samples)
		}
		if got := r.Samples(t)[`coderd_provisionerd_job_timings_seconds_sum{provisioner="terraform",status="success"}`]; got != 45 {
			t.Errorf("got sum %v, want 45", got)
		}
		if got := r.Families(t)["coderd_agents_up"].GetHelp(); got != "The number of active agents per workspace." {
			t.Errorf("got help text %q", got)
		}
	})
}

// failures is a testing.TB that records failure messages.
type failures struct {
	testing.TB
	text strings.Builder
}

func (f *failures) Errorf(format string, args ...any) { fmt.Fprintf(&f.text, format, args...) }

func (f *failures) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

// failure returns the failure messages of run.
func failure(t *testing.T, run func(t testing.TB)) string {
	f := &failures{TB: t}
	var running sync.WaitGroup
	running.Go(func() { run(f) })
	running.Wait()
	return f.text.String()
}

// TestValueOfOthers checks that Value fails the test for a struct of another family, and for
// a family that the Reader does not read.
func TestValueOfOthers(t *testing.T) {
	r := meterstest.NewReader(t)
	record(t, r)
	for _, test := range []struct {
		family   instrument.Family
		measured instrument.Measured
		want     string
	}{
		{instrument.AgentsUp, instrument.WorkspaceAgents{}, ""},
		{instrument.AgentsUp, instrument.AgentScript{}, "the labels of coderd_agents_up come from instrument.WorkspaceAgents, not from instrument.AgentScript"},
		{instrument.AgentsUp, nil, "the labels of coderd_agents_up come from instrument.WorkspaceAgents, not from <nil>"},
		{instrument.GoGoroutines, instrument.NoLabels{}, "go_goroutines is a family of the Go runtime, which a Reader does not read"},
	} {
		if got := failure(t, func(t testing.TB) { r.Value(t, test.family, test.measured) }); got != test.want {
			t.Errorf("%s of %#v: got failure %q, want %q", test.family, test.measured, got, test.want)
		}
	}
}

// TestOtherInstruments checks that the Reader reads only the catalogue's families. The
// endpoint renames a host's instruments, and refuses other instruments of otelcoder's scope.
func TestOtherInstruments(t *testing.T) {
	r := meterstest.NewReader(t)
	record(t, r)
	for _, scope := range []string{"example.com/host", instrument.ScopeName} {
		for _, provider := range []metric.MeterProvider{r.Providers().Deployment, r.Providers().Workspaces, r.Providers().Process} {
			c, err := provider.Meter(scope).Int64Counter("host.requests")
			if err != nil {
				t.Fatal(err)
			}
			c.Add(t.Context(), 1)
		}
	}
	r.Expect(t, agents+timings)
}

func TestExpect(t *testing.T) {
	r := meterstest.NewReader(t)
	record(t, r)
	r.Expect(t, agents+timings)
	r.Expect(t, agents, instrument.AgentsUp)
	r.Expect(t, "", instrument.APIConcurrentRequests)
	r.Expect(t, `
		coderd_agents_up{template_name="docker",username="alice",workspace_name="dev"} 2
	`, instrument.AgentsUp)

	const measured = `coderd_agents_up{template_name="docker",username="alice",workspace_name="dev"} `
	for _, test := range []struct{ want, diff string }{
		{measured + "2.0", "-" + measured + "2.0\n+" + measured + "2\n"},
		{measured + "3", "-" + measured + "3\n+" + measured + "2\n"},
		{"", "+" + measured + "2\n"},
		{measured + "2\ncoderd_agents_up 1", "-coderd_agents_up 1\n"},
		{"# TYPE coderd_agents_up counter\n" + measured + "2", "-# TYPE coderd_agents_up counter\n+# TYPE coderd_agents_up gauge\n"},
	} {
		f := &failures{TB: t}
		r.Expect(f, test.want, instrument.AgentsUp)
		got := f.text.String()
		for line := range strings.Lines(test.diff) {
			if !strings.Contains(got, line) {
				t.Errorf("Expect %q: got failure\n%s\nwant the line\n%s", test.want, got, line)
			}
		}
		if strings.Count(got, "\n") != strings.Count(test.diff, "\n")+1 {
			t.Errorf("Expect %q: got failure\n%s\nwant\n%s", test.want, got, test.diff)
		}
	}
}

// TestTime limits the time of counting a build and reading it, as a test of a host does. It
// uses the fastest of five runs, since other processes share the machine.
func TestTime(t *testing.T) {
	fastest := time.Hour
	for range 5 {
		began := time.Now()
		reader := meterstest.NewReader(t)
		m, err := meters.New(reader.Providers())
		if err != nil {
			t.Fatal(err)
		}
		m.Builds().Start(meters.Build{Action: meters.BuildStart, OwnerEmail: "ann@example.com", TemplateName: "docker",
			TemplateVersion: "v1", WorkspaceName: "dev"}).End(meters.Succeeded)
		got, ok := reader.Value(t, instrument.WorkspaceBuilds, instrument.WorkspaceBuild{Action: "START", OwnerEmail: "ann@example.com",
			Status: "success", TemplateName: "docker", TemplateVersion: "v1", WorkspaceName: "dev"})
		if got != 1 || !ok {
			t.Errorf("got %v, %v, want 1", got, ok)
		}
		fastest = min(fastest, time.Since(began))
		if err := m.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if fastest > 50*time.Millisecond {
		t.Errorf("took %s, want at most 50ms", fastest)
	}
}
