package exporters

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"github.com/otelcoder/otelcoder/instrument"
)

// vetted holds the host's valid families. Scrapes share them, so they are immutable.
type vetted struct {
	families  []*dto.MetricFamily // sorted by name
	names     map[string]bool     // of all families and their series
	legacy    bool                // no name needs escaping
	conflicts []string            // families whose names are in the catalogue
	omitted   omissions           // other errors of families and series
}

// omissions counts errors and keeps the first.
type omissions struct {
	n     int
	first error
}

func (o *omissions) add(err error) {
	o.n++
	o.first = cmp.Or(o.first, err)
}

// error returns the errors as one, or nil.
func (o omissions) error() error {
	if o.n > 1 {
		return fmt.Errorf("%w, and %d more", o.first, o.n-1)
	}
	return o.first
}

func conflictError(names []string) error {
	return fmt.Errorf("the gatherer has metrics that otelcoder serves: rename or unregister %s", strings.Join(names, ", "))
}

// reserved maps the names of the catalogue's families and their series to the family.
type reserved map[string]instrument.Family

// newReserved returns the names of the edition, with the runtime families if runtime is
// set.
func newReserved(e instrument.Edition, runtime bool) reserved {
	r := make(reserved)
	for f := range e.All() {
		row := e.Info(f)
		if row.Origin == instrument.Runtime && !runtime {
			continue
		}
		of := dto.MetricType_GAUGE
		switch row.Type {
		case instrument.Histogram:
			of = dto.MetricType_HISTOGRAM
		case instrument.Summary:
			of = dto.MetricType_SUMMARY
		case instrument.Counter:
			of = dto.MetricType_COUNTER
		}
		for _, name := range allNames(row.Name, of) {
			r[name] = f
		}
	}
	return r
}

// mayMatch reports whether the query can match a family outside the catalogue.
func (r reserved) mayMatch(q query) bool {
	if q.names == nil {
		return true
	}
	for name := range q.names {
		if _, taken := r[name]; !taken {
			return true
		}
	}
	return false
}

// seriesNames returns the names of a family and its series.
func seriesNames(name string, of dto.MetricType) []string {
	switch of {
	case dto.MetricType_HISTOGRAM:
		return []string{name, name + "_bucket", name + "_count", name + "_sum"}
	case dto.MetricType_SUMMARY:
		return []string{name, name + "_count", name + "_sum"}
	}
	return []string{name}
}

// allNames returns the names of a family and its series, in OpenMetrics too. There the
// family of a counter has no _total, and a series with the time of its creation belongs
// to counters, histograms and summaries.
func allNames(name string, of dto.MetricType) []string {
	names := seriesNames(name, of)
	switch of {
	case dto.MetricType_COUNTER:
		base := strings.TrimSuffix(name, "_total")
		return append(names, base, base+"_created")
	case dto.MetricType_HISTOGRAM, dto.MetricType_SUMMARY:
		return append(names, name+"_created")
	}
	return names
}

// conflict returns the family of the catalogue with a name of the given family. Names
// are escaped before the comparison, as for a scraper without UTF-8 names.
func (r reserved) conflict(name string, of dto.MetricType) (instrument.Family, bool) {
	for _, series := range seriesNames(model.EscapeName(name, model.UnderscoreEscaping), of) {
		if f, taken := r[series]; taken {
			return f, true
		}
	}
	return 0, false
}

// vet leaves out families and series for which Prometheus or an OTLP receiver would
// refuse the whole answer: names of the catalogue, duplicate names and series, invalid
// UTF-8, and values of another type. Registries check most of this, but other gatherers
// may not. Runtime families in r are left out without an error. Others reports whether
// another source has a family of a name.
func (r reserved) vet(gathered []*dto.MetricFamily, others func(name string) bool) vetted {
	v := vetted{legacy: true, names: make(map[string]bool)}
	gathered = slices.Clone(gathered)
	slices.SortStableFunc(gathered, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	for _, f := range gathered {
		name, of := f.GetName(), f.GetType()
		if ours, conflict := r.conflict(name, of); conflict {
			if ours.Origin() != instrument.Runtime {
				v.conflicts = append(v.conflicts, name)
			}
			continue
		}
		names := seriesNames(name, of)
		switch {
		case name == "" || !utf8.ValidString(name):
			v.omitted.add(fmt.Errorf("%q is not the name of a metric", name))
			continue
		case slices.ContainsFunc(names, func(n string) bool { return v.names[n] || others(n) }):
			v.omitted.add(fmt.Errorf("%s: another metric has the same name, or series of it", name))
			continue
		}
		kept := v.vetSeries(f)
		if len(kept.Metric) == 0 {
			continue
		}
		for _, n := range names {
			v.names[n] = true
		}
		v.families = append(v.families, kept)
	}
	return v
}

// vetSeries returns the family with its valid series.
func (v *vetted) vetSeries(f *dto.MetricFamily) *dto.MetricFamily {
	kept := &dto.MetricFamily{Name: f.Name, Type: f.GetType().Enum()}
	if f.Help != nil {
		kept.Help = new(strings.ToValidUTF8(f.GetHelp(), "\uFFFD"))
	}
	if hasUnit(f.GetName(), f.GetUnit()) {
		kept.Unit = f.Unit
	}
	legacy := model.LegacyValidation.IsValidMetricName(f.GetName())
	seed := maphash.MakeSeed()
	seen := make(map[uint64]bool, len(f.Metric))
	for _, m := range f.Metric {
		m, err := vetOne(f.GetType(), m)
		if err == nil {
			if hash := hashLabels(seed, m); !seen[hash] {
				seen[hash] = true
			} else {
				err = errors.New("a series occurs twice")
			}
		}
		if err != nil {
			v.omitted.add(fmt.Errorf("%s: %w", f.GetName(), err))
			continue
		}
		for _, l := range m.Label {
			legacy = legacy && model.LegacyValidation.IsValidLabelName(l.GetName())
		}
		kept.Metric = append(kept.Metric, m)
	}
	v.legacy = v.legacy && legacy
	return kept
}

// hasUnit reports whether the name of a family ends in the unit, before the _total of a
// counter. OpenMetrics refuses other units.
func hasUnit(name, unit string) bool {
	suffix := "_" + unit
	return unit != "" && model.LegacyValidation.IsValidMetricName(suffix) && strings.HasSuffix(strings.TrimSuffix(name, "_total"), suffix)
}

// hashLabels hashes the labels and the timestamp of a series.
func hashLabels(seed maphash.Seed, m *dto.Metric) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, l := range m.Label {
		h.WriteString(l.GetName())
		h.WriteByte(0xff) // never occurs in UTF-8
		h.WriteString(l.GetValue())
		h.WriteByte(0xff)
	}
	maphash.WriteComparable(&h, m.GetTimestampMs())
	return h.Sum64()
}

// vetOne returns a series with sorted labels, or an error if it is invalid.
func vetOne(of dto.MetricType, m *dto.Metric) (*dto.Metric, error) {
	var typed bool
	var ofFormat string // the label that the format adds
	switch of {
	case dto.MetricType_COUNTER:
		typed = m.GetCounter() != nil
	case dto.MetricType_GAUGE:
		typed = m.GetGauge() != nil
	case dto.MetricType_UNTYPED:
		typed = m.GetUntyped() != nil
	case dto.MetricType_SUMMARY:
		typed, ofFormat = m.GetSummary() != nil, model.QuantileLabel
	case dto.MetricType_HISTOGRAM:
		typed, ofFormat = m.GetHistogram() != nil, model.BucketLabel
	default:
		return nil, fmt.Errorf("type %v is not supported", of)
	}
	if !typed {
		return nil, fmt.Errorf("a series has no value of type %v", of)
	}
	byName := func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) }
	if !slices.IsSortedFunc(m.Label, byName) {
		m = shallowCopy(m)
		m.Label = slices.SortedFunc(slices.Values(m.Label), byName)
	}
	for i, l := range m.Label {
		name := l.GetName()
		switch {
		case name == "" || !utf8.ValidString(name) || strings.HasPrefix(name, model.ReservedLabelPrefix) || name == ofFormat:
			return nil, fmt.Errorf("a series has a label named %q", name)
		case i > 0 && name == m.Label[i-1].GetName():
			return nil, fmt.Errorf("a series has two labels named %s", name)
		case !utf8.ValidString(l.GetValue()):
			return nil, fmt.Errorf("the value of a label %s is invalid UTF-8: %q", name, l.GetValue())
		}
	}
	if !validExemplars(m) {
		return nil, errors.New("a series has an invalid exemplar")
	}
	h := m.GetHistogram()
	if !validSpans(h.GetPositiveSpan(), len(h.GetPositiveDelta())) || !validSpans(h.GetNegativeSpan(), len(h.GetNegativeDelta())) {
		return nil, errors.New("a native histogram has inconsistent buckets, or counts that are not integers")
	}
	return m, nil
}

func validExemplars(m *dto.Metric) bool {
	exemplars := []*dto.Exemplar{m.GetCounter().GetExemplar()}
	for _, b := range m.GetHistogram().GetBucket() {
		exemplars = append(exemplars, b.GetExemplar())
	}
	for _, e := range append(exemplars, m.GetHistogram().GetExemplars()...) {
		runes := 0
		for _, l := range e.GetLabel() {
			if l.GetName() == "" || !utf8.ValidString(l.GetName()) || !utf8.ValidString(l.GetValue()) {
				return false
			}
			runes += utf8.RuneCountInString(l.GetName()) + utf8.RuneCountInString(l.GetValue())
		}
		if runes > prometheus.ExemplarMaxRunes || e.GetTimestamp() != nil && !e.GetTimestamp().IsValid() {
			return false
		}
	}
	return true
}

// maxSpan is above the number of buckets of any native histogram.
const maxSpan = 1 << 20

// validSpans reports whether the spans of a native histogram match its buckets.
// Otherwise the bridge to OpenTelemetry, which allocates the buckets between spans,
// panics.
func validSpans(spans []*dto.BucketSpan, buckets int) bool {
	n, between := 0, 0
	for i, s := range spans {
		if i > 0 {
			between += int(s.GetOffset())
			if s.GetOffset() < 0 {
				return false
			}
		}
		n += int(s.GetLength())
		if n > maxSpan || between > maxSpan {
			return false
		}
	}
	return n == buckets
}

// only returns the families selected by the query.
func (v vetted) only(q query) vetted {
	if q.names != nil {
		v.families = slices.DeleteFunc(slices.Clone(v.families), func(f *dto.MetricFamily) bool { return !q.names[f.GetName()] })
	}
	return v
}

// escaped returns the families with names escaped by the scheme.
func (v vetted) escaped(scheme model.EscapingScheme) []*dto.MetricFamily {
	escaped := make([]*dto.MetricFamily, len(v.families))
	for i, f := range v.families {
		escaped[i] = model.EscapeMetricFamily(f, scheme)
	}
	return escaped
}
