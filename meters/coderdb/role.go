package coderdb

import "time"

// Role tells [Follow] whether this process reports, so that of several processes at
// one database only one records each event. [Reporter] elects the process by a lock
// of the database, and [Alone] is for a deployment of one replica. Implement Role
// where another lock elects it, such as a Kubernetes lease.
//
// Give [github.com/otelcoder/otelcoder/exporters.WithReporter] the same answer:
// Reporter.Reports, or the second result of Term.
type Role interface {
	// Term returns the term in which this process reports, and false while it does
	// not report. It must check the time itself: a process that was frozen may have
	// lost the role without having been told. It is called each second and before
	// events are recorded, and must not block.
	Term() (Term, bool)
}

// Term is a time during which one process reports. Terms are comparable.
type Term struct {
	// Number is that of the previous term of this process if no other process can
	// have reported in between: then Follow also records what ended in between.
	// After any other number it starts afresh, since another process may have
	// recorded that.
	Number int

	lock *lockTerm // of a Reporter; nil of another Role
}

// Alone is the [Role] of the only process at its database. It always reports.
type Alone struct{}

// Term implements [Role].
func (Alone) Term() (Term, bool) { return Term{}, true }

// began returns a time of the database's clock before which no event is this term's,
// or the zero time if the role does not know that clock.
func (t Term) began() time.Time {
	if t.lock == nil {
		return time.Time{}
	}
	return t.lock.clock()
}

// ended returns the time of the database's clock until which events are this term's,
// given the time of the last look at them.
func (t Term) ended(looked time.Time) time.Time {
	if t.lock == nil {
		return looked
	}
	return t.lock.own()
}
