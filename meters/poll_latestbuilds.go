package meters

import (
	"context"

	"github.com/otelcoder/otelcoder/instrument"
)

// LatestBuildsSource counts workspaces by the job status of their latest build, without
// deleted workspaces. Statuses without workspaces may be left out.
type LatestBuildsSource interface {
	LatestBuilds(ctx context.Context) (map[JobStatus]int, error)
}

// JobStatus is the status of a provisioner job.
type JobStatus string

// The statuses of a provisioner job.
const (
	JobPending   JobStatus = "pending"
	JobRunning   JobStatus = "running"
	JobSucceeded JobStatus = "succeeded"
	JobCanceling JobStatus = "canceling"
	JobCanceled  JobStatus = "canceled"
	JobFailed    JobStatus = "failed"
	JobUnknown   JobStatus = "unknown"
)

func latestBuilds(c config, source LatestBuildsSource, refused sourceRefusals) collector {
	return collector{
		name:     "latest_builds",
		families: []instrument.Family{instrument.APIWorkspaceLatestBuild},
		interval: c.interval,
		collect: func(ctx context.Context) (snapshot, int, error) {
			counts, err := source.LatestBuilds(ctx)
			if err != nil {
				return snapshot{}, 0, err
			}
			return snapshot{instrument.Deployment: latestBuildSamples(counts, c, refused)}, len(counts), nil
		},
	}
}

// latestBuildSamples returns a sample for each documented status. Other statuses count as
// unknown, so that the sum is the number of workspaces.
func latestBuildSamples(counts map[JobStatus]int, c config, refused sourceRefusals) []sample {
	workspaces := map[JobStatus]float64{
		JobPending: 0, JobRunning: 0, JobSucceeded: 0, JobCanceling: 0, JobCanceled: 0, JobFailed: 0, JobUnknown: 0,
	}
	for status, n := range counts {
		if !refused.valid(float64(n)) {
			continue
		}
		if _, documented := workspaces[status]; !documented {
			status = JobUnknown
		}
		workspaces[status] += float64(n)
	}
	samples := make([]sample, 0, len(workspaces))
	for status, n := range workspaces {
		samples = append(samples, c.sample(instrument.APIWorkspaceLatestBuild, instrument.LatestBuild{Status: string(status)}, n))
	}
	return samples
}
