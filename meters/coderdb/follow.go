package coderdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/outage"
	"github.com/otelcoder/otelcoder/meters"
)

// Follow records the events of a database until ctx ends, while this process has the
// role, so that no event is recorded by two processes.
//
// [meters.Meters.Builds] records builds, [meters.Meters.JobTimings] the durations of
// jobs, [meters.Meters.Scripts] scripts unless the DB was opened [WithoutAgentStats],
// and [meters.Meters.EventsHealth] the queries for events; in the edition
// [instrument.Coder], [meters.Meters.JobQueue] records the queue of jobs, and
// [meters.Meters.AgentStarts] the starts of agents. A program must not record the same
// events itself.
//
// Events count if they end after the process has begun to report. After a break,
// Follow continues where it stopped, and records the events in between, if no other
// process can have reported ([Term]). Otherwise it starts afresh, and makes up only
// for events that ended before this process stopped: with a [Reporter] until the
// moment at which it stopped, with another [Role] until its last look.
//
// The queries take less than 1 % of the time: a slow table of jobs is scanned less
// often. Between scans, jobs that were seen running are read by their ids, and running
// jobs by the index on job_status of newer versions of Coder.
//
// If the DB's edition ([WithEdition]) is not that of the meters, nothing is recorded, and
// each look fails.
//
// A failed look is repeated after a second, then after twice the previous delay, up to
// the interval. The first failure, each change of its cause and the recovery are
// logged, and each look at level DEBUG. The interval and the logger are those of the
// DB ([WithFollowInterval], [WithLogger]).
func Follow(ctx context.Context, db *DB, role Role, m *meters.Meters) {
	f := follow{
		db: db, role: role, logger: db.logger, interval: db.followInterval,
		builds: m.Builds(), jobs: m.JobTimings(), health: m.EventsHealth(),
	}
	if m.Edition() != db.edition {
		f.wrong = fmt.Errorf("the database is read for the edition %s, and the meter providers are of the edition %s: "+
			"pass coderdb.WithEdition and exporters.WithEdition the same edition", db.edition, m.Edition())
	}
	if db.agentStats {
		f.scripts = m.Scripts()
	}
	if db.edition.Has(instrument.ProvisionerJobQueueWait) {
		f.coder = m
	}
	f.outage = outage.New(db.logger, outage.Messages{Begins: "the events cannot be followed", Ends: "following the events again"})
	var next time.Time
	for ctx.Err() == nil {
		term, reports := role.Term()
		switch now := time.Now(); {
		case !reports:
			f.health.Withdraw()
		case term != f.term, !now.Before(next):
			next = now.Add(f.step(ctx, term))
		}
		sleep(ctx, min(rolePause, f.interval))
	}
	f.health.Withdraw()
}

// eventShare is the share of time that the queries for events may take.
const eventShare = 0.01

// shares returns the shares of time for scans of jobs and scripts, for looks that use
// indexes, and for scans of agents. In the edition Coder, a fifth of eventShare is left to
// queries for the history of workspaces.
func (c config) shares() (scans, indexed, agents float64) {
	if !c.edition.Has(instrument.AgentsFirstConnection) {
		return c.eventShare * 3 / 4, c.eventShare / 4, 0
	}
	return c.eventShare * 2 / 5, c.eventShare / 5, c.eventShare / 5
}

// rolePause is the longest pause between two calls of [Role].Term.
const rolePause = time.Second

// firstRetry is the delay after the first failed look; each further failure doubles
// it.
const firstRetry = time.Second

type follow struct {
	db       *DB
	role     Role
	builds   *meters.Builds
	jobs     *meters.JobTimings
	scripts  *meters.Scripts // nil without agent statistics
	coder    *meters.Meters  // has the recorders of the edition Coder; nil in other editions
	health   *meters.EventsHealth
	logger   *slog.Logger
	outage   *outage.Log
	interval time.Duration

	term    Term      // of the latest look
	past    *follower // of the previous term, until its last events are recorded; or nil
	now     *follower
	scans   pace
	indexed pace // of looks that do not scan
	agents  pace // of scans of agents
	// The errors of the last scan of jobs, and of agents, are reported until one succeeds.
	scanErr, agentsErr error
	wrong              error         // the edition is not that of the meters; nil if it is
	paused             time.Duration // after the last failure; 0 after a success

	seen struct{ running, ended, scripts int } // by the last look
}

// step looks once, for a term in which this process reports, and returns how
// long to wait for the next look.
func (f *follow) step(ctx context.Context, term Term) (pause time.Duration) {
	f.enter(term)
	began := time.Now()
	l, err := f.look(ctx)
	took := time.Since(began)
	if err == nil {
		err = cmp.Or(f.scanErr, f.agentsErr)
	}
	if ctx.Err() != nil {
		return 0 // canceled, not failed
	}
	f.health.Report(took, err)
	if err != nil {
		f.logger.Debug("cannot look for events", "error", err, "duration", took)
		if logged := new(meters.LoggedError); !errors.As(err, &logged) {
			f.outage.Failed(f, err.Error())
		}
		f.paused = min(max(2*f.paused, firstRetry), f.interval)
		if f.past != nil || f.now.after.IsZero() {
			return max(f.paused, f.scans.left(), f.agents.left()) // the next look scans again
		}
		return max(f.paused, f.indexed.left())
	}
	f.logger.Debug("looked for events", "running", f.seen.running, "ended", f.seen.ended, "scripts", f.seen.scripts, "more", l.jobs.more || l.agents.more, "duration", took)
	f.outage.Recovered(f)
	f.paused = 0
	pause = f.interval
	if l.jobs.more {
		pause = min(pause, f.scans.left())
	}
	if l.agents.more {
		pause = min(pause, f.agents.left())
	}
	return max(pause, f.indexed.left())
}

// ask runs a look of one of the followers, and charges its time to the paces.
func (f *follow) ask(ctx context.Context, follower *follower, scan scan) (look, error) {
	if follower.after.IsZero() {
		scan.jobs, scan.agents = true, true
	}
	l, err := follower.look(ctx, scan)
	scans, indexed, agents := f.db.shares()
	if scan.jobs {
		f.scans.spend(l.took, scans)
		f.scanErr = err
	} else {
		f.indexed.spend(l.took, indexed)
	}
	if scan.agents && agents > 0 {
		f.agents.spend(l.tookAgents, agents)
		f.agentsErr = err
	}
	return l, err
}

// eventsFrom returns a follower of the events after begin, a time of the clock of the server
// that has the role's lock. A standby may not have replayed that time yet. The zero time
// stands for the current time of the server that is read.
func (db *DB) eventsFrom(begin time.Time) *follower {
	f := db.follower()
	f.from = begin
	return f
}

// enter prepares the followers for a look in a term.
func (f *follow) enter(term Term) {
	previous := f.term
	f.term = term
	if f.now != nil && term.Number == previous.Number {
		return
	}
	if f.now != nil && !f.now.after.IsZero() {
		end := previous.ended(f.now.looked)
		f.past = f.now
		f.past.end = &end
	}
	ready := new(readyBuilds)
	if f.now != nil {
		ready = f.now.ready
	}
	f.now = f.db.eventsFrom(term.began())
	f.now.ready = ready
}

// look records new events, and returns the last look. Events that it finds
// after the role was lost are not recorded: they may be another process's, and
// otherwise a look in the next term finds them again.
func (f *follow) look(ctx context.Context) (look, error) {
	if f.wrong != nil {
		return look{}, f.wrong
	}
	f.seen.running, f.seen.ended, f.seen.scripts = 0, 0, 0
	for f.past != nil {
		l, err := f.ask(ctx, f.past, scan{jobs: true, agents: true})
		if err != nil {
			return look{}, err
		}
		f.record(f.past.take(l))
		if !l.jobs.more && !l.agents.more {
			f.past = nil
		}
	}
	l, err := f.ask(ctx, f.now, scan{jobs: f.scans.due(), agents: f.agents.due()})
	if err != nil {
		return look{}, err
	}
	if term, reports := f.role.Term(); reports && term == f.term {
		f.record(f.now.take(l))
	}
	return l, nil
}

// record records events. A running build is recorded each time: its series are
// exposed, at 0, before it ends.
func (f *follow) record(e events) {
	f.seen.running += len(e.Running)
	f.seen.ended += len(e.Ended)
	f.seen.scripts += len(e.Scripts)
	for _, j := range e.Running {
		if j.Build != nil {
			f.builds.Start(*j.Build)
		}
	}
	for _, j := range e.Ended {
		if j.Build != nil {
			f.builds.Record(*j.Build, j.Outcome, j.Seconds)
		}
		if j.Creation != nil {
			f.builds.Created(*j.Creation, j.Seconds)
		}
		f.jobs.Record(j.Provisioner, j.Outcome, j.Seconds)
	}
	for _, s := range e.Scripts {
		if f.scripts != nil {
			f.scripts.Executed(s.Agent, s.Success)
		}
	}
	if f.coder != nil {
		recordCoder(f.coder.JobQueue(), f.coder.AgentStarts(), e)
	}
}

// recordCoder records the events that only the edition Coder has.
func recordCoder(queue *meters.JobQueue, starts *meters.AgentStarts, e events) {
	for _, job := range e.Enqueued {
		queue.Enqueued(job, meters.Succeeded)
	}
	for _, j := range e.Acquired {
		queue.Acquired(j.QueuedJob, j.Seconds)
	}
	for _, a := range e.Connected {
		starts.Connected(a.ConnectedAgent, a.Seconds)
	}
	for _, b := range e.Ready {
		starts.Ready(b.ReadyBuild, b.Seconds)
	}
}
