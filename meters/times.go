package meters

import (
	"context"
	"math"
	"sync"

	"github.com/otelcoder/otelcoder/instrument"
)

// times is a histogram of times whose labels come from outside. The SDK keeps every label
// set as long as its provider, so their number is bounded. It records nothing in an edition
// that lacks the family.
type times[M measured] struct {
	served    bool // the edition has the family
	histogram histogram
	labels    instrument.LabelSets[M]
	size      int    // maximum number of label sets
	invalid   func() // called for each time that is negative, infinite or NaN
	exceeded  func() // called for each time that has a label set beyond the limit

	mu   sync.Mutex
	sets map[M]instrument.Labels
}

func newTimes[M measured](c config, out *output, f instrument.Family, invalid, exceeded func()) *times[M] {
	return &times[M]{
		served: c.edition.Has(f), histogram: out.histogram(f), labels: instrument.NewLabelSets[M](c.edition, f),
		size: c.maxSeries(f), invalid: invalid, exceeded: exceeded,
		sets: make(map[M]instrument.Labels),
	}
}

// record records a time in seconds in the series of m.
func (t *times[M]) record(seconds float64, m M) {
	if !t.served || t.histogram.closed.Load() {
		return
	}
	if !(seconds >= 0) || math.IsInf(seconds, 0) { // also refuses NaN
		t.invalid()
		return
	}
	set, ok := t.set(m)
	if !ok {
		t.exceeded()
		return
	}
	t.histogram.record(context.Background(), seconds, set)
}

// set returns the label set of m; ok is false beyond the limit.
func (t *times[M]) set(m M) (set instrument.Labels, ok bool) {
	m = t.labels.Key(m)
	t.mu.Lock()
	defer t.mu.Unlock()
	if set, ok = t.sets[m]; ok {
		return set, true
	}
	if len(t.sets) >= t.size {
		return set, false
	}
	set = t.labels.Labels(m)
	t.sets[m] = set
	return set, true
}
