// Package clock measures time across the suspension of a machine.
package clock

import "time"

// Since returns the time since t by the monotonic or the wall clock, whichever is
// greater: the monotonic clock stops while a machine is suspended, and the wall
// clock can be set back.
func Since(t time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}
