package meters

import (
	"testing"
	"testing/synctest"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func TestRunningJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := meterstest.NewReader(t)
		poll(t, m, Sources{Jobs: runningJobsFunc(answers(map[Provisioner]int{Terraform: 3, "pulumi": 2, Echo: -1}))})
		m.Expect(t, `# TYPE coderd_provisionerd_jobs_current gauge
coderd_provisionerd_jobs_current{provisioner="echo"} 0
coderd_provisionerd_jobs_current{provisioner="terraform"} 3
`, instrument.ProvisionerdJobsCurrent)
		wantValue(t, m, `otelcoder_source_up{source="jobs"}`, 1)
		wantRefused(t, m, 1, 1)
	})
}
