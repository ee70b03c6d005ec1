package coderdb

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/otelcoder/otelcoder/internal/outage"
	"github.com/otelcoder/otelcoder/meters"
)

// Follow records the events of a database until ctx ends, while the reporter
// says that this process reports, so that no event is recorded by two processes.
//
// Builds are recorded by [meters.Meters.Builds], the durations of jobs by
// [meters.Meters.JobTimings], scripts by [meters.Meters.Scripts] unless the DB was
// opened [WithoutAgentStats], and the requests for events by
// [meters.Meters.EventsHealth]: a program must not record the same events itself.
//
// What ends after the process has begun to report is recorded, and nothing that
// ended before. If it goes on after a break during which no other process
// reported ([Term].Resumed), it records what it missed. If another did, it only
// makes up for what ended before it stopped itself, and starts afresh.
//
// The queries take less than 1 % of the time that passes: where scanning the
// table of jobs is slow, it is scanned less often. In between, jobs that were
// seen running are asked for by their ids, and running ones by the index on
// job_status of newer versions of Coder.
//
// A look that fails is repeated after a second, then after twice that and so on
// up to the interval; the first failure, another cause of failures and the recovery
// are logged, and at level DEBUG each look. The interval and the logger are those of
// the DB ([WithFollowInterval], [WithLogger]).
func Follow(ctx context.Context, db *DB, reporter *Reporter, m *meters.Meters) {
	f := follow{
		db: db, reporter: reporter, logger: db.logger, interval: db.followInterval,
		builds: m.Builds(), jobs: m.JobTimings(), health: m.EventsHealth(),
	}
	if db.agentStats {
		f.scripts = m.Scripts()
	}
	f.outage = outage.New(db.logger, outage.Messages{Begins: "the events cannot be followed", Ends: "following the events again"})
	var next time.Time
	for ctx.Err() == nil {
		term := reporter.reporting()
		switch now := time.Now(); {
		case term == nil:
			f.health.Withdraw()
		case term != f.term, !now.Before(next):
			next = now.Add(f.step(ctx, term))
		}
		sleep(ctx, min(reporter.timing.try, f.interval))
	}
	f.health.Withdraw()
}

// eventShare is the share of time that the queries for events may take: three
// quarters of it for looks that scan, a quarter for looks that use indexes.
const eventShare = 0.01

// firstRetry is how long after a failed look there is another; the pause
// doubles with each further failure.
const firstRetry = time.Second

type follow struct {
	db       *DB
	reporter *Reporter
	builds   *meters.Builds
	jobs     *meters.JobTimings
	scripts  *meters.Scripts // nil without agent statistics
	health   *meters.EventsHealth
	logger   *slog.Logger
	outage   *outage.Log
	interval time.Duration

	term      *Term     // in which current looks
	past      *Follower // of before another process reported, with its rest to tell; or nil
	now       *Follower
	scans     pace
	others    pace          // of looks that do not scan
	unscanned error         // of the last scan
	paused    time.Duration // after the last failure; 0 after a success

	seen struct{ running, ended, scripts int } // by the last look
}

// step looks once, for a term in which this process reports, and returns how
// long to wait for the next look.
func (f *follow) step(ctx context.Context, term *Term) (pause time.Duration) {
	f.enter(term)
	began := time.Now()
	more, err := f.look(ctx)
	took := time.Since(began)
	if err == nil {
		err = f.unscanned
	}
	if ctx.Err() != nil {
		return 0 // it was told to give up: that is no failure
	}
	f.health.Report(took, err)
	if err != nil {
		f.logger.Debug("cannot look for events", "error", err, "duration", took)
		if logged := new(meters.LoggedError); !errors.As(err, &logged) {
			f.outage.Failed(f, err.Error())
		}
		f.paused = min(max(2*f.paused, firstRetry), f.interval)
		if f.past != nil || f.now.after.IsZero() {
			return max(f.paused, f.scans.left()) // the next look scans again
		}
		return max(f.paused, f.others.left())
	}
	f.logger.Debug("looked for events", "running", f.seen.running, "ended", f.seen.ended, "scripts", f.seen.scripts, "more", more, "duration", took)
	f.outage.Recovered(f)
	f.paused = 0
	pause = f.interval
	if more {
		pause = min(pause, f.scans.left())
	}
	return max(pause, f.others.left())
}

// ask looks by one of the followers, and accounts for the time that it took. A
// scan that failed is an error until one succeeds.
func (f *follow) ask(ctx context.Context, follower *Follower, scan bool) (look, error) {
	scan = scan || follower.after.IsZero()
	l, err := follower.look(ctx, scan)
	if !scan {
		f.others.spend(l.took, f.db.eventShare/4)
		return l, err
	}
	f.scans.spend(l.took, f.db.eventShare*3/4)
	f.unscanned = err
	return l, err
}

// eventsFrom returns a follower of the events from a time of the server where the
// role is held. The database may be a standby, which knows of no such time yet.
func (db *DB) eventsFrom(begin time.Time) *Follower {
	f := db.Events()
	f.from = begin
	return f
}

// enter sees to the followers of a term.
func (f *follow) enter(term *Term) {
	switch {
	case f.term == nil:
		f.now = f.db.eventsFrom(term.clock())
	case term.epoch != f.term.epoch && !f.now.after.IsZero():
		end := f.term.own()
		f.past, f.now = f.now, f.db.eventsFrom(term.clock())
		f.past.end = &end
	}
	f.term = term
}

// look records what has happened, and tells whether there is more. What it finds
// after the role was lost is left to be found again: it may be another
// process's, or else it is this one's in its next term.
func (f *follow) look(ctx context.Context) (more bool, err error) {
	f.seen.running, f.seen.ended, f.seen.scripts = 0, 0, 0
	for f.past != nil {
		l, err := f.ask(ctx, f.past, true)
		if err != nil {
			return false, err
		}
		f.record(f.past.take(l))
		if !l.more {
			f.past = nil
		}
	}
	l, err := f.ask(ctx, f.now, f.scans.due())
	if err != nil {
		return false, err
	}
	if f.reporter.reporting() == f.term {
		f.record(f.now.take(l))
	}
	return l.more, nil
}

// record records events. A build that runs is recorded each time: its series are
// exposed, at 0, before it ends.
func (f *follow) record(e Events) {
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
			f.builds.Start(*j.Build).End(j.Outcome)
		}
		f.jobs.Record(j.Provisioner, j.Outcome, j.Seconds)
	}
	for _, s := range e.Scripts {
		if f.scripts != nil {
			f.scripts.Executed(s.Agent, s.Success)
		}
	}
}
