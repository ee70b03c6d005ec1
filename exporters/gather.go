package exporters

import (
	"cmp"
	"errors"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// concat gathers from gatherers that share no family. Unlike
// prometheus.Gatherers it does not look for duplicates, which takes a hash of
// every series.
type concat []prometheus.Gatherer

func (c concat) Gather() ([]*dto.MetricFamily, error) {
	var all []*dto.MetricFamily
	var errs []error
	for _, gatherer := range c {
		families, err := gatherer.Gather()
		all = append(all, families...)
		errs = append(errs, err)
	}
	slices.SortFunc(all, func(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return all, errors.Join(errs...)
}

// whileReporting gathers the deployment scope if this process reports it.
func (e *Exporter) whileReporting(deployment prometheus.Gatherer) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		if !e.reporter() {
			return nil, nil
		}
		return deployment.Gather()
	})
}
