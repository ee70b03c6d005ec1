package coderdb

import (
	"context"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/meters"
)

// jobEvent identifies an event of a job.
type jobEvent struct {
	kind jobEventKind
	job  id
}

type jobEventKind string

const (
	jobEnqueued jobEventKind = "enqueued" // only of workspace builds
	jobAcquired jobEventKind = "acquired" // by a daemon
	jobEnded    jobEventKind = "ended"    // after it had run on a daemon
	jobOpen     jobEventKind = "open"     // no event: a job that has not ended
)

// queuedJob is a job that was acquired by a daemon.
type queuedJob struct {
	meters.QueuedJob
	Seconds float64 // from its creation to its start
}

// jobEventsSQL is [jobsSQL] for the edition Coder: it returns the events of jobs after $1,
// not after $4 unless that is null, that are not among $2 (kinds) and $5 (ids), followed by
// the jobs that have not ended. $3: the largest number of rows. Without a scan it returns
// only events of the jobs among $6 and of the jobs that the index on job_status shows not to
// have ended.
//
// The time at which a build was enqueued is the created_at of its job: both rows are
// inserted in one transaction, and the table of jobs is scanned anyway.
//
// Jobs with an infinite time are left out, since such times cannot be subtracted.
//
// A claim is the first start of a workspace by a user other than prebuilds, if its first build
// was by prebuilds.
func (c config) jobEventsSQL(l coderschema.Lacks, scan bool) string {
	from := "provisioner_jobs j"
	if !scan {
		from = "(" + openCandidatesSQL(l) + ") AS candidate JOIN provisioner_jobs j ON j.id = candidate.id"
	}
	recent, seconds := "j.completed_at IS NULL OR j.completed_at > $1", "j.completed_at - j.started_at"
	finite := "isfinite(coalesce(j.started_at, $1)) AND isfinite(coalesce(j.completed_at, $1))"
	kinds, typ, reason := "", "''", "''"
	if c.serves(instrument.ProvisionerJobQueueWait, l) {
		recent += " OR j.started_at > $1 OR j.created_at > $1"
		finite += " AND isfinite(j.created_at)"
		seconds = "CASE e.kind WHEN 'acquired' THEN j.started_at - j.created_at ELSE j.completed_at - j.started_at END"
		kinds = `
	('enqueued', CASE WHEN j.type = 'workspace_build' THEN j.created_at END),
	('acquired', CASE WHEN j.worker_id IS NOT NULL THEN j.started_at END),`
		typ, reason = "j.type::text", "CASE WHEN b.initiator_id = "+prebuildsUser+" THEN 'prebuild' ELSE coalesce(b.reason::text, '') END"
	}
	creation, preset, joinPreset := "''", "''", ""
	if c.serves(instrument.WorkspaceCreationDuration, l) {
		preset, joinPreset = "coalesce(p.name, '')", "LEFT JOIN template_version_presets p ON p.id = b.template_version_preset_id"
		creation = `
	CASE
		WHEN e.kind <> 'ended' OR b.transition <> 'start' THEN ''
		WHEN b.initiator_id = ` + prebuildsUser + ` THEN 'prebuild'
		WHEN b.build_number = 1 THEN 'regular'
		WHEN w.owner_id <> ` + prebuildsUser + ` AND EXISTS (
			SELECT FROM workspace_builds first
			WHERE first.workspace_id = b.workspace_id AND first.build_number = 1 AND first.initiator_id = ` + prebuildsUser + `
		) AND NOT EXISTS (
			SELECT FROM workspace_builds earlier
			WHERE earlier.workspace_id = b.workspace_id AND earlier.build_number < b.build_number
				AND earlier.transition = 'start' AND earlier.initiator_id <> ` + prebuildsUser + `
		) THEN 'claim'
		ELSE ''
	END`
	}
	return `
SELECT e.kind, j.id, e.at, j.started_at IS NOT NULL AND j.worker_id IS NOT NULL, ` + typ + `, j.provisioner::text, ` + jobStatus(l, "j") + `,
	coalesce(extract(epoch FROM ` + seconds + `)::float8, 0),
	coalesce(b.transition::text, ''), ` + reason + `,
	coalesce(u.username, ''), coalesce(t.name, ''), coalesce(tv.name, ''), coalesce(w.name, ''),
	coalesce(o.name, ''), ` + preset + `, ` + creation + `
FROM ` + from + `
CROSS JOIN LATERAL (VALUES` + kinds + `
	('ended', CASE WHEN j.worker_id IS NOT NULL AND j.started_at IS NOT NULL THEN j.completed_at END),
	('open', NULL)
) AS e(kind, at)
LEFT JOIN workspace_builds b ON b.job_id = j.id
LEFT JOIN workspaces w ON w.id = b.workspace_id
LEFT JOIN users u ON u.id = w.owner_id
LEFT JOIN templates t ON t.id = w.template_id
LEFT JOIN organizations o ON o.id = t.organization_id
LEFT JOIN template_versions tv ON tv.id = b.template_version_id
` + joinPreset + `
WHERE (` + recent + `)
	AND ` + finite + `
	AND CASE e.kind
	WHEN 'open' THEN j.completed_at IS NULL
	ELSE e.at > $1 AND ($4::timestamptz IS NULL OR e.at <= $4)
		AND NOT EXISTS (SELECT FROM unnest($2::text[], $5::uuid[]) AS known(kind, id) WHERE known.kind = e.kind AND known.id = j.id)
END
ORDER BY e.at NULLS LAST, j.id, e.kind
LIMIT $3`
}

// openCandidatesSQL is [candidatesSQL] for the edition Coder.
func openCandidatesSQL(l coderschema.Lacks) string {
	const seen = "SELECT unnest($6::uuid[]) AS id"
	if l[coderschema.JobStatusIndex] {
		return seen
	}
	return seen + " UNION SELECT id FROM provisioner_jobs WHERE job_status IN ('pending', 'running', 'canceling') AND completed_at IS NULL"
}

// readJobEvents is readJobs for the edition Coder.
func (l *look) readJobEvents(ctx context.Context, s snapshot, c config, seen known[jobEvent], open []id) error {
	kinds, ids := make([]string, 0, len(seen)), make([]id, 0, len(seen))
	for e := range seen {
		kinds, ids = append(kinds, string(e.kind)), append(ids, e.job)
	}
	args := []any{l.jobs.after, kinds, maxEvents, l.end, ids}
	if !l.scan.jobs {
		args = append(args, open)
	}
	var event jobEvent
	var at *time.Time
	var runs bool
	var typ, provisioner, status, reason string
	var transition meters.Transition
	var seconds float64
	var build meters.Build
	var creation meters.Creation
	rows, last := 0, time.Time{}
	err := s.each(ctx, func() error {
		rows++
		j := startedJob{ID: event.job.Bytes, Provisioner: meters.Provisioner(provisioner), Build: workspaceBuild(transition, build)}
		queued := meters.QueuedJob{
			Type: meters.JobType(typ), Provisioner: j.Provisioner,
			Transition: transition, Reason: meters.BuildReason(reason),
		}
		if at != nil {
			last = *at
			l.knownJobs[event] = last
		}
		switch event.kind {
		case jobEnqueued:
			l.events.Enqueued = append(l.events.Enqueued, queued)
		case jobAcquired:
			l.events.Acquired = append(l.events.Acquired, queuedJob{queued, max(seconds, 0)})
		case jobEnded:
			ended := endedJob{startedJob: j, Outcome: outcomeOf(status), Seconds: max(seconds, 0)}
			if creation.Kind != "" && ended.Outcome == meters.Succeeded {
				created := creation
				created.Preset.Template = build.TemplateName
				ended.Creation = &created
			}
			l.events.Ended = append(l.events.Ended, ended)
		case jobOpen:
			l.running = append(l.running, event.job)
			if runs {
				l.events.Running = append(l.events.Running, j)
			}
		}
		return nil
	}, []any{
		&event.kind, &event.job, &at, &runs, &typ, &provisioner, &status, &seconds, &transition, &reason,
		&build.OwnerName, &build.TemplateName, &build.TemplateVersion, &build.WorkspaceName,
		&creation.Preset.Organization, &creation.Preset.Name, &creation.Kind,
	}, c.jobEventsSQL(s.missing, l.scan.jobs), args...)
	if rows == maxEvents && len(l.running) == 0 {
		l.jobs.full(last)
	}
	return err
}
