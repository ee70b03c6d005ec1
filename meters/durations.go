package meters

import (
	"slices"
	"time"
)

// durations are the last 32 durations of something.
type durations struct {
	of    [32]time.Duration
	added int
}

// add adds a duration and returns the 95th percentile, by the nearest rank.
func (d *durations) add(took time.Duration) (p95 time.Duration) {
	d.of[d.added%len(d.of)] = took
	d.added++
	sorted := slices.Clone(d.of[:min(d.added, len(d.of))])
	slices.Sort(sorted)
	return sorted[(len(sorted)*95+99)/100-1]
}
