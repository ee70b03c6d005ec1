package meters

import (
	"testing"
	"testing/synctest"
)

// TestJobTimings checks that JobTimings records durations and no running jobs, which a
// JobsSource counts.
func TestJobTimings(t *testing.T) {
	m, meters := newMeters(t)
	timings := meters.JobTimings()
	timings.Record(Echo, Succeeded, 45)
	timings.Record(Echo, "canceled", 45)
	m.Expect(t, `# TYPE coderd_provisionerd_job_timings_seconds histogram
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="success",le="1"} 0
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="success",le="10"} 0
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="success",le="30"} 0
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="success",le="60"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="success",le="300"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="success",le="600"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="success",le="1800"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="success",le="3600"} 1
coderd_provisionerd_job_timings_seconds_bucket{provisioner="echo",status="success",le="+Inf"} 1
coderd_provisionerd_job_timings_seconds_sum{provisioner="echo",status="success"} 45
coderd_provisionerd_job_timings_seconds_count{provisioner="echo",status="success"} 1
# TYPE otelcoder_refused_total counter
otelcoder_refused_total{origin="jobs",reason="outcome"} 1
otelcoder_refused_total{origin="jobs",reason="provisioner"} 0
otelcoder_refused_total{origin="jobs",reason="value"} 0
`)
}

// TestJobsAnnounceChanges checks that changes of running jobs and of timings are announced.
func TestJobsAnnounceChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, j := testJobs(t)
		running, other := j.Start(Terraform), j.Start(Echo)
		wantAnnounced(t, m, true)
		running.End(Failed)
		wantAnnounced(t, m, true)
		running.End(Failed)
		wantAnnounced(t, m, false)
		other.End("canceled") // no duration, but one fewer running job
		wantAnnounced(t, m, true)
		j.Record(Terraform, Failed, 0.5)
		wantAnnounced(t, m, true)
		j.Record(Terraform, Failed, -1)
		j.Start("pulumi").End(Failed)
		wantAnnounced(t, m, false)
	})
}
