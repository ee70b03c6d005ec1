// Package clock measures time across the suspension of a machine.
package clock

import "time"

// Between returns the time between two times by the monotonic or the wall clock,
// whichever is greater: the monotonic clock stops while a machine is suspended, and
// the wall clock can be set back.
func Between(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// Since returns the time since t as [Between] does.
func Since(t time.Time) time.Duration { return Between(t, time.Now()) }

// Suspended returns how long the machine was suspended since t, as far as the clocks
// show: by how much the wall clock has moved further than the monotonic one, and with
// it all timers. It is 0 if t has no monotonic reading.
func Suspended(t time.Time) time.Duration {
	now := time.Now()
	return max(now.Round(0).Sub(t.Round(0))-now.Sub(t), 0)
}
