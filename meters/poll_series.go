package meters

import (
	"maps"

	"github.com/otelcoder/otelcoder/instrument"
)

// keptSeries are the series of a source's rows, with values of type V. Rows whose labels are
// equal in the edition form one series. A collector with many series keeps them from one
// collection to the next, since most remain and a label set takes ten times the memory of
// a value.
type keptSeries[M measured, V any] struct {
	sets  instrument.LabelSets[M]
	byKey map[M]*keptValue[V] // by [instrument.LabelSets.Key]
}

type keptValue[V any] struct {
	labels instrument.Labels
	value  V
	found  bool // in the current collection
}

// measured is an [instrument.Measured] that can be a map key.
type measured interface {
	comparable
	instrument.Measured
}

// newKeptSeries returns series with the labels of a family, without the named ones.
func newKeptSeries[M measured, V any](c config, f instrument.Family, without ...string) *keptSeries[M, V] {
	return &keptSeries[M, V]{instrument.NewLabelSets[M](c.edition, f, without...), make(map[M]*keptValue[V])}
}

// value returns the value of a row's series, which is zero at the start of a collection.
func (k *keptSeries[M, V]) value(row M) *V {
	key := k.sets.Key(row)
	s := k.byKey[key]
	if s == nil {
		s = &keptValue[V]{labels: k.sets.Labels(key)}
		k.byKey[key] = s
	}
	s.found = true
	return &s.value
}

// collected ends a collection: it calls each for the series of its rows, and forgets all
// others.
func (k *keptSeries[M, V]) collected(each func(instrument.Labels, V)) {
	gone := 0
	for key, s := range k.byKey {
		if !s.found {
			delete(k.byKey, key)
			gone++
			continue
		}
		each(s.labels, s.value)
		*s = keptValue[V]{labels: s.labels}
	}
	if gone > len(k.byKey) {
		k.byKey = maps.Collect(maps.All(k.byKey)) // a map does not shrink
	}
}

// merged are the series of a family whose rows have one value.
type merged[M measured] struct {
	family instrument.Family
	series *keptSeries[M, float64]
}

// newMerged returns a merged of the family, without the named labels.
func newMerged[M measured](c config, f instrument.Family, without ...string) *merged[M] {
	return &merged[M]{f, newKeptSeries[M, float64](c, f, without...)}
}

// add adds the value of a row to its series.
func (m *merged[M]) add(row M, value float64) { *m.series.value(row) += value }

// raise raises the series of a row to the row's value, which must be at least 0.
func (m *merged[M]) raise(row M, value float64) {
	v := m.series.value(row)
	*v = max(*v, value)
}

// size is the number of series of the current collection or the last one.
func (m *merged[M]) size() int { return len(m.series.byKey) }

// appendTo ends a collection: it appends the series to samples.
func (m *merged[M]) appendTo(samples []sample) []sample {
	m.series.collected(func(labels instrument.Labels, value float64) {
		samples = append(samples, sample{m.family, labels, value})
	})
	return samples
}
