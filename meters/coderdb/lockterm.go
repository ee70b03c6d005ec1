package coderdb

import (
	"sync/atomic"
	"time"

	"github.com/otelcoder/otelcoder/internal/clock"
)

// lockTerm is a time during which this process holds the lock of the reporter. It
// begins some seconds before the process reports.
type lockTerm struct {
	// resumed reports that no other process has reported since the previous term of
	// this one, as far as that can be known.
	resumed bool

	epoch int       // the same for terms that resume each other
	from  time.Time // a touch sent from then on makes this process report
	serve time.Duration
	lease atomic.Pointer[lease] // of the last touch; nil before the first
}

// lease is what a touch grants: the role, for a while.
type lease struct {
	sent  time.Time // by this process's clock
	clock time.Time // of the database, when it answered
}

// holds reports whether the last touch still grants the role.
func (t *lockTerm) holds(now time.Time) bool {
	l := t.lease.Load()
	return l != nil && clock.Between(l.sent, now) < t.serve
}

// reports reports whether the last touch still lets this process report. It must
// have been sent after the settling: the lock may have been lost since it was got,
// and a process that was frozen or cut off meanwhile does not know.
func (t *lockTerm) reports(now time.Time) bool { return t.holds(now) && t.settled(t.lease.Load().sent) }

// settled reports whether a touch was sent after the settling.
func (t *lockTerm) settled(sent time.Time) bool { return !sent.Before(t.from) }

// own returns the time until which events are this process's to count, by the
// clock of the database: no other process can have begun to report before.
func (t *lockTerm) own() time.Time { return t.clock().Add(t.serve) }

// clock returns the time of the last touch, by the clock of the database.
func (t *lockTerm) clock() time.Time { return t.lease.Load().clock }

// tenure is what a process knows of its terms so far.
type tenure struct {
	epoch    int
	touched  time.Time // when the last touch that succeeded was sent
	reported time.Time // when the last one was that let it report; zero if none did
	company  time.Time // when another process was last seen to stand by
	taken    bool      // another has been seen to hold the role since
}

// begin begins a term, when the lock has been got.
//
// A process settles: whoever reported before has stopped by the end of it. There
// is nothing to settle within settle of a touch that let this process report:
// another process that got the lock since has not settled, and without the lock
// none of its touches succeeds.
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

// extend extends a term by a touch that succeeded.
func (t *tenure) extend(term *lockTerm, l *lease, company bool) {
	term.lease.Store(l)
	t.touched = l.sent
	if term.settled(l.sent) {
		t.reported, t.taken = l.sent, false
	}
	if company {
		t.company = l.sent
	}
}

// recent reports whether this process reported so lately that no other can have
// settled since.
func (t *tenure) recent(timing reporterTiming, now time.Time) bool {
	return !t.reported.IsZero() && clock.Between(t.reported, now) < timing.settle
}

// resumes reports whether no other process has reported since this one did. That
// is certain as long as none could have settled. Later it depends on whether
// another was there to take the role, of which nobody keeps a record.
func (t *tenure) resumes(timing reporterTiming, now time.Time) bool {
	switch {
	case t.reported.IsZero():
		return false
	case t.recent(timing, now):
		return true
	}
	return !t.taken && t.reported.Sub(t.company) > timing.company
}

// refused notes that the lock was not to be had. At first that may be because
// of this process's own last session, which the server has not given up yet.
func (t *tenure) refused(timing reporterTiming, now time.Time) {
	if clock.Between(t.touched, now) > timing.idle+timing.try {
		t.taken = true
	}
}
