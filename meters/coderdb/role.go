package coderdb

import "time"

// Role reports whether this process is the reporter. Of several processes at one
// database, only the reporter records events. [Reporter] elects it by a lock of the
// database, and [Alone] is for a deployment of one replica. Implement Role to elect
// the reporter by another lock, such as a Kubernetes lease.
//
// Pass the same answer to [github.com/otelcoder/otelcoder/exporters.WithReporter]:
// Reporter.Reports, or the second result of Term.
type Role interface {
	// Term returns the current term, and whether this process reports. It must check
	// the time itself: a process that was frozen may have lost the role without being
	// notified. Term is called each second and before events are recorded, and must
	// not block.
	Term() (Term, bool)
}

// Term is a time during which one process reports. Terms are comparable.
type Term struct {
	// Number equals that of the previous term of this process if no other process can
	// have reported in between; Follow then also records the events in between. After
	// any other number it starts afresh, since another process may have recorded them.
	Number int

	lock *lockTerm // of a Reporter; nil for another Role
}

// Alone is the [Role] of the only process at its database, which always reports.
type Alone struct{}

// Term implements [Role].
func (Alone) Term() (Term, bool) { return Term{}, true }

// began returns the start of the term by the clock of the database, or the zero time
// if the role does not know that clock. Earlier events are not this term's.
func (t Term) began() time.Time {
	if t.lock == nil {
		return time.Time{}
	}
	return t.lock.clock()
}

// ended returns the end of the term by the clock of the database: later events are not
// this term's. Without that clock it is looked, the time of the last look at events.
func (t Term) ended(looked time.Time) time.Time {
	if t.lock == nil {
		return looked
	}
	return t.lock.own()
}
