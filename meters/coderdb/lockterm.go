package coderdb

import (
	"sync/atomic"
	"time"

	"github.com/otelcoder/otelcoder/internal/clock"
)

// lockTerm is a time during which this process holds the reporter's lock. It starts
// some seconds before the process reports.
type lockTerm struct {
	// resumed means that, as far as can be known, no other process has reported since
	// the previous term of this one.
	resumed bool

	epoch int       // the same for terms that resume each other
	from  time.Time // the process reports after a touch sent since then
	serve time.Duration
	lease atomic.Pointer[lease] // of the last touch; nil before the first
}

// lease is the result of a touch: it grants the role for the time serve.
type lease struct {
	sent  time.Time // by this process's clock
	clock time.Time // of the database, when it answered
}

// holds reports whether the last touch still grants the role.
func (t *lockTerm) holds(now time.Time) bool {
	l := t.lease.Load()
	return l != nil && clock.Between(l.sent, now) < t.serve
}

// mayReport reports whether the term holds and its last touch was sent after the settling.
// A process that was frozen or cut off since it acquired the lock may have lost it
// without noticing.
func (t *lockTerm) mayReport(now time.Time) bool {
	return t.holds(now) && t.settled(t.lease.Load().sent)
}

// settled reports whether a touch was sent after the settling.
func (t *lockTerm) settled(sent time.Time) bool { return !sent.Before(t.from) }

// own returns the time, by the clock of the database, until which this process records the
// events: no other process can begin to report earlier.
func (t *lockTerm) own() time.Time { return t.clock().Add(t.serve) }

// clock returns the time of the last touch, by the clock of the database.
func (t *lockTerm) clock() time.Time { return t.lease.Load().clock }

// tenure is the history of a process's terms.
type tenure struct {
	epoch       int
	touched     time.Time // when the last successful touch was sent
	reported    time.Time // when the last touch that let it report was sent; zero if none
	standBySeen time.Time // when another process was last seen standing by
	taken       bool      // another process was seen holding the lock since
}

// begin begins a term, once the lock is acquired.
//
// A term settles first: by the end of that time, the previous reporter has stopped.
// Settling is skipped within settle of a touch that let this process report: another
// process that acquired the lock since has not settled, and without the lock its
// touches fail.
func (t *tenure) begin(timing reporterTiming, now time.Time) *lockTerm {
	resumed := t.resumes(timing, now)
	if !resumed {
		t.epoch++
	}
	from := now
	if !t.recent(timing, now) {
		from = now.Add(timing.settle)
	}
	return &lockTerm{resumed: resumed, epoch: t.epoch, from: from, serve: timing.serve}
}

// extend extends a term by a successful touch.
func (t *tenure) extend(term *lockTerm, l *lease, standsBy bool) {
	term.lease.Store(l)
	t.touched = l.sent
	if term.settled(l.sent) {
		t.reported, t.taken = l.sent, false
	}
	if standsBy {
		t.standBySeen = l.sent
	}
}

// recent reports whether this process reported so recently that no other can have
// settled since.
func (t *tenure) recent(timing reporterTiming, now time.Time) bool {
	return !t.reported.IsZero() && clock.Between(t.reported, now) < timing.settle
}

// resumes reports whether no other process has reported since this one did. That is
// certain while no other can have settled. Later it is assumed if no other process was
// seen holding the lock since, and none was seen standing by shortly before.
func (t *tenure) resumes(timing reporterTiming, now time.Time) bool {
	switch {
	case t.reported.IsZero():
		return false
	case t.recent(timing, now):
		return true
	}
	return !t.taken && t.reported.Sub(t.standBySeen) > timing.standByExpiry
}

// refused notes that the lock is held by another session. At first that may be the
// last session of this process, which the server has not ended yet.
func (t *tenure) refused(timing reporterTiming, now time.Time) {
	if clock.Between(t.touched, now) > timing.idle+timing.try {
		t.taken = true
	}
}
