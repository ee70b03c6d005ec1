package coderdb

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/meters"
)

const (
	// eventMargin is how late a row may become visible, by the clock of the
	// database: transactions take time, and the replica that stamps a row has a
	// clock of its own.
	eventMargin = 5 * time.Minute
	// maxEvents is how many jobs, and how many scripts, one look reads. After a
	// long pause the rest comes with the next looks.
	maxEvents = 10_000
)

// events are what happened since the previous look of a [follower].
type events struct {
	Running []startedJob  // started and not ended, now
	Ended   []endedJob    // ended since, and had started; the oldest first
	Scripts []endedScript // ended since; the oldest first
}

// startedJob is a provisioner job that has started.
type startedJob struct {
	ID          [16]byte
	Provisioner meters.Provisioner
	Build       *meters.Build // nil unless it is the job of a workspace build
}

// endedJob is a job that has ended.
type endedJob struct {
	startedJob
	Outcome meters.Outcome
	Seconds float64 // from its start to its end
}

// endedScript is a script that an agent has executed.
type endedScript struct {
	Agent   meters.ForwardingAgent
	Success bool
}

// follower returns every event once. It is for one goroutine.
//
// Events count from the moment of the first look, by the database's clock. A
// follower that has not looked for a while goes on where it was and misses
// nothing; to start afresh, make another.
type follower struct {
	db *DB
	// after is where the next look begins: it reads what ended later and is not
	// known yet. It never goes back, or what was forgotten would be read again.
	after time.Time // zero before the first look
	// from is the time of the first event that counts, if the server that is read has
	// not reached it at the first look. The zero time is the clock of that server.
	from   time.Time
	looked time.Time // by the database's clock, of the last look that was taken
	// end, if not nil, is until when events are told: what ended later is not
	// this follower's.
	end     *time.Time
	jobs    known[id]
	scripts known[scriptRun]
	running []id // the jobs that ran at the previous look
}

// known are the events that ended after follower.after and have been returned,
// with the times of their ends.
type known[K comparable] map[K]time.Time

// scriptRun tells the executions of scripts apart.
type scriptRun struct {
	script         id
	started, ended int64 // Unix microseconds
}

// CheckEvents reads the events as the first look of [Follow] does, records nothing, and
// returns the error of the look.
func (db *DB) CheckEvents(ctx context.Context) error {
	_, err := db.follower().next(ctx)
	return err
}

// follower returns a follower of the events of this database.
func (db *DB) follower() *follower {
	return &follower{db: db, jobs: make(known[id]), scripts: make(known[scriptRun])}
}

// next looks for what has happened since the previous call that succeeded. The
// first call marks the beginning, and only tells what is running. At most 10,000
// jobs and as many scripts come at a time, the rest with the next calls.
func (f *follower) next(ctx context.Context) (events, error) {
	l, err := f.look(ctx, true)
	if err != nil {
		return events{}, err
	}
	return f.take(l), nil
}

// look looks for what has happened since the previous look that was taken. It
// changes nothing: events that are not taken are found again. A look that does
// not scan asks for the jobs that were running, and for those that are where
// there is an index of them; all other events are left to the next scan. The
// first look scans.
func (f *follower) look(ctx context.Context, scan bool) (look, error) {
	var l look
	var took time.Duration
	err := f.db.read(ctx, "events", func(ctx context.Context, s snapshot) (err error) {
		began := time.Now()
		defer func() {
			// A wait for a lock costs the database nothing.
			var refused *pgconn.PgError
			if !errors.As(err, &refused) || refused.Code != lockNotAvailable {
				took += time.Since(began) // also of an attempt that is repeated
			}
		}()
		if _, err := s.tx.Exec(ctx, lockLimitSQL); err != nil {
			return err
		}
		l = f.begin(s.now, s.clock)
		l.scan = scan || l.first
		if err := l.readJobs(ctx, s, slices.Collect(maps.Keys(f.jobs)), f.running); err != nil {
			return err
		}
		if !l.scan || !f.db.serves(instrument.AgentScriptsExecuted, s.lacks) {
			return nil
		}
		return l.readScripts(ctx, s, slices.Collect(maps.Keys(f.scripts)))
	})
	l.took = took
	return l, err
}

// lockLimitSQL ends a look that waits for a lock, as during a migration.
const lockLimitSQL = "SET LOCAL lock_timeout = '2s'"

// lockNotAvailable is the condition (SQLSTATE) of such an end.
const lockNotAvailable = "55P03"

// look is what one look at the database found.
type look struct {
	first   bool
	now     time.Time
	scan    bool          // all events are looked for
	took    time.Duration // of its queries, without waits for locks; set if the look failed, too
	after   time.Time
	until   time.Time // everything that is visible now and ended until then is found
	end     *time.Time
	more    bool // there is more to be found
	events  events
	jobs    known[id]
	scripts known[scriptRun]
	running []id
}

// begin prepares a look at a time by the database's clock, which on a standby is
// behind the server's clock. It is a first one, too, if the database's clock went back
// further than a failover explains: it is another database's.
func (f *follower) begin(now, clock time.Time) look {
	l := look{now: now, after: f.after, until: now, end: f.end, jobs: make(known[id]), scripts: make(known[scriptRun])}
	if f.after.IsZero() || f.after.Sub(now) > eventMargin {
		l.first, l.after = true, now
		from := f.from
		if from.IsZero() {
			from = clock
		}
		if lag := from.Sub(now); lag > 0 && lag <= maxReplayLag {
			l.after = from // a standby has not replayed it yet
		}
	}
	return l
}

// take remembers what was found and returns what is news.
func (f *follower) take(l look) events {
	if l.first {
		f.after = l.after
		// It ended before, by a clock that is ahead.
		l.events.Ended, l.events.Scripts = nil, nil
	} else if after := l.until.Add(-eventMargin); l.scan && after.After(f.after) {
		f.after = after
	}
	f.looked, f.running = l.now, l.running
	f.jobs.add(l.jobs, f.after)
	f.scripts.add(l.scripts, f.after)
	return l.events
}

// add adds events and forgets those that are not read again.
func (k known[K]) add(more known[K], after time.Time) {
	maps.Copy(k, more)
	maps.DeleteFunc(k, func(_ K, ended time.Time) bool { return !ended.After(after) })
}

// full says that a look found all that it may: what ended after the last one
// found is for the next look.
func (l *look) full(last time.Time) {
	l.more = true
	if last.Before(l.until) {
		l.until = last
	}
}

// jobsSQL returns the jobs that ended after $1, not after $4 if that is not
// null, and are not among $2, and after them the running ones. $3: the greatest
// number of both. Without a scan it returns only jobs among $5 and those that are
// running according to the index on job_status.
//
// A job without a worker ran on no provisioner daemon: it was ended by the reaper
// of jobs, or deleted a workspace without any daemon. Coder counts neither.
// A job that ended with an error has failed; one that was canceled too late to
// be stopped has none, and has succeeded.
func jobsSQL(l coderschema.Lacks, scan bool) string {
	from := "provisioner_jobs j"
	if !scan {
		from = "(" + candidatesSQL(l) + ") AS candidate JOIN provisioner_jobs j ON j.id = candidate.id"
	}
	return `
SELECT j.id, j.provisioner::text, j.completed_at,
	coalesce(extract(epoch FROM j.completed_at - j.started_at)::float8, 0), ` + jobStatus(l, "j") + `,
	coalesce(b.transition::text, ''), coalesce(u.email, ''), coalesce(t.name, ''), coalesce(tv.name, ''), coalesce(w.name, '')
FROM ` + from + `
LEFT JOIN workspace_builds b ON b.job_id = j.id
LEFT JOIN workspaces w ON w.id = b.workspace_id
LEFT JOIN users u ON u.id = w.owner_id
LEFT JOIN templates t ON t.id = w.template_id
LEFT JOIN template_versions tv ON tv.id = b.template_version_id
WHERE j.worker_id IS NOT NULL AND j.started_at IS NOT NULL
	AND (j.completed_at IS NULL OR j.completed_at > $1 AND ($4::timestamptz IS NULL OR j.completed_at <= $4))
	AND NOT EXISTS (SELECT FROM unnest($2::uuid[]) AS known(id) WHERE known.id = j.id)
ORDER BY j.completed_at NULLS LAST, j.id
LIMIT $3`
}

// candidatesSQL has the ids of jobs that can be looked up by an index.
func candidatesSQL(l coderschema.Lacks) string {
	const seen = "SELECT unnest($5::uuid[]) AS id"
	if l[coderschema.JobStatusIndex] {
		return seen
	}
	return seen + " UNION SELECT id FROM provisioner_jobs WHERE " + runningJob(l)
}

func (l *look) readJobs(ctx context.Context, s snapshot, seen, running []id) error {
	args := []any{l.after, seen, maxEvents, l.end}
	if !l.scan {
		args = append(args, running)
	}
	var job id
	var provisioner, status, transition string
	var ended *time.Time
	var seconds float64
	var build meters.Build
	rows, last := 0, time.Time{}
	err := s.each(ctx, func() error {
		rows++
		j := startedJob{ID: job.Bytes, Provisioner: meters.Provisioner(provisioner), Build: workspaceBuild(transition, build)}
		if ended == nil {
			l.running = append(l.running, job)
			l.events.Running = append(l.events.Running, j)
			return nil
		}
		last = *ended
		l.jobs[job] = last
		outcome := meters.Succeeded
		if meters.JobStatus(status) == meters.JobFailed {
			outcome = meters.Failed
		}
		l.events.Ended = append(l.events.Ended, endedJob{startedJob: j, Outcome: outcome, Seconds: max(seconds, 0)})
		return nil
	}, []any{
		&job, &provisioner, &ended, &seconds, &status,
		&transition, &build.OwnerEmail, &build.TemplateName, &build.TemplateVersion, &build.WorkspaceName,
	}, jobsSQL(s.lacks, l.scan), args...)
	if rows == maxEvents && len(l.events.Running) == 0 {
		l.full(last)
	}
	return err
}

// workspaceBuild is the build with a transition; nil for one that is none.
func workspaceBuild(transition string, b meters.Build) *meters.Build {
	switch transition {
	case "start":
		b.Action = meters.BuildStart
	case "stop":
		b.Action = meters.BuildStop
	case "delete":
		b.Action = meters.BuildDestroy
	default:
		return nil
	}
	return &b
}

// scriptsSQL has the scripts of workspaces' agents that ended after $1, not
// after $6 if that is not null, and are not among $2, $3, $4. $5: the greatest
// number.
const scriptsSQL = `
SELECT x.script_id, x.started_at, x.ended_at, x.status::text = 'ok', a.name, u.username, w.name, t.name
FROM workspace_agent_script_timings x
JOIN workspace_agent_scripts s ON s.id = x.script_id
JOIN workspace_agents a ON a.id = s.workspace_agent_id
JOIN workspace_resources r ON r.id = a.resource_id
JOIN workspace_builds b ON b.job_id = r.job_id
JOIN workspaces w ON w.id = b.workspace_id
JOIN users u ON u.id = w.owner_id
JOIN templates t ON t.id = w.template_id
WHERE x.ended_at > $1 AND ($6::timestamptz IS NULL OR x.ended_at <= $6)
	AND NOT EXISTS (
		SELECT FROM unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[]) AS known(script_id, started_at, ended_at)
		WHERE known.script_id = x.script_id AND known.started_at = x.started_at AND known.ended_at = x.ended_at
	)
ORDER BY x.ended_at, x.script_id, x.started_at
LIMIT $5`

func (l *look) readScripts(ctx context.Context, s snapshot, seen []scriptRun) error {
	scripts := make([]id, len(seen))
	starts, ends := make([]time.Time, len(seen)), make([]time.Time, len(seen))
	for i, run := range seen {
		scripts[i], starts[i], ends[i] = run.script, time.UnixMicro(run.started), time.UnixMicro(run.ended)
	}
	var script id
	var started, ended time.Time
	var event endedScript
	err := s.each(ctx, func() error {
		l.events.Scripts = append(l.events.Scripts, event)
		l.scripts[scriptRun{script, started.UnixMicro(), ended.UnixMicro()}] = ended
		return nil
	}, []any{
		&script, &started, &ended, &event.Success,
		&event.Agent.AgentName, &event.Agent.Username, &event.Agent.WorkspaceName, &event.Agent.TemplateName,
	}, scriptsSQL, l.after, scripts, starts, ends, maxEvents, l.end)
	if len(l.events.Scripts) == maxEvents {
		l.full(ended)
	}
	return err
}
