package meters

import (
	"hash/maphash"

	"github.com/otelcoder/otelcoder/instrument"
)

// labelSets makes the label sets of a source. It reuses those of the last collection,
// since most series remain: a set takes ten times the memory of a value, and the last
// snapshot is in use until the next one is complete.
type labelSets struct {
	edition instrument.Edition
	seed    maphash.Seed

	// By the hash of family and measured. The SDK identifies sets by 64 bits, too.
	last, current map[uint64]instrument.Labels
}

func newLabelSets(e instrument.Edition) *labelSets {
	return &labelSets{edition: e, seed: maphash.MakeSeed()}
}

// collected forgets the sets that were not used since the last call.
func (s *labelSets) collected() { s.last, s.current = s.current, nil }

// labelsOf returns the label set of a series, without the named labels. The names must
// be the same for each call with the family.
func labelsOf[M measured](s *labelSets, f instrument.Family, m M, without ...string) instrument.Labels {
	var h maphash.Hash
	h.SetSeed(s.seed)
	maphash.WriteComparable(&h, f)
	maphash.WriteComparable(&h, m)
	key := h.Sum64()
	labels, ok := s.last[key]
	if !ok {
		labels = s.edition.LabelsWithout(f, m, without...)
	}
	if s.current == nil {
		s.current = make(map[uint64]instrument.Labels, len(s.last))
	}
	s.current[key] = labels
	return labels
}
