package meters

import (
	"testing"
	"testing/synctest"

	"github.com/otelcoder/otelcoder/internal/metertest"
)

func TestRunningJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metertest.New(t)
		poll(t, m, Sources{Jobs: runningJobsFunc(answers(map[Provisioner]int{Terraform: 3, "pulumi": 2, Echo: -1}))})
		wantText(t, m, `# TYPE coderd_provisionerd_jobs_current gauge
coderd_provisionerd_jobs_current{provisioner="echo"} 0
coderd_provisionerd_jobs_current{provisioner="terraform"} 3
`, "coderd_provisionerd_jobs_current")
		wantValue(t, m, `otelcoder_source_up{source="jobs"}`, 1)
		wantRefused(t, m, 1, 1)
	})
}
