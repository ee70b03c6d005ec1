package clock_test

import (
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/internal/clock"
)

// TestSince checks times with one and with both clock readings: Add moves both readings of a
// time, and Round(0) removes the monotonic one.
func TestSince(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		since time.Time
		want  time.Duration
	}{
		"both clocks":      {now.Add(-time.Hour), time.Hour},
		"wall clock alone": {now.Round(0).Add(-24 * time.Hour), 24 * time.Hour},
	} {
		if got := clock.Since(test.since); got < test.want || got > test.want+time.Minute {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
	if got := clock.Since(now.Add(time.Hour)); got > -59*time.Minute {
		t.Errorf("in an hour: got %s, want -1h", got)
	}
}

// TestSuspended checks that no suspension is reported without one. It cannot suspend the
// machine.
func TestSuspended(t *testing.T) {
	now := time.Now()
	for name, since := range map[string]time.Time{
		"now":                 now,
		"an hour ago":         now.Add(-time.Hour),
		"in an hour":          now.Add(time.Hour),
		"never":               {},
		"by wall clock alone": now.Round(0).Add(-time.Hour),
	} {
		if got := clock.Suspended(since); got < 0 || got > time.Second {
			t.Errorf("%s: got %s, want 0s to 1s", name, got)
		}
	}
}
