package coderdb

import (
	"context"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/clock"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/meters"
)

const (
	// historyShare is the share of time that the queries of [creations] may take, since
	// they read every workspace that was ever created.
	historyShare = 0.002
	// maxHistoryLag is how long the latest counts are returned after the next count was
	// due, while counts fail. It is longer than 4 h 10 min, the wait after a count that
	// exceeded its time limit.
	maxHistoryLag = 5 * time.Hour
)

// creations is the source of the workspaces that were ever created. Between its queries,
// it returns the latest counts.
type creations struct {
	db   *DB
	pace pace
	last meters.Creations
	due  time.Time // of the first count after last; zero if there is no last
	err  error     // of the latest count
}

// seriesSQL returns a row without a preset for each template. If the database has presets,
// it also returns each preset of the active versions, and whether prebuilt workspaces of the
// preset are desired.
func seriesSQL(presets bool) string {
	const templates = `
FROM templates t
JOIN organizations o ON o.id = t.organization_id`
	const all = `
SELECT o.name, t.name, '', false` + templates + `
WHERE NOT t.deleted`
	if !presets {
		return all
	}
	return all + `
UNION ALL
SELECT o.name, t.name, p.name, p.desired_instances IS NOT NULL` + templates + `
JOIN template_version_presets p ON p.template_version_id = t.active_version_id
WHERE NOT t.deleted`
}

// createdSQL counts the workspaces that users created, by the preset of the first start
// that succeeded. The lateral query finds it by the index on a workspace's builds, and
// reads no later ones.
func createdSQL(l coderschema.Lacks) string {
	column, name, join := "NULL::uuid", "''", ""
	if !l.Missing("workspace_builds", "template_version_preset_id") && !lacksAny(l, "template_version_presets", "id", "name") {
		column, name = "b.template_version_preset_id", "coalesce(p.name, '')"
		join = "\nLEFT JOIN template_version_presets p ON p.id = created.preset_id"
	}
	return `
SELECT o.name, t.name, ` + name + `, created.workspaces
FROM (
	SELECT w.template_id, first.preset_id, count(*) AS workspaces
	FROM workspaces w
	CROSS JOIN LATERAL (
		SELECT b.initiator_id, ` + column + ` AS preset_id
		FROM workspace_builds b
		JOIN provisioner_jobs j ON j.id = b.job_id
		WHERE b.workspace_id = w.id AND b.transition = 'start' AND ` + succeededJob(l) + `
		ORDER BY b.build_number
		LIMIT 1
	) first
	WHERE first.initiator_id <> ` + prebuildsUser + `
	GROUP BY w.template_id, first.preset_id
) created
JOIN templates t ON t.id = created.template_id
JOIN organizations o ON o.id = t.organization_id` + join + `
WHERE NOT t.deleted`
}

// succeededJob returns the SQL condition of a job j that has succeeded. Unlike the
// expression of [jobStatus], it compares columns, so that the planner knows that most jobs
// have.
func succeededJob(l coderschema.Lacks) string {
	if l.Missing("provisioner_jobs", "job_status") {
		return "j.completed_at IS NOT NULL AND j.canceled_at IS NULL AND (j.error IS NULL OR j.error = '')"
	}
	return "j.job_status = 'succeeded'"
}

// prebuiltSQL counts the prebuilt workspaces, those whose first build failed, and those
// that were claimed.
func prebuiltSQL(l coderschema.Lacks) string {
	return `
SELECT o.name, t.name, p.name, count(*),
	count(*) FILTER (WHERE ` + jobStatus(l, "j") + ` = 'failed'), count(*) FILTER (WHERE w.owner_id <> ` + prebuildsUser + `)
FROM workspace_builds b
JOIN workspaces w ON w.id = b.workspace_id
JOIN templates t ON t.id = w.template_id
JOIN organizations o ON o.id = t.organization_id
JOIN template_version_presets p ON p.id = b.template_version_preset_id
JOIN provisioner_jobs j ON j.id = b.job_id
WHERE NOT t.deleted AND b.build_number = 1 AND b.initiator_id = ` + prebuildsUser + `
GROUP BY 1, 2, 3`
}

// Creations implements [meters.CreationsSource]. After a failed count, it returns the
// latest counts with a [meters.PartialError], for [maxHistoryLag].
func (c *creations) Creations(ctx context.Context) (meters.Creations, error) {
	if c.pace.due() {
		c.recount(ctx)
	}
	switch {
	case c.err == nil:
		return c.last, nil
	case c.due.IsZero() || clock.Since(c.due) > maxHistoryLag:
		return meters.Creations{}, c.err
	default:
		return c.last, &meters.PartialError{Err: c.err}
	}
}

// recount counts, and sets the time of the next count.
func (c *creations) recount(ctx context.Context) {
	var took time.Duration
	var found meters.Creations
	c.err = c.db.read(ctx, "created workspaces", func(ctx context.Context, s snapshot) error {
		return timed(&took, func() (err error) {
			if _, err := s.tx.Exec(ctx, lockLimitSQL); err != nil {
				return err
			}
			found, err = c.count(ctx, s)
			return err
		})
	})
	c.pace.spend(took, c.db.historyShare)
	if c.err == nil {
		c.last, c.due = found, c.pace.next
	}
}

// count counts the workspaces.
func (c *creations) count(ctx context.Context, s snapshot) (found meters.Creations, err error) {
	presets, licensed := c.db.serves(instrument.PrebuiltWorkspacesCreated, s.missing), false
	if presets {
		if licensed, err = s.prebuildsLicensed(ctx); err != nil {
			return found, err
		}
	}
	if err := readSeries(ctx, s, presets, licensed, &found); err != nil {
		return found, err
	}
	if err := readCreated(ctx, s, &found); err != nil || !licensed {
		return found, err
	}
	return found, readPrebuilt(ctx, s, &found)
}

// readSeries adds the series that begin at 0.
func readSeries(ctx context.Context, s snapshot, presets, licensed bool, to *meters.Creations) error {
	var p meters.Preset
	var desired bool
	return s.each(ctx, func() error {
		to.Workspaces = append(to.Workspaces, meters.WorkspaceCreations{Preset: p})
		if desired && licensed {
			to.Prebuilds = append(to.Prebuilds, meters.PrebuildCreations{Preset: p})
		}
		return nil
	}, []any{&p.Organization, &p.Template, &p.Name, &desired}, seriesSQL(presets))
}

func readCreated(ctx context.Context, s snapshot, to *meters.Creations) error {
	var row meters.WorkspaceCreations
	return s.each(ctx, func() error {
		to.Workspaces = append(to.Workspaces, row)
		return nil
	}, []any{&row.Organization, &row.Template, &row.Name, &row.Workspaces}, createdSQL(s.missing))
}

func readPrebuilt(ctx context.Context, s snapshot, to *meters.Creations) error {
	var row meters.PrebuildCreations
	return s.each(ctx, func() error {
		to.Prebuilds = append(to.Prebuilds, row)
		return nil
	}, []any{&row.Organization, &row.Template, &row.Name, &row.Created, &row.Failed, &row.Claimed}, prebuiltSQL(s.missing))
}
