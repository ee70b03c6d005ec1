package coderdb

import (
	"context"

	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/meters"
)

type jobs struct{ db *DB }

func runningJobsSQL(l coderschema.Lacks) string {
	return `
SELECT provisioner::text, count(*)
FROM provisioner_jobs
WHERE ` + runningJob(l) + `
GROUP BY provisioner`
}

// RunningJobs implements [meters.JobsSource].
func (j jobs) RunningJobs(ctx context.Context) (map[meters.Provisioner]int, error) {
	var running map[meters.Provisioner]int
	err := j.db.read(ctx, "running jobs", func(ctx context.Context, s snapshot) error {
		running = make(map[meters.Provisioner]int)
		var provisioner string
		var n int
		return s.each(ctx, func() error {
			running[meters.Provisioner(provisioner)] = n
			return nil
		}, []any{&provisioner, &n}, runningJobsSQL(s.missing))
	})
	if err != nil {
		return nil, err
	}
	return running, nil
}

// runningJob returns the SQL condition of a running job. It uses the index on
// job_status if there is one. Coder sets no error before the end of a job.
func runningJob(l coderschema.Lacks) string {
	const running = "started_at IS NOT NULL AND completed_at IS NULL"
	if l[coderschema.JobStatusIndex] {
		return running
	}
	return "job_status IN ('running', 'canceling') AND " + running
}

// jobStatus returns the SQL expression of the status of a job, by the job's alias.
// Coder generates the column job_status by the same rule.
func jobStatus(l coderschema.Lacks, job string) string {
	if !l.Missing("provisioner_jobs", "job_status") {
		return job + ".job_status::text"
	}
	return `CASE
	WHEN ` + job + `.error <> '' THEN 'failed'
	WHEN ` + job + `.completed_at IS NOT NULL THEN CASE WHEN ` + job + `.canceled_at IS NULL THEN 'succeeded' ELSE 'canceled' END
	WHEN ` + job + `.canceled_at IS NOT NULL THEN 'canceling'
	WHEN ` + job + `.started_at IS NULL THEN 'pending'
	ELSE 'running'
END`
}
