package meters

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// collector reads one source and makes the samples of the families that it feeds.
type collector struct {
	name     string // of the source, in labels and log lines
	families []instrument.Family
	interval time.Duration
	// replaced is set once a recorder reports the families instead; may be nil.
	replaced *atomic.Bool
	// collect asks the source and merges its rows into series: no two samples have
	// the same family and labels. It also returns the number of rows.
	collect func(context.Context) (snapshot, int, error)
}

// limit leaves series past [WithMaxSeries] out of the snapshots.
func (s *collector) limit(c config, refused sourceRefusals) {
	collect := s.collect
	s.collect = func(ctx context.Context) (snapshot, int, error) {
		found, rows, err := collect(ctx)
		for group, samples := range found {
			kept := limitSamples(samples, c.maxSeries)
			refused.addMany(refusedLimit, len(samples)-len(kept))
			found[group] = kept
		}
		return found, rows, err
	}
}

// limitSamples returns as many samples of each family as there may be: the first ones
// by their labels, so that series do not come and go.
func limitSamples(samples []sample, most func(instrument.Family) int) []sample {
	counts := make(map[instrument.Family]int)
	for _, s := range samples {
		counts[s.family]++
	}
	maps.DeleteFunc(counts, func(f instrument.Family, n int) bool { return n <= most(f) })
	for f := range counts {
		samples = firstOf(samples, f, most(f))
	}
	return samples
}

// firstOf returns samples with only the first most of a family.
func firstOf(samples []sample, f instrument.Family, most int) []sample {
	type labelled struct {
		sample
		text string // of the labels, which takes long to write
	}
	var matching []labelled
	rest := slices.DeleteFunc(samples, func(s sample) bool {
		if s.family == f {
			matching = append(matching, labelled{s, s.labels.String()})
		}
		return s.family == f
	})
	slices.SortFunc(matching, func(a, b labelled) int { return cmp.Compare(a.text, b.text) })
	for _, s := range matching[:max(most, 0)] {
		rest = append(rest, s.sample)
	}
	return rest
}

// snapshot holds the samples of a collection, by group. It is not changed once it
// is observed.
type snapshot map[instrument.Group][]sample

func (s snapshot) size() (n int) {
	for _, samples := range s {
		n += len(samples)
	}
	return n
}

// sample is the value of one series.
type sample struct {
	family instrument.Family
	labels instrument.Labels
	value  float64
}

func newSample(f instrument.Family, m instrument.Measured, value float64) sample {
	return sample{f, f.Labels(m), value}
}

// appendSamples appends the samples of a family, by what is measured.
func appendSamples[M measured](samples []sample, f instrument.Family, values map[M]float64) []sample {
	for m, value := range values {
		samples = append(samples, newSample(f, m, value))
	}
	return samples
}

// measured is a struct of package instrument as a map key.
type measured interface {
	comparable
	instrument.Measured
}

// sourceRefusals counts what is left out of the answers of sources: once per
// collection for as long as they give it.
type sourceRefusals struct {
	refusals[sourceRefusal]
	text labelText
}

// newSourceRefusals counts the reasons that any source may give, and further ones.
func newSourceRefusals(out *output, c config, further ...sourceRefusal) sourceRefusals {
	reasons := append([]sourceRefusal{refusedUndocumented, refusedValue, refusedLength, refusedLimit}, further...)
	r := sourceRefusals{refusals: newRefusals(out, c.logger, "source", reasons...)}
	r.text = c.labelText(r.adder(refusedLength))
	return r
}

// refusals are the further reasons that these sources may give.
func (s Sources) refusals() []sourceRefusal {
	if _, ok := s.AgentStats.(skewedSource); ok {
		return []sourceRefusal{refusedSkew}
	}
	return nil
}

// sourceRefusal is why something was left out.
type sourceRefusal string

const (
	// refusedUndocumented: not one of the documented values of a label.
	refusedUndocumented sourceRefusal = "undocumented"
	// refusedValue: a number that is negative or not finite.
	refusedValue sourceRefusal = "value"
	// refusedLength: a label value that was cut.
	refusedLength sourceRefusal = "length"
	// refusedLimit: a series too many of its family.
	refusedLimit sourceRefusal = "limit"
	// refusedSkew: a report of an agent whose time stamp is too far off.
	refusedSkew sourceRefusal = "skew"
)

// documented reports whether a label value is one, else counts it.
func (r sourceRefusals) documented(is bool) bool {
	if !is {
		r.add(refusedUndocumented)
	}
	return is
}

// sound reports whether a number can be a value, else counts it.
func (r sourceRefusals) valid(value float64) bool {
	is := value >= 0 && !math.IsInf(value, 1) // NaN is not >= 0
	if !is {
		r.add(refusedValue)
	}
	return is
}
