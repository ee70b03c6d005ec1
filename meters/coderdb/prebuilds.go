package coderdb

import (
	"context"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/meters"
)

// prebuildsUser is the id of the user who builds prebuilt workspaces, and owns them until
// they are claimed. It is the same in every deployment.
const prebuildsUser = `'c42fdf75-3097-471c-8c33-fb52454d81c0'::uuid`

// prebuilds is the source of prebuilt workspaces.
type prebuilds struct{ db *DB }

// presetsSQL returns the presets with a desired number of prebuilt workspaces.
func presetsSQL(l coderschema.Lacks) string {
	zone, status := "p.scheduling_timezone", "p.prebuild_status::text"
	if l.Missing("template_version_presets", "scheduling_timezone") {
		zone = "''"
	}
	if l.Missing("template_version_presets", "prebuild_status") {
		status = "''"
	}
	return `
SELECT p.id, o.name, t.name, p.name, t.deprecated <> '', p.desired_instances, ` + zone + `, ` + status + ` = 'validation_failed'
FROM templates t
JOIN organizations o ON o.id = t.organization_id
JOIN template_version_presets p ON p.template_version_id = t.active_version_id
WHERE NOT t.deleted AND p.desired_instances IS NOT NULL`
}

// maxCron is the largest size of a schedule in bytes; larger ones are invalid.
const maxCron = 1000

// schedulesSQL returns the schedules of presets; empty if they are too large. $1: presets;
// $2: the largest size in bytes.
const schedulesSQL = `
SELECT s.preset_id, CASE WHEN octet_length(s.cron_expression) <= $2 THEN s.cron_expression ELSE '' END, s.desired_instances
FROM unnest($1::uuid[]) AS p(id)
JOIN template_version_preset_prebuild_schedules s ON s.preset_id = p.id`

// unclaimedSQL returns the prebuilt workspaces whose latest build is a start, the newest
// build first. A workspace belongs to the preset of its newest start that has one, since
// later starts may lack it. Expired workspaces are older than their preset permits, or
// than its latest invalidation. $1: now.
func unclaimedSQL(l coderschema.Lacks) string {
	return `
SELECT latest.job_id, ` + jobStatus(l, "j") + `, latest.template_version_preset_id, p.id,
	coalesce(p.invalidate_after_secs > 0 AND w.created_at < $1::timestamptz - make_interval(secs => p.invalidate_after_secs)` +
		l.Unless("template_version_presets", "last_invalidated_at", " OR w.created_at < p.last_invalidated_at") + `, false)
FROM workspaces w
CROSS JOIN LATERAL (
	SELECT b.job_id, b.transition, b.created_at, b.template_version_preset_id
	FROM workspace_builds b
	WHERE b.workspace_id = w.id
	ORDER BY b.build_number DESC
	LIMIT 1
) latest
JOIN provisioner_jobs j ON j.id = latest.job_id
LEFT JOIN LATERAL (
	SELECT b.template_version_preset_id
	FROM workspace_builds b
	WHERE b.workspace_id = w.id AND b.transition = 'start' AND b.template_version_preset_id IS NOT NULL
	ORDER BY b.build_number DESC
	LIMIT 1
) started ON true
LEFT JOIN template_version_presets p ON p.id = started.template_version_preset_id
WHERE w.owner_id = ` + prebuildsUser + ` AND NOT w.deleted AND latest.transition = 'start'
ORDER BY latest.created_at DESC, w.id`
}

// readyJobsSQL returns the jobs with at least one agent whose agents are all ready. $1: jobs.
func readyJobsSQL(l coderschema.Lacks) string {
	return `
SELECT r.job_id
FROM unnest($1::uuid[]) AS j(id)
JOIN workspace_resources r ON r.job_id = j.id
JOIN workspace_agents a ON a.resource_id = r.id` +
		l.Unless("workspace_agents", "deleted", " AND NOT a.deleted") +
		l.Unless("workspace_agents", "parent_id", " AND a.parent_id IS NULL") + `
GROUP BY r.job_id
HAVING bool_and(a.lifecycle_state = 'ready')`
}

// Prebuilds implements [meters.PrebuildsSource].
func (p prebuilds) Prebuilds(ctx context.Context) (meters.Prebuilds, error) {
	var found meters.Prebuilds
	err := p.db.read(ctx, "prebuilt workspaces", func(ctx context.Context, s snapshot) error {
		found = meters.Prebuilds{}
		if !p.db.serves(instrument.PrebuiltWorkspacesRunning, s.missing) {
			return nil
		}
		var err error
		if found.Licensed, err = s.prebuildsLicensed(ctx); err != nil || !found.Licensed {
			return err
		}
		pools := presetPools{hardLimit: p.db.prebuildsHardLimit, index: make(map[id]*presetPool)}
		if err := pools.readPresets(ctx, s); err != nil {
			return err
		}
		if err := pools.readSchedules(ctx, s); err != nil {
			return err
		}
		if err := pools.readWorkspaces(ctx, s); err != nil {
			return err
		}
		if err := pools.readReady(ctx, s); err != nil {
			return err
		}
		found.Presets = pools.presets(s.now)
		return nil
	})
	if err != nil {
		return meters.Prebuilds{}, err
	}
	return found, nil
}

// presetPools are the pools of prebuilt workspaces, one for each preset.
type presetPools struct {
	hardLimit int
	all       []*presetPool
	ids       []id               // of their presets
	index     map[id]*presetPool // by preset
	valid     []id               // jobs of running workspaces that have not expired
	built     map[id]*presetPool // by valid job
}

// presetPool is the pool of prebuilt workspaces of a preset.
type presetPool struct {
	meters.PresetPrebuilds
	deprecated bool   // its template
	zone       string // of the schedules
	schedules  []presetSchedule
	builds     int // workspaces whose latest build is a start with the preset
	failed     int // of the newest hardLimit of these
}

type presetSchedule struct {
	cron    string
	desired int
}

func (p *presetPools) readPresets(ctx context.Context, s snapshot) error {
	var preset id
	var row presetPool
	return s.each(ctx, func() error {
		found := row
		p.all = append(p.all, &found)
		p.ids = append(p.ids, preset)
		p.index[preset] = &found
		return nil
	}, []any{&preset, &row.Organization, &row.Template, &row.Name, &row.deprecated, &row.Desired, &row.zone, &row.ValidationFailed},
		presetsSQL(s.missing))
}

func (p *presetPools) readSchedules(ctx context.Context, s snapshot) error {
	if lacksAny(s.missing, "template_version_preset_prebuild_schedules", "preset_id", "cron_expression", "desired_instances") {
		return nil
	}
	var preset id
	var row presetSchedule
	return s.each(ctx, func() error {
		of := p.index[preset]
		of.schedules = append(of.schedules, row)
		return nil
	}, []any{&preset, &row.cron, &row.desired}, schedulesSQL, p.ids, maxCron)
}

func (p *presetPools) readWorkspaces(ctx context.Context, s snapshot) error {
	p.built = make(map[id]*presetPool)
	var job, latest, started id
	var status string
	var expired bool
	return s.each(ctx, func() error {
		if of := p.index[latest]; of != nil {
			of.builds++
			if of.builds <= p.hardLimit && meters.JobStatus(status) == meters.JobFailed {
				of.failed++
			}
		}
		of := p.index[started]
		if of == nil || meters.JobStatus(status) != meters.JobSucceeded {
			return nil
		}
		of.Running++
		if !expired {
			p.valid = append(p.valid, job)
			p.built[job] = of
		}
		return nil
	}, []any{&job, &status, &latest, &started, &expired}, unclaimedSQL(s.missing), s.now)
}

func (p *presetPools) readReady(ctx context.Context, s snapshot) error {
	var job id
	return s.each(ctx, func() error {
		p.built[job].Eligible++
		return nil
	}, []any{&job}, readyJobsSQL(s.missing), p.valid)
}

// presets returns the state of the pools at a time.
func (p *presetPools) presets(now time.Time) []meters.PresetPrebuilds {
	zones := make(zones)
	all := make([]meters.PresetPrebuilds, 0, len(p.all))
	for _, of := range p.all {
		row := of.PresetPrebuilds
		row.HardLimited = p.hardLimit > 0 && of.failed == p.hardLimit
		row.Desired = of.desired(now, zones)
		if of.deprecated {
			row.Desired, row.Eligible = 0, 0
		}
		all = append(all, row)
	}
	return all
}

// maxSchedules is the largest number of schedules of a preset that are compared with each
// other. With more, the preset's own number is desired at all times.
const maxSchedules = 1000

// desired returns the number of the schedule that is in force at a time, or the preset's
// own number if there is none, if a schedule or the zone is invalid, or if schedules
// overlap.
func (p *presetPool) desired(now time.Time, zones zones) int {
	zone := zones.load(p.zone)
	if zone == nil || len(p.schedules) > maxSchedules {
		return p.Desired
	}
	now = now.In(zone)
	desired := p.Desired
	var earlier []cron
	for _, schedule := range p.schedules {
		c, ok := parseCron(schedule.cron)
		if !ok {
			return p.Desired
		}
		for _, other := range earlier {
			if c.overlaps(other) {
				return p.Desired
			}
		}
		earlier = append(earlier, c)
		if c.contains(now) {
			desired = schedule.desired
		}
	}
	return desired
}

// zones are time zones by name; nil if the zone is unknown.
type zones map[string]*time.Location

// load returns a zone, or nil if it is unknown. The zone Local is that of this host, not
// of the Coder server, and is unknown, like the empty name.
func (z zones) load(name string) *time.Location {
	if name == "" || name == "Local" {
		return nil
	}
	zone, known := z[name]
	if !known {
		zone, _ = time.LoadLocation(name)
		z[name] = zone
	}
	return zone
}
