package e2e_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/prometheus"
)

// testPrometheus queries every family from a Prometheus that has one job for each
// scrape protocol.
func testPrometheus(t *testing.T, p *prometheus.Prometheus) {
	for deadline := time.Now().Add(50 * time.Second); ; time.Sleep(time.Second) {
		p.WaitScraped(t, 2)
		err := ingested(t, p)
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("missing in Prometheus: %v", err)
			break
		}
	}
	for name, f := range e2e.Served() {
		if f.Type == "counter" {
			for _, s := range p.Query(t, fmt.Sprintf(`resets(%s[1h]) > 0`, name)) {
				t.Errorf("counter %s: got %v resets, want 0", s.Metric, s.F)
			}
		}
	}
	p.CheckHealthy(t)
}

// ingested returns nil if Prometheus has every family with its labels, over each
// protocol.
func ingested(t *testing.T, p *prometheus.Prometheus) error {
	var errs []error
	for _, protocol := range prometheus.Protocols {
		job := string(protocol)
		for _, f := range e2e.Served() {
			switch f.Type {
			case "histogram":
				errs = append(errs,
					hasSeries(t, p, job, f.Name+"_bucket", f.Labels, model.BucketLabel),
					hasSeries(t, p, job, f.Name+"_count", f.Labels),
					hasSeries(t, p, job, f.Name+"_sum", f.Labels),
					hasBuckets(t, p, job, f))
			case "summary":
				errs = append(errs,
					hasSeries(t, p, job, f.Name, f.Labels, model.QuantileLabel),
					hasSeries(t, p, job, f.Name+"_count", f.Labels),
					hasSeries(t, p, job, f.Name+"_sum", f.Labels))
			default:
				errs = append(errs, hasSeries(t, p, job, f.Name, f.Labels))
			}
		}
	}
	return errors.Join(errs...)
}

// hasSeries returns nil if there are series with a name, and if they have exactly these
// labels together. A single series may lack a label: Prometheus drops labels with an
// empty value.
func hasSeries(t *testing.T, p *prometheus.Prometheus, job, name string, documented []string, more ...string) error {
	t.Helper()
	series := p.Query(t, fmt.Sprintf(`%s{job=%q}`, name, job))
	if len(series) == 0 {
		return fmt.Errorf("%s: no series %s", job, name)
	}
	found := make(map[string]bool)
	for _, s := range series {
		s.Metric.Range(func(l labels.Label) { found[l.Name] = true })
	}
	want := slices.Concat(documented, more, []string{model.MetricNameLabel, "instance", "job"})
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
		return fmt.Errorf("%s: %s has the labels %q, want %q", job, name, got, want)
	}
	return nil
}

// hasBuckets returns nil if every series of a histogram has the documented
// buckets.
func hasBuckets(t *testing.T, p *prometheus.Prometheus, job string, f e2e.Family) error {
	t.Helper()
	bounds := make(map[string][]float64)
	for _, s := range p.Query(t, fmt.Sprintf(`%s_bucket{job=%q}`, f.Name, job)) {
		bound, err := strconv.ParseFloat(s.Metric.Get(model.BucketLabel), 64)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", job, s.Metric, err)
		}
		series := labels.NewBuilder(s.Metric).Del(model.BucketLabel).Labels().String()
		bounds[series] = append(bounds[series], bound)
	}
	want := append(slices.Clone(f.Buckets), math.Inf(1))
	for series, got := range bounds {
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return fmt.Errorf("%s: %s has the buckets %v, want %v", job, series, got, want)
		}
	}
	return nil
}
