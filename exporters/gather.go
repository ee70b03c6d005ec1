package exporters

import (
	"context"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// Gather implements [prometheus.Gatherer], for a host with an endpoint of its own. It
// returns the families of this process now, but not those of [WithGatherer]. Families
// that fail are left out and counted: it returns no error. Each call converts all
// series, so for more than some 10,000 use [Exporter.MetricsHandler].
func (e *Exporter) Gather() ([]*dto.MetricFamily, error) {
	for !e.ended.Load() {
		reports := e.reporter()
		var families []*dto.MetricFamily
		for _, g := range e.selection().groups {
			if g.cache == nil || reports {
				families = append(families, g.gatherAll()...)
				families = append(families, g.foreign.gather(context.Background(), query{})...)
			}
		}
		if !reports || e.reporter() {
			slices.SortFunc(families, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
			return families, nil
		}
	}
	return nil, nil
}

// gatherAll returns the group's families in order of their names.
func (g *group) gatherAll() []*dto.MetricFamily {
	defer g.complete()()
	return g.gather(context.Background(), query{})
}
