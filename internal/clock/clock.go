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

// Suspended returns how long the machine was suspended since t, at which timers
// stopped: how much further the wall clock has moved than the monotonic one.
func Suspended(t time.Time) time.Duration {
	return Since(t) - time.Since(t)
}
