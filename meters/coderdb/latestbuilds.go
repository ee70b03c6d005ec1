package coderdb

import (
	"context"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/meters"
)

type latestBuilds struct{ db *DB }

// latestBuildsSQL counts the workspaces by their latest build: by the status of its job, and
// in the edition Coder by its further labels.
func latestBuildsSQL(e instrument.Edition, l coderschema.Lacks) string {
	columns, joins, group := "", "", "status"
	if e == instrument.Coder {
		columns = ", b.transition::text, coalesce(t.name, ''), coalesce(v.name, ''), coalesce(u.username, '')"
		joins = `
LEFT JOIN templates t ON t.id = w.template_id
LEFT JOIN users u ON u.id = w.owner_id
LEFT JOIN template_versions v ON v.id = b.template_version_id`
		group = "1, 3, 4, 5, 6" // users have a column status, too
	}
	return `
SELECT ` + jobStatus(l, "j") + ` AS status, count(*)` + columns + `
FROM workspaces w
JOIN (
	SELECT workspace_id, max(build_number) AS build_number
	FROM workspace_builds
	GROUP BY workspace_id
) latest ON latest.workspace_id = w.id
JOIN workspace_builds b ON b.workspace_id = latest.workspace_id AND b.build_number = latest.build_number
JOIN provisioner_jobs j ON j.id = b.job_id` + joins + `
WHERE NOT w.deleted
GROUP BY ` + group
}

// LatestBuilds implements [meters.LatestBuildsSource].
func (l latestBuilds) LatestBuilds(ctx context.Context) ([]meters.LatestBuilds, error) {
	var builds []meters.LatestBuilds
	err := l.db.read(ctx, "latest builds", func(ctx context.Context, s snapshot) error {
		builds = nil
		var row meters.LatestBuilds
		columns := []any{&row.Status, &row.Workspaces}
		if s.edition == instrument.Coder {
			columns = append(columns, &row.Transition, &row.Template, &row.TemplateVersion, &row.Username)
		}
		return s.each(ctx, func() error {
			builds = append(builds, row)
			return nil
		}, columns, latestBuildsSQL(s.edition, s.missing))
	})
	if err != nil {
		return nil, err
	}
	return builds, nil
}
