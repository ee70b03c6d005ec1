package metertest_test

import (
	"testing"
	"testing/synctest"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/metertest"
)

func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metertest.New(t)
		labels := instrument.AgentsUp.Labels(instrument.WorkspaceAgents{TemplateName: "docker", Username: "alice", WorkspaceName: "dev"})
		if _, err := m.Providers().Observe(func(o instrument.Observer) {
			o.Observe(instrument.AgentsUp, labels, 2)
		}, instrument.AgentsUp); err != nil {
			t.Fatal(err)
		}
		duration, err := m.Providers().Histogram(instrument.ProvisionerdJobTimings)
		if err != nil {
			t.Fatal(err)
		}
		duration.Record(t.Context(), 45, instrument.ProvisionerdJobTimings.Labels(instrument.ProvisionerJob{Provisioner: "terraform", Status: "success"}))

		const agents = `# TYPE coderd_agents_up gauge
coderd_agents_up{template_name="docker",username="alice",workspace_name="dev"} 2
`
		const timings = `# TYPE coderd_provisionerd_job_timings_seconds histogram
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
		if got := m.Text(t, "coderd_agents_up"); got != agents {
			t.Errorf("got\n%s\nwant\n%s", got, agents)
		}
		if got := m.Text(t); got != agents+timings {
			t.Errorf("got\n%s\nwant\n%s", got, agents+timings)
		}
		if got, ok := m.Value(t, `coderd_provisionerd_job_timings_seconds_sum{provisioner="terraform",status="success"}`); got != 45 || !ok {
			t.Errorf("got %v, %v, want 45", got, ok)
		}
		if got, ok := m.Value(t, `coderd_agents_up{template_name="docker"}`); ok {
			t.Errorf("got %v of a series that does not exist", got)
		}
		if got := m.Families(t)["coderd_agents_up"].GetHelp(); got != "The number of active agents per workspace." {
			t.Errorf("help: %q", got)
		}
	})
}
