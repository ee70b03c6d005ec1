// Package clock measures time across the suspension of a machine.
package clock

import "time"

// Since returns the time since t by the monotonic or the wall clock, whichever is
// greater: the monotonic clock stops while a machine is suspended, and the wall
// clock can be set back.
func Since(t time.Time) time.Duration {
	monotonic, wall := elapsed(t)
	return max(monotonic, wall)
}

// Suspended returns how long the machine was suspended since t, as far as the clocks
// show: by how much the wall clock has moved further than the monotonic one, and with
// it all timers. It is 0 if t has no monotonic reading.
func Suspended(t time.Time) time.Duration {
	monotonic, wall := elapsed(t)
	return max(wall-monotonic, 0)
}

func elapsed(t time.Time) (monotonic, wall time.Duration) {
	now := time.Now()
	return now.Sub(t), now.Round(0).Sub(t.Round(0))
}
