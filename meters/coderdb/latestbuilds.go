package coderdb

import (
	"context"

	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/meters"
)

type latestBuilds struct{ db *DB }

func latestBuildsSQL(l coderschema.Lacks) string {
	return `
SELECT ` + jobStatus(l, "j") + ` AS status, count(*)
FROM workspaces w
JOIN (
	SELECT workspace_id, max(build_number) AS build_number
	FROM workspace_builds
	GROUP BY workspace_id
) latest ON latest.workspace_id = w.id
JOIN workspace_builds b ON b.workspace_id = latest.workspace_id AND b.build_number = latest.build_number
JOIN provisioner_jobs j ON j.id = b.job_id
WHERE NOT w.deleted
GROUP BY status`
}

// LatestBuilds implements [meters.LatestBuildsSource].
func (l latestBuilds) LatestBuilds(ctx context.Context) (map[meters.JobStatus]int, error) {
	var builds map[meters.JobStatus]int
	err := l.db.read(ctx, "latest builds", func(ctx context.Context, s snapshot) error {
		builds = make(map[meters.JobStatus]int)
		var status string
		var workspaces int
		return s.each(ctx, func() error {
			builds[meters.JobStatus(status)] = workspaces
			return nil
		}, []any{&status, &workspaces}, latestBuildsSQL(s.missing))
	})
	if err != nil {
		return nil, err
	}
	return builds, nil
}
