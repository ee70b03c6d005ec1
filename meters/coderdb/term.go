package coderdb

import (
	"sync/atomic"
	"time"
)

// Term is a time during which this process holds the role of the reporter.
type Term struct {
	// Resumed says that no other process has reported since the previous term
	// of this one, as far as it can be known: what is followed goes on where it
	// was. Otherwise it starts afresh, for another may have told of what came
	// between.
	Resumed bool

	epoch int       // the same for terms that resume each other
	from  time.Time // reports from then on
	serve time.Duration
	lease atomic.Pointer[lease] // of the last touch; nil before the first
}

// lease is what a touch grants: the role, for a while.
type lease struct {
	sent  time.Time // when it was asked for
	clock time.Time // the database's, when it was given
}

// holds tells whether the last touch still grants the role.
func (t *Term) holds() bool {
	l := t.lease.Load()
	return l != nil && elapsed(l.sent) < t.serve
}

// own returns the time until which events are this process's to count, by the
// clock of the database: no other process can have begun to report before.
func (t *Term) own() time.Time { return t.lease.Load().clock.Add(t.serve) }

// tenure is what a process knows of its terms so far.
type tenure struct {
	epoch   int
	touched time.Time // when the last good touch was sent; zero: it never held the role
	company time.Time // when another process was last seen to stand by
	taken   bool      // another has been seen to hold the role since
}

// begin begins a term, when the lock has been got.
func (t *tenure) begin(timing reporterTiming) *Term {
	resumed := t.resumes(timing)
	if !resumed {
		t.epoch++
	}
	t.taken = false
	return &Term{Resumed: resumed, epoch: t.epoch, from: time.Now().Add(timing.settle), serve: timing.serve}
}

// resumes tells whether no other process has reported since the last touch.
// That is certain as long as none could have settled. Nobody keeps a record of
// it, so that later it must do that none was there to take the role.
func (t *tenure) resumes(timing reporterTiming) bool {
	switch {
	case t.touched.IsZero():
		return false
	case elapsed(t.touched) < timing.settle:
		return true
	}
	return !t.taken && t.touched.Sub(t.company) > timing.company
}

// refused notes that the lock was not to be had. At first that may be because
// of this process's own last session, which the server has not given up yet.
func (t *tenure) refused(timing reporterTiming) {
	if elapsed(t.touched) > timing.idle+timing.try {
		t.taken = true
	}
}

// elapsed returns the time since t, by the clock that says more: the monotonic
// one stands still while a machine is suspended, the other can be set back.
func elapsed(t time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}
