package invariant

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/otelcoder/otelcoder/e2e"
)

// inFlight are the gauges that cannot be negative: they count current requests, websockets
// and jobs.
var inFlight = []string{
	"coderd_api_concurrent_requests",
	"coderd_api_concurrent_websockets",
	"coderd_provisionerd_jobs_current",
	"promhttp_metric_handler_requests_in_flight",
}

// exemplarRunes is OpenMetrics's limit for the total length of an exemplar's label names
// and values.
const exemplarRunes = 128

// Check checks a scrape against a contract, which may have more families than the
// scrape: every family is in the contract, with its type, help and buckets; every label
// is documented; no series exists twice; no count is negative; histograms are
// cumulative and complete; exemplars are in their bucket.
func (s *Scrape) Check(contract e2e.Contract) error {
	var p problems
	for _, f := range s.Families {
		promise, ok := contract[f.Name]
		if !ok {
			p.add("family %s is not in the contract", f.Name)
			continue
		}
		if want := s.documentedType(promise, contract); string(f.Type) != want {
			p.add("%s is of type %s, not %s", f.Name, f.Type, want)
		}
		if f.Help != promise.Help {
			p.add("%s has the help %q, not %q", f.Name, f.Help, promise.Help)
		}
		p.checkSamples(f, promise)
		if promise.Type == "histogram" {
			p.checkHistograms(f, promise)
		}
	}
	return p.err()
}

// CheckComplete checks that a scrape has every family of a contract with at least
// one sample, and that every series has all documented labels.
func (s *Scrape) CheckComplete(contract e2e.Contract) error {
	var p problems
	for name, promise := range contract {
		f := s.Family(name)
		if f == nil || len(f.Samples) == 0 {
			p.add("%s has no sample", name)
			continue
		}
		for _, sample := range f.Samples {
			for _, label := range promise.Labels {
				if !sample.Labels.Has(label) {
					p.add("%s lacks the label %s", sample, label)
				}
			}
		}
	}
	return p.err()
}

// CheckSince checks a scrape against an earlier one of the same process: no counter,
// count, sum or bucket that is in both has decreased.
func (s *Scrape) CheckSince(previous *Scrape, contract e2e.Contract) error {
	before := make(map[string]float64)
	for _, f := range previous.Families {
		for _, sample := range f.Samples {
			if counts(contract[f.Name], sample.Name) {
				before[sample.String()] = sample.Value
			}
		}
	}
	var p problems
	for _, f := range s.Families {
		for _, sample := range f.Samples {
			if b, ok := before[sample.String()]; ok && sample.Value < b {
				p.add("%s fell from %v to %v", sample, b, sample.Value)
			}
		}
	}
	return p.err()
}

// documentedType returns the expected type of a family in a scrape. In OpenMetrics,
// a counter whose name without _total is the name of another family has the type
// unknown.
func (s *Scrape) documentedType(promise e2e.Family, contract e2e.Contract) string {
	base, isTotal := strings.CutSuffix(promise.Name, "_total")
	_, clash := contract[base]
	if s.Format == OpenMetrics && promise.Type == "counter" && isTotal && clash {
		return string(model.MetricTypeUnknown)
	}
	return promise.Type
}

// counts reports whether a sample of a family can never decrease.
func counts(promise e2e.Family, sample string) bool {
	switch promise.Type {
	case "counter":
		return true
	case "histogram":
		// Observations are durations, so their sum cannot decrease either.
		return true
	case "summary":
		return sample != promise.Name
	}
	return false
}

func (p *problems) checkSamples(f *Family, promise e2e.Family) {
	if len(f.Samples) == 0 {
		p.add("%s has no sample", f.Name)
	}
	seen := make(map[string]bool, len(f.Samples))
	for _, sample := range f.Samples {
		// A label with an empty value is equivalent to a missing label.
		series := Sample{Name: sample.Name, Labels: sample.Labels.WithoutEmpty()}.String()
		if seen[series] {
			p.add("%s is there twice", series)
		}
		seen[series] = true

		sample.Labels.Range(func(l labels.Label) {
			switch {
			case slices.Contains(promise.Labels, l.Name):
			case l.Name == model.BucketLabel && sample.Name == f.Name+"_bucket":
			case l.Name == model.QuantileLabel && promise.Type == "summary" && sample.Name == f.Name:
			default:
				p.add("%s has the undocumented label %s", sample, l.Name)
			}
		})

		mayNotBeNegative := counts(promise, sample.Name) || slices.Contains(inFlight, f.Name)
		if mayNotBeNegative && !(sample.Value >= 0) { // nor NaN
			p.add("%s is %v", sample, sample.Value)
		}
		if sample.Exemplar != nil && promise.Type != "counter" && sample.Name != f.Name+"_bucket" {
			p.add("%s has an exemplar, which only buckets and counters may", sample)
		}
	}
}

// checkHistograms checks each series of a histogram family.
func (p *problems) checkHistograms(f *Family, promise e2e.Family) {
	type histogram struct {
		buckets     []Sample
		count, sum  float64
		hasCountSum int
	}
	all := make(map[string]*histogram)
	for _, sample := range f.Samples {
		key := labels.NewBuilder(sample.Labels).Del(model.BucketLabel).Labels().String()
		h, ok := all[key]
		if !ok {
			h = new(histogram)
			all[key] = h
		}
		switch sample.Name {
		case f.Name + "_bucket":
			h.buckets = append(h.buckets, sample)
		case f.Name + "_count":
			h.count = sample.Value
			h.hasCountSum++
		case f.Name + "_sum":
			h.sum = sample.Value
			h.hasCountSum++
		}
	}
	want := append(slices.Clone(promise.Buckets), math.Inf(1))
	for key, h := range all {
		series := f.Name + key
		if h.hasCountSum != 2 {
			p.add("%s has not one _count and one _sum", series)
		}
		bounds := make([]float64, len(h.buckets))
		for i, b := range h.buckets {
			bound, err := strconv.ParseFloat(b.Labels.Get(model.BucketLabel), 64)
			if err != nil {
				p.add("%s: %w", b, err)
				continue
			}
			bounds[i] = bound
			below, lower := 0.0, math.Inf(-1)
			if i > 0 {
				below, lower = h.buckets[i-1].Value, bounds[i-1]
			}
			if b.Value < below {
				p.add("%s is %v, the bucket before it %v", b, b.Value, below)
			}
			if b.Exemplar != nil {
				p.checkExemplar(b, *b.Exemplar, lower, bound)
			}
		}
		if !slices.Equal(bounds, want) {
			p.add("%s has the buckets %v, not %v", series, bounds, want)
			continue
		}
		if inf := h.buckets[len(h.buckets)-1].Value; inf != h.count {
			p.add("%s has %v in +Inf and a _count of %v", series, inf, h.count)
		}
		if h.count == 0 && h.sum != 0 {
			p.add("%s has a _sum of %v of nothing", series, h.sum)
		}
	}
}

// checkExemplar checks the exemplar of the bucket (lower, upper].
func (p *problems) checkExemplar(bucket Sample, e exemplar.Exemplar, lower, upper float64) {
	if e.Value <= lower || e.Value > upper {
		p.add("%s has an exemplar of %v", bucket, e.Value)
	}
	runes := 0
	e.Labels.Range(func(l labels.Label) {
		runes += utf8.RuneCountInString(l.Name) + utf8.RuneCountInString(l.Value)
	})
	if runes > exemplarRunes {
		p.add("%s has an exemplar with labels of %d characters, over %d", bucket, runes, exemplarRunes)
	}
}
