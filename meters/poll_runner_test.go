package meters

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

func newLicense(t *testing.T) *runner {
	_, meters := newMeters(t)
	return newRunner(collector{name: "license", interval: time.Minute}, meters.config, meters.output)
}

// TestPolledThawed checks that an expired snapshot is not served before its timer has run:
// a process may be scraped right after a freeze.
func TestPolledThawed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLicense(t)
		p.succeed(result{snapshot: snapshot{instrument.Deployment: {config{}.sample(instrument.LicenseActiveUsers, instrument.NoLabels{}, 1)}}})
		time.Sleep(5*time.Minute - time.Nanosecond)
		if now, up := p.live(); now.snapshot.size() != 1 || !up {
			t.Errorf("before five intervals: got %d series, up %v; want 1, true", now.snapshot.size(), up)
		}
		time.Sleep(time.Nanosecond)
		if now, up := p.live(); now.snapshot.size() != 0 || up {
			t.Errorf("after five intervals: got %d series, up %v; want 0, false", now.snapshot.size(), up)
		}
	})
}

// TestPolledResumed checks that a snapshot expires by the wall clock, since the monotonic
// clock stops on a suspended machine.
func TestPolledResumed(t *testing.T) {
	p := newLicense(t)
	p.state.Store(&state{
		snapshot:  snapshot{instrument.Deployment: {config{}.sample(instrument.LicenseActiveUsers, instrument.NoLabels{}, 1)}},
		succeeded: time.Now().Round(0).Add(-time.Hour),
	})
	if now, up := p.live(); now.snapshot.size() != 0 || up {
		t.Errorf("after an hour: got %d series, up %v; want 0, false", now.snapshot.size(), up)
	}
}
