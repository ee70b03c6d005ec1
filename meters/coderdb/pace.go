package coderdb

import (
	"context"
	"time"
)

// pace limits a query to a share of the time, by sending a slow query less often. Its
// zero value is due.
type pace struct{ next time.Time }

// due reports whether the query may be sent.
func (p *pace) due() bool { return p.left() <= 0 }

// left returns the time until the query may be sent.
func (p *pace) left() time.Duration { return time.Until(p.next) }

// spend postpones the next query after one that took d. A query that was sent early
// adds to the wait.
func (p *pace) spend(d time.Duration, share float64) {
	from := time.Now()
	if p.next.After(from) {
		from = p.next
	}
	p.next = from.Add(time.Duration(float64(d) / share))
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
