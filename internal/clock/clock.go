// Package clock measures durations that include the suspension of the machine.
package clock

import "time"

// Between returns the time between from and to: the greater of the monotonic and the
// wall clock's difference. The monotonic clock stops while a machine is suspended, and
// the wall clock can be set back.
func Between(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// Since returns the time between t and now, as [Between].
func Since(t time.Time) time.Duration { return Between(t, time.Now()) }

// Suspended estimates how long the machine was suspended since t: the time that the wall
// clock has advanced further than the monotonic clock, which drives all timers. It
// returns 0 if t has no monotonic reading.
func Suspended(t time.Time) time.Duration {
	now := time.Now()
	return max(now.Round(0).Sub(t.Round(0))-now.Sub(t), 0)
}
