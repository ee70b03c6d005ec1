package status

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxSeries is the maximum number of series shown of a family.
const maxSeries = 1000

// FamilyReport is the view of one family as JSON.
type FamilyReport struct {
	Family
	PromQL  string        `json:"promql"`  // query for the matching series
	Matched int           `json:"matched"` // number of matching series
	Shown   []ShownSeries `json:"shown"`   // the first 1,000 of them
}

// ShownSeries is a series as JSON. Values are strings, as in Prometheus's API, since
// JSON has neither NaN nor infinity.
type ShownSeries struct {
	Labels map[string]string `json:"labels"`
	Value  string            `json:"value,omitempty"` // of a counter or gauge
	Count  string            `json:"count,omitempty"` // of a histogram or summary
	Sum    string            `json:"sum,omitempty"`   // of a histogram or summary

	values []string // label values, in the order of Family.Labels
}

// filter selects series by one label.
type filter struct {
	label string
	index int // of the label in the family
	exact bool
	text  string
	lower string // text in lower case
}

// filters parses the filters for labels of the family.
func filters(f Family, query url.Values) []filter {
	var all []filter
	for i, label := range f.Labels {
		if query.Has("label." + label) {
			all = append(all, filter{label: label, index: i, exact: true, text: query.Get("label." + label)})
		}
		if text := query.Get("has." + label); text != "" {
			all = append(all, filter{label: label, index: i, text: text, lower: strings.ToLower(text)})
		}
	}
	return all
}

func (f filter) matches(s Series) bool {
	value := ""
	if f.index < len(s.Labels) {
		value = s.Labels[f.index]
	}
	if f.exact {
		return value == f.text
	}
	return strings.Contains(strings.ToLower(value), f.lower)
}

// newFamilyReport returns a report of the series that match the filters.
func newFamilyReport(ctx context.Context, b Backend, f Family, filters []filter) FamilyReport {
	r := FamilyReport{Family: f, PromQL: promQL(f, filters), Shown: []ShownSeries{}}
	distribution := f.Type == "histogram" || f.Type == "summary"
	for s := range b.Series(ctx, f.Name) {
		if slices.ContainsFunc(filters, func(f filter) bool { return !f.matches(s) }) {
			continue
		}
		r.Matched++
		if r.Matched > maxSeries {
			continue
		}
		shown := ShownSeries{Labels: make(map[string]string, len(f.Labels)), values: make([]string, len(f.Labels))}
		for i, value := range s.Labels[:min(len(s.Labels), len(f.Labels))] {
			shown.Labels[f.Labels[i]] = value
			shown.values[i] = value
		}
		if distribution {
			shown.Count, shown.Sum = sample(s.Count), sample(s.Sum)
		} else {
			shown.Value = sample(s.Value)
		}
		r.Shown = append(r.Shown, shown)
	}
	return r
}

// promQL returns a query for the filtered series: the rate of a counter, the 95th
// percentile of a histogram, otherwise the value.
func promQL(f Family, filters []filter) string {
	var matchers []string
	for _, filter := range filters {
		if filter.exact {
			matchers = append(matchers, filter.label+"="+strconv.Quote(filter.text))
		} else {
			matchers = append(matchers, filter.label+"=~"+strconv.Quote("(?i).*"+regexp.QuoteMeta(filter.text)+".*"))
		}
	}
	selector := ""
	if len(matchers) > 0 {
		selector = "{" + strings.Join(matchers, ",") + "}"
	}
	switch f.Type {
	case "counter":
		return "rate(" + f.Name + selector + "[5m])"
	case "histogram":
		return "histogram_quantile(0.95, sum by (le) (rate(" + f.Name + "_bucket" + selector + "[5m])))"
	}
	return f.Name + selector
}
