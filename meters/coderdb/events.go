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
	// eventMargin is the longest time until a row is visible, by the clock of the
	// database: transactions take time, and the replica that stamps a row has its own
	// clock.
	eventMargin = 5 * time.Minute
	// maxEvents is the largest number of events of jobs, of scripts and of agents that
	// one look reads. Further ones are left to the next looks.
	maxEvents = 10_000
)

// events are the events since the previous look of a [follower].
type events struct {
	Running []startedJob  // started and not ended, now
	Ended   []endedJob    // ended since, and had started; the oldest first
	Scripts []endedScript // ended since; the oldest first

	// The events below are read only for the edition Coder, the oldest first.

	Enqueued  []meters.QueuedJob // workspace builds
	Acquired  []queuedJob
	Connected []connectedAgent
	Ready     []readyBuild
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
	// Creation is nil unless the job created or claimed a workspace, or in the edition
	// Documented.
	Creation *meters.Creation
}

// endedScript is a script that an agent has executed.
type endedScript struct {
	Agent   meters.ForwardingAgent
	Success bool
}

// follower returns every event once. It is not safe for concurrent use.
//
// Events count from the first look on, by the database's clock. After a pause, a
// follower continues where it stopped and misses nothing; a new follower starts
// afresh.
type follower struct {
	db *DB
	// after is the start of the next look, which reads the events that ended later and
	// were not returned yet. It never moves back: forgotten events would be read again.
	after time.Time // zero before the first look
	// from is the time from which events count. At the first look, a standby may not have
	// replayed it yet. The zero time stands for the server's time at the first look.
	from   time.Time
	looked time.Time // time of the last look that was taken, by the database's clock
	// end, if not nil, is the time of the last event: later ones are not this
	// follower's.
	end     *time.Time
	jobs    known[jobEvent]
	scripts known[scriptRun]
	running []id // the jobs that ran at the previous look; in the edition Coder, all that had not ended

	agentsAfter time.Time // after, of events of agents
	agents      known[agentEvent]
	ready       *readyBuilds
}

// known are the events after follower.after that have been returned, with their times.
type known[K comparable] map[K]time.Time

// scriptRun identifies an execution of a script.
type scriptRun struct {
	script         id
	started, ended int64 // Unix microseconds
}

// CheckEvents runs the queries of the first look of [Follow] and returns their error.
// It records nothing.
func (db *DB) CheckEvents(ctx context.Context) error {
	_, err := db.follower().next(ctx)
	return err
}

// follower returns a follower of the events of this database.
func (db *DB) follower() *follower {
	return &follower{
		db: db, jobs: make(known[jobEvent]), scripts: make(known[scriptRun]),
		agents: make(known[agentEvent]), ready: new(readyBuilds),
	}
}

// next returns the events since the previous successful call. The first call returns
// only the running jobs. A call returns at most 10,000 events of jobs, and as many of
// scripts and of agents; the next calls return the rest.
func (f *follower) next(ctx context.Context) (events, error) {
	l, err := f.look(ctx, scan{jobs: true, agents: true})
	if err != nil {
		return events{}, err
	}
	return f.take(l), nil
}

// scan is what a look scans.
type scan struct {
	jobs   bool // the tables of jobs and scripts
	agents bool // the table of agents, in the edition Coder
}

// look reads the events since the last look that was taken. It changes nothing: events
// that are not taken are found again. Without a scan of jobs it reads only those that
// were running and, if there is an index, the jobs that are running; all other events are
// left to the next scan. The first look always scans.
func (f *follower) look(ctx context.Context, scan scan) (look, error) {
	var l look
	var took, tookAgents time.Duration
	err := f.db.read(ctx, "events", func(ctx context.Context, s snapshot) error {
		err := timed(&took, func() error {
			if _, err := s.tx.Exec(ctx, lockLimitSQL); err != nil {
				return err
			}
			l = f.begin(s.now, s.clock, scan)
			return f.readJobs(ctx, s, &l)
		})
		if err != nil || !l.scan.agents {
			return err
		}
		return timed(&tookAgents, func() error { return l.readAgentEvents(ctx, s, f.db.config, f.agents) })
	})
	l.took, l.tookAgents = took, tookAgents
	return l, err
}

// timed adds the time of queries to took, with that of attempts that are repeated. A wait
// for a lock costs the database nothing.
func timed(took *time.Duration, query func() error) error {
	began := time.Now()
	err := query()
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != lockNotAvailable {
		*took += time.Since(began)
	}
	return err
}

// readJobs reads the events of jobs and scripts.
func (f *follower) readJobs(ctx context.Context, s snapshot, l *look) error {
	var err error
	if f.db.edition.Has(instrument.ProvisionerJobQueueWait) {
		err = l.readJobEvents(ctx, s, f.db.config, f.jobs, f.running)
	} else {
		err = l.readJobs(ctx, s, f.jobs, f.running)
	}
	if err != nil || !l.scan.jobs || !f.db.serves(instrument.AgentScriptsExecuted, s.missing) {
		return err
	}
	return l.readScripts(ctx, s, slices.Collect(maps.Keys(f.scripts)))
}

// lockLimitSQL limits the wait for a lock, such as that of a migration.
const lockLimitSQL = "SET LOCAL lock_timeout = '2s'"

// lockNotAvailable is the SQLSTATE of a wait that exceeded lock_timeout.
const lockNotAvailable = "55P03"

// look is the result of one look at the database.
type look struct {
	first  bool
	now    time.Time
	scan   scan
	end    *time.Time
	jobs   span // also of scripts
	agents span
	// took and tookAgents are the times of its queries, without waits for locks. They
	// are set if the look failed, too.
	took, tookAgents time.Duration

	events       events
	knownJobs    known[jobEvent]
	knownScripts known[scriptRun]
	knownAgents  known[agentEvent]
	running      []id
	ready        []id // the builds that were ready before the first look, if this is that one
}

// span is the part of the events that a look reads.
type span struct {
	after time.Time
	until time.Time // all visible events by then are found
	more  bool      // further events are left to the next look
}

// full notes that a look reached maxEvents: events after last are left to the next look.
func (s *span) full(last time.Time) {
	s.more = true
	if last.Before(s.until) {
		s.until = last
	}
}

// next returns the start of the next span.
func (s span) next() time.Time {
	if next := s.until.Add(-eventMargin); next.After(s.after) {
		return next
	}
	return s.after
}

// begin prepares a look. now is the time of the database, and clock the time of the server;
// on a standby, now is behind clock. If now went back further than a failover explains, this
// is another database, and the look counts as the first one.
func (f *follower) begin(now, clock time.Time, scan scan) look {
	l := look{
		now: now, scan: scan, end: f.end,
		jobs: span{after: f.after, until: now}, agents: span{after: f.agentsAfter, until: now},
		knownJobs: make(known[jobEvent]), knownScripts: make(known[scriptRun]), knownAgents: make(known[agentEvent]),
	}
	if f.after.IsZero() || f.after.Sub(now) > eventMargin {
		after := now
		from := f.from
		if from.IsZero() {
			from = clock
		}
		if lag := from.Sub(now); lag > 0 && lag <= maxReplayLag {
			after = from // a standby has not replayed it yet
		}
		l.first, l.scan.jobs, l.scan.agents = true, true, true
		l.jobs.after, l.agents.after = after, after
	}
	l.scan.agents = l.scan.agents && f.db.edition.Has(instrument.AgentsFirstConnection)
	return l
}

// take advances the follower by a look, and returns the new events.
func (f *follower) take(l look) events {
	for _, build := range l.ready {
		f.ready.add(build)
	}
	l.events.Ready = slices.DeleteFunc(l.events.Ready, func(b readyBuild) bool {
		return !f.ready.add(b.job) || b.Status == "" // restarted, or its outcome is unknown
	})
	if l.first {
		f.after, f.agentsAfter = l.jobs.after, l.agents.after
		// Other events happened before the first look, stamped by a clock that is ahead.
		l.events = events{Running: l.events.Running}
	}
	if l.scan.jobs && !l.first {
		f.after = l.jobs.next()
	}
	if l.scan.agents && !l.first {
		f.agentsAfter = l.agents.next()
	}
	f.looked, f.running = l.now, l.running
	f.jobs.add(l.knownJobs, f.after)
	f.scripts.add(l.knownScripts, f.after)
	f.agents.add(l.knownAgents, f.agentsAfter)
	return l.events
}

// add adds events, and deletes the events that no look reads again.
func (k known[K]) add(more known[K], after time.Time) {
	maps.Copy(k, more)
	maps.DeleteFunc(k, func(_ K, ended time.Time) bool { return !ended.After(after) })
}

// jobsSQL returns the jobs that ended after $1, not after $4 unless that is null, and
// are not among $2, followed by the running jobs. $3: the largest number of rows.
// Without a scan it returns only the jobs among $5 and the jobs that are running by
// the index on job_status.
//
// A job without a worker ran on no provisioner daemon: the job reaper ended it, or it
// deleted a workspace without a daemon. Coder counts neither. A job that ended with an
// error has failed. A job that was canceled too late to be stopped has no error, and
// has succeeded. Infinite times, which no arithmetic accepts, leave out their job.
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
	AND isfinite(j.started_at) AND isfinite(coalesce(j.completed_at, j.started_at))
	AND (j.completed_at IS NULL OR j.completed_at > $1 AND ($4::timestamptz IS NULL OR j.completed_at <= $4))
	AND NOT EXISTS (SELECT FROM unnest($2::uuid[]) AS known(id) WHERE known.id = j.id)
ORDER BY j.completed_at NULLS LAST, j.id
LIMIT $3`
}

// candidatesSQL returns the ids of the jobs that an index can find.
func candidatesSQL(l coderschema.Lacks) string {
	const seen = "SELECT unnest($5::uuid[]) AS id"
	if l[coderschema.JobStatusIndex] {
		return seen
	}
	return seen + " UNION SELECT id FROM provisioner_jobs WHERE " + runningJob(l)
}

func (l *look) readJobs(ctx context.Context, s snapshot, seen known[jobEvent], running []id) error {
	ids := make([]id, 0, len(seen))
	for e := range seen {
		ids = append(ids, e.job)
	}
	args := []any{l.jobs.after, ids, maxEvents, l.end}
	if !l.scan.jobs {
		args = append(args, running)
	}
	var job id
	var provisioner, status string
	var transition meters.Transition
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
		l.knownJobs[jobEvent{jobEnded, job}] = last
		l.events.Ended = append(l.events.Ended, endedJob{startedJob: j, Outcome: outcomeOf(status), Seconds: max(seconds, 0)})
		return nil
	}, []any{
		&job, &provisioner, &ended, &seconds, &status,
		&transition, &build.OwnerEmail, &build.TemplateName, &build.TemplateVersion, &build.WorkspaceName,
	}, jobsSQL(s.missing, l.scan.jobs), args...)
	if rows == maxEvents && len(l.events.Running) == 0 {
		l.jobs.full(last)
	}
	return err
}

// outcomeOf returns the outcome of a job that has ended, by its status.
func outcomeOf(status string) meters.Outcome {
	if meters.JobStatus(status) == meters.JobFailed {
		return meters.Failed
	}
	return meters.Succeeded
}

// workspaceBuild returns the build with its action; nil if the transition is unknown
// or empty.
func workspaceBuild(transition meters.Transition, b meters.Build) *meters.Build {
	switch transition {
	case meters.TransitionStart:
		b.Action = meters.BuildStart
	case meters.TransitionStop:
		b.Action = meters.BuildStop
	case meters.TransitionDelete:
		b.Action = meters.BuildDestroy
	default:
		return nil
	}
	return &b
}

// scriptsSQL returns the scripts of workspace agents that ended after $1, not after $6
// unless that is null, and are not among $2, $3, $4. $5: the largest number of rows.
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
	AND isfinite(x.started_at) AND isfinite(x.ended_at)
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
		l.knownScripts[scriptRun{script, started.UnixMicro(), ended.UnixMicro()}] = ended
		return nil
	}, []any{
		&script, &started, &ended, &event.Success,
		&event.Agent.AgentName, &event.Agent.Username, &event.Agent.WorkspaceName, &event.Agent.TemplateName,
	}, scriptsSQL, l.jobs.after, scripts, starts, ends, maxEvents, l.end)
	if len(l.events.Scripts) == maxEvents {
		l.jobs.full(ended)
	}
	return err
}
