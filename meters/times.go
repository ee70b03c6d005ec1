package meters

import (
	"context"
	"math"
	"sync"

	"github.com/otelcoder/otelcoder/instrument"
)

// times is a histogram whose label values come from outside. The SDK keeps every
// label set as long as its provider, so their number is bounded. It records nothing in an
// edition that lacks the family.
type times[M measured] struct {
	family    instrument.Family
	edition   instrument.Edition
	histogram histogram
	size      int    // maximum number of label sets
	invalid   func() // called for each time that is negative, infinite or NaN
	exceeded  func() // called for each time that has a label set beyond the limit

	mu   sync.Mutex
	sets map[M]instrument.Labels
}

func newTimes[M measured](c config, out *output, f instrument.Family, invalid, exceeded func()) *times[M] {
	return &times[M]{
		family: f, edition: c.edition, histogram: out.histogram(f), size: c.maxSeries(f),
		invalid: invalid, exceeded: exceeded, sets: make(map[M]instrument.Labels),
	}
}

// record records a time in seconds. Fields of m that are not labels of the family must be
// empty.
func (t *times[M]) record(seconds float64, m M) {
	if !t.edition.Has(t.family) || t.histogram.closed.Load() {
		return
	}
	if !(seconds >= 0) || math.IsInf(seconds, 0) { // also refuses NaN
		t.invalid()
		return
	}
	if labels, ok := t.labels(m); ok {
		t.histogram.record(context.Background(), seconds, labels)
	}
}

// labels returns the label set of m; ok is false beyond the limit.
func (t *times[M]) labels(m M) (labels instrument.Labels, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if labels, ok = t.sets[m]; ok {
		return labels, true
	}
	if len(t.sets) >= t.size {
		t.exceeded()
		return labels, false
	}
	labels = t.edition.Labels(t.family, m)
	t.sets[m] = labels
	return labels, true
}
