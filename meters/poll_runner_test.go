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

// After a freeze, a process may be scraped before its timers have run. It must not serve
// an expired snapshot.
func TestPolledThawed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLicense(t)
		p.succeed(result{snapshot: snapshot{instrument.Deployment: {config{}.sample(instrument.LicenseActiveUsers, instrument.NoLabels{}, 1)}}})
		time.Sleep(5*time.Minute - time.Nanosecond)
		if now, up := p.live(); now.snapshot.size() != 1 || !up {
			t.Errorf("before five intervals: %d series, up: %v", now.snapshot.size(), up)
		}
		time.Sleep(time.Nanosecond)
		if now, up := p.live(); now.snapshot.size() != 0 || up {
			t.Errorf("after five intervals: %d series, up: %v", now.snapshot.size(), up)
		}
	})
}

// A suspended machine stops the monotonic clock, so only the wall clock shows that the
// snapshot has expired.
func TestPolledResumed(t *testing.T) {
	p := newLicense(t)
	p.state.Store(&state{
		snapshot:  snapshot{instrument.Deployment: {config{}.sample(instrument.LicenseActiveUsers, instrument.NoLabels{}, 1)}},
		succeeded: time.Now().Round(0).Add(-time.Hour),
	})
	if now, up := p.live(); now.snapshot.size() != 0 || up {
		t.Errorf("after an hour: %d series, up: %v", now.snapshot.size(), up)
	}
}
