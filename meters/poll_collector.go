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

// collector queries one source and makes the samples of its families.
type collector struct {
	name     string // of the source, in labels and log lines
	families []instrument.Family
	interval time.Duration
	// replaced is set when a recorder reports the families instead; may be nil.
	replaced *atomic.Bool
	// collect queries the source and merges its rows into samples with unique labels. It
	// also returns the number of rows.
	collect func(context.Context) (snapshot, int, error)
}

// timed returns a collect that also records its duration in a histogram without labels,
// failed or not, including the time to build the snapshot.
func timed(out *output, c config, f instrument.Family, collect func(context.Context) (snapshot, int, error)) func(context.Context) (snapshot, int, error) {
	execution, noLabels := out.histogram(f), c.edition.Labels(f, instrument.NoLabels{})
	return func(ctx context.Context) (snapshot, int, error) {
		started := time.Now()
		defer func() { execution.record(ctx, time.Since(started).Seconds(), noLabels) }()
		return collect(ctx)
	}
}

// counted returns the collector of a source of one number, the value of a family without
// labels.
func counted(c config, name string, f instrument.Family, count func(context.Context) (int, error), refused sourceRefusals) collector {
	return collector{
		name:     name,
		families: []instrument.Family{f},
		interval: c.interval,
		collect: func(ctx context.Context) (snapshot, int, error) {
			n, err := count(ctx)
			if err != nil || !refused.valid(float64(n)) {
				return snapshot{}, 0, err
			}
			return snapshot{f.Group(): {c.sample(f, instrument.NoLabels{}, float64(n))}}, 1, nil
		},
	}
}

// limit makes collect leave out and count the series beyond [WithMaxSeries].
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

// limitSamples returns at most limit samples of each family: the first ones by labels, so
// that the same series are kept each time.
func limitSamples(samples []sample, limit func(instrument.Family) int) []sample {
	counts := make(map[instrument.Family]int)
	for _, s := range samples {
		counts[s.family]++
	}
	maps.DeleteFunc(counts, func(f instrument.Family, n int) bool { return n <= limit(f) })
	for f := range counts {
		samples = firstOf(samples, f, limit(f))
	}
	return samples
}

// firstOf returns samples with only the first limit samples of f.
func firstOf(samples []sample, f instrument.Family, limit int) []sample {
	type labelled struct {
		sample
		text string // the labels as text, which is slow to format
	}
	var matching []labelled
	rest := slices.DeleteFunc(samples, func(s sample) bool {
		if s.family == f {
			matching = append(matching, labelled{s, s.labels.String()})
		}
		return s.family == f
	})
	slices.SortFunc(matching, func(a, b labelled) int { return cmp.Compare(a.text, b.text) })
	for _, s := range matching[:max(limit, 0)] {
		rest = append(rest, s.sample)
	}
	return rest
}

// snapshot has the samples of a collection by group. It is immutable once a runner has
// published it.
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

func (c config) sample(f instrument.Family, m instrument.Measured, value float64) sample {
	return sample{f, c.edition.Labels(f, m), value}
}

// sourceRefusals counts the values refused from sources, each again in every collection.
type sourceRefusals struct {
	refusals[sourceRefusal]
	text labelText
}

// newSourceRefusals returns refusals with the reasons common to all sources and further
// ones.
func newSourceRefusals(out *output, c config, further ...sourceRefusal) sourceRefusals {
	reasons := append([]sourceRefusal{refusedUndocumented, refusedValue, refusedLength, refusedLimit}, further...)
	r := sourceRefusals{refusals: newRefusals(out, c, "source", reasons...)}
	r.text = c.labelText(r.adder(refusedLength))
	return r
}

// refusals returns the further reasons of these sources.
func (s Sources) refusals() []sourceRefusal {
	if _, ok := s.AgentStats.(skewedSource); ok {
		return []sourceRefusal{refusedSkew}
	}
	return nil
}

// sourceRefusal is the reason of a refusal.
type sourceRefusal string

const (
	refusedUndocumented sourceRefusal = "undocumented" // an undocumented label value
	refusedValue        sourceRefusal = "value"        // a negative, infinite or NaN value
	refusedLength       sourceRefusal = "length"       // a truncated label value
	refusedLimit        sourceRefusal = "limit"        // a series beyond the limit of its family
	refusedSkew         sourceRefusal = "skew"         // an agent report with a skewed time stamp
)

// documented returns ok, whether a label value is documented, and counts a refusal if it
// is not.
func (r sourceRefusals) documented(ok bool) bool {
	if !ok {
		r.add(refusedUndocumented)
	}
	return ok
}

// valid reports whether a value is finite and at least 0, and counts a refusal if it is
// not.
func (r sourceRefusals) valid(value float64) bool {
	ok := value >= 0 && !math.IsInf(value, 1) // NaN is not >= 0
	if !ok {
		r.add(refusedValue)
	}
	return ok
}
