package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/otelcoder/otelcoder/instrument"
)

// expression is a PromQL expression over families of the catalogue. It is made by
// the functions of this file alone, which panic where a family is read in a way
// that its type, its scope or its labels do not allow: the generator's tests run
// all of them.
type expression struct {
	text     string
	labels   []string // those of its series, but for the target's
	families []instrument.Family
}

// targetLabels are given to series by the scrape.
var targetLabels = []string{"job", "instance", "pod"}

// selector selects series of a family, of the jobs and templates that the reader
// chose. Matchers are such as `code=~"5.."`.
func selector(f instrument.Family, suffix string, matchers ...string) string {
	info := f.Info()
	for _, m := range matchers {
		if label := m[:strings.IndexAny(m, "=!")]; !slices.Contains(info.Labels, label) {
			panic(fmt.Sprintf("%s has no label %s", f, label))
		}
	}
	all := append([]string{`job=~"$job"`}, matchers...)
	if slices.Contains(info.Labels, "template_name") {
		all = append(all, `template_name=~"$template"`)
	}
	return info.Name + suffix + "{" + strings.Join(all, ",") + "}"
}

func must(f instrument.Family, ok bool, how string) {
	if !ok {
		panic(fmt.Sprintf("%s is no %s", f, how))
	}
}

func of(f instrument.Family, text string, more ...string) expression {
	return expression{text, append(f.Info().Labels, more...), []instrument.Family{f}}
}

// state is the state of the deployment, which one replica or each may report.
func state(f instrument.Family, matchers ...string) expression {
	info := f.Info()
	must(f, info.Group == instrument.Deployment && info.Type == instrument.Gauge, "gauge of the deployment")
	return of(f, "max without (instance, pod) ("+selector(f, "", matchers...)+")")
}

// gauge is a gauge of each replica.
func gauge(f instrument.Family, matchers ...string) expression {
	info := f.Info()
	must(f, info.Group != instrument.Deployment && info.Type == instrument.Gauge, "gauge of a replica")
	return of(f, selector(f, "", matchers...))
}

// rate is how fast a counter grows, a second.
func rate(f instrument.Family, matchers ...string) expression {
	must(f, f.Info().Type == instrument.Counter, "counter")
	return of(f, "rate("+selector(f, "", matchers...)+"[$__rate_interval])")
}

// increase is by how much a counter grew in the time that is shown.
func increase(f instrument.Family, matchers ...string) expression {
	must(f, f.Info().Type == instrument.Counter, "counter")
	return of(f, "increase("+selector(f, "", matchers...)+"[$__range])")
}

// observed is how often a histogram or summary is observed, a second.
func observed(f instrument.Family, matchers ...string) expression {
	must(f, f.Info().Type == instrument.Histogram || f.Info().Type == instrument.Summary, "histogram or summary")
	return of(f, "rate("+selector(f, "_count", matchers...)+"[$__rate_interval])")
}

// total is how fast the sum of a histogram or summary grows, a second.
func total(f instrument.Family, matchers ...string) expression {
	must(f, f.Info().Type == instrument.Histogram || f.Info().Type == instrument.Summary, "histogram or summary")
	return of(f, "rate("+selector(f, "_sum", matchers...)+"[$__rate_interval])")
}

// quantile is a quantile of a histogram over all replicas, by labels.
func quantile(q float64, f instrument.Family, by ...string) expression {
	must(f, f.Info().Type == instrument.Histogram, "histogram")
	buckets := of(f, "rate("+selector(f, "_bucket")+"[$__rate_interval])", "le")
	e := buckets.by("sum", append([]string{"le"}, by...)...)
	return expression{fmt.Sprintf("histogram_quantile(%v, %s)", q, e.text), by, e.families}
}

// by aggregates an expression by labels, over all else.
func (e expression) by(operator string, labels ...string) expression {
	for _, label := range labels {
		if !slices.Contains(e.labels, label) && !slices.Contains(targetLabels, label) {
			panic(fmt.Sprintf("%s has no label %s", e.text, label))
		}
	}
	by := " "
	if len(labels) > 0 {
		by = " by (" + strings.Join(labels, ", ") + ") "
	}
	return expression{operator + by + "(" + e.text + ")", labels, e.families}
}

// sum sums an expression by labels.
func (e expression) sum(by ...string) expression { return e.by("sum", by...) }

// max takes the greatest of an expression by labels.
func (e expression) max(by ...string) expression { return e.by("max", by...) }

// top keeps the n greatest series.
func (e expression) top(n int) expression {
	e.text = fmt.Sprintf("topk(%d, %s)", n, e.text)
	return e
}

// apply puts the expression in place of %s.
func (e expression) apply(format string) expression {
	e.text = fmt.Sprintf(format, e.text)
	return e
}

// over divides an expression by another one of the same labels.
func (e expression) over(other expression) expression {
	return expression{e.text + " / " + other.text, e.labels, append(slices.Clone(e.families), other.families...)}
}

// orZero is 0 where there is no series.
func (e expression) orZero() expression {
	if len(e.labels) > 0 {
		panic(e.text + " has labels: what would be 0?")
	}
	e.text = "(" + e.text + " or vector(0))"
	return e
}

// quantile is a quantile over series, by labels.
func (e expression) quantile(q float64, by ...string) expression {
	aggregated := e.by("quantile", by...)
	aggregated.text = strings.Replace(aggregated.text, "("+e.text, fmt.Sprintf("(%v, %s", q, e.text), 1)
	return aggregated
}
