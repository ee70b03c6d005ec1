package meters

import (
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func testJobs(t *testing.T) (*meterstest.Reader, *Jobs) {
	t.Helper()
	m, meters := newMeters(t)
	return m, meters.Jobs()
}

func wantJobs(t *testing.T, m *meterstest.Reader, terraform, echo float64) {
	t.Helper()
	wantValue(t, m, `coderd_provisionerd_jobs_current{provisioner="terraform"}`, terraform)
	wantValue(t, m, `coderd_provisionerd_jobs_current{provisioner="echo"}`, echo)
}

func TestJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, j := testJobs(t)
		m.Expect(t, `# TYPE coderd_provisionerd_jobs_current gauge
coderd_provisionerd_jobs_current{provisioner="echo"} 0
coderd_provisionerd_jobs_current{provisioner="terraform"} 0
`, instrument.ProvisionerdJobsCurrent, instrument.ProvisionerdJobTimings)

		first, second, third := j.Start(Terraform), j.Start(Terraform), j.Start(Echo)
		wantJobs(t, m, 2, 1)
		time.Sleep(45 * time.Second)
		first.End(Succeeded)
		wantJobs(t, m, 1, 1)
		time.Sleep(15 * time.Second)
		second.End(Succeeded)
		third.End(Failed)
		wantJobs(t, m, 0, 0)

		for range 3 { // only the first counts
			first.End(Succeeded)
			third.End(Succeeded)
		}
		j.Record(Terraform, Failed, 0.5) // run by another process
		m.Expect(t, `# TYPE coderd_provisionerd_job_timings_seconds histogram
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="failed",le="1"} 0
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="failed",le="10"} 0
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="failed",le="30"} 0
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="failed",le="60"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="failed",le="300"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="failed",le="600"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="failed",le="1800"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="failed",le="3600"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="failed",le="+Inf"} 1
coderd_provisionerd_job_timings_seconds_sum{provisioner="echo",status="failed"} 60
coderd_provisionerd_job_timings_seconds_count{provisioner="echo",status="failed"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="failed",le="1"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="failed",le="10"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="failed",le="30"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="failed",le="60"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="failed",le="300"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="failed",le="600"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="failed",le="1800"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="failed",le="3600"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="failed",le="+Inf"} 1
coderd_provisionerd_job_timings_seconds_sum{provisioner="terraform",status="failed"} 0.5
coderd_provisionerd_job_timings_seconds_count{provisioner="terraform",status="failed"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="1"} 0
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="10"} 0
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="30"} 0
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="60"} 2
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="300"} 2
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="600"} 2
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="1800"} 2
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="3600"} 2
coderd_provisionerd_job_timings_seconds_bucket{provisioner="terraform",status="success",le="+Inf"} 2
coderd_provisionerd_job_timings_seconds_sum{provisioner="terraform",status="success"} 105
coderd_provisionerd_job_timings_seconds_count{provisioner="terraform",status="success"} 2
`, instrument.ProvisionerdJobTimings)
		wantJobs(t, m, 0, 0)
	})
}

func TestJobsRefuse(t *testing.T) {
	m, j := testJobs(t)
	j.Start("pulumi").End(Succeeded)
	j.Record("pulumi", "canceled", math.NaN())
	running := j.Start(Terraform)
	running.End("canceled") // the job ends, with an unknown outcome
	running.End(Succeeded)
	j.Record(Terraform, "", 1)
	j.Record(Terraform, Succeeded, math.NaN())
	j.Record(Terraform, Succeeded, math.Inf(1))
	j.Record(Terraform, Succeeded, math.Inf(-1))
	j.Record(Terraform, Succeeded, -1)
	m.Expect(t, `# TYPE coderd_provisionerd_jobs_current gauge
coderd_provisionerd_jobs_current{provisioner="echo"} 0
coderd_provisionerd_jobs_current{provisioner="terraform"} 0
# TYPE otelcoder_refused_total counter
otelcoder_refused_total{origin="jobs",reason="outcome"} 2
otelcoder_refused_total{origin="jobs",reason="provisioner"} 2
otelcoder_refused_total{origin="jobs",reason="value"} 4
`)
}

func TestJobsAtOnce(t *testing.T) {
	m, j := testJobs(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				running := j.Start(Echo)
				wg.Go(func() { running.End(Failed) })
				running.End(Failed)
			}
		})
	}
	for range 10 {
		if got := m.Samples(t)[`coderd_provisionerd_jobs_current{provisioner="echo"}`]; got < 0 || got > 8 {
			t.Errorf("got %v running jobs, want 0 to 8", got)
		}
	}
	wg.Wait()
	wantJobs(t, m, 0, 0)
	wantValue(t, m, `coderd_provisionerd_job_timings_seconds_count{provisioner="echo",status="failed"}`, 800)
}
