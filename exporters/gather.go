package exporters

import (
	"context"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// Gather implements [prometheus.Gatherer], for a host with its own endpoint, without
// the metrics of [WithGatherer]. It never returns an error: families that fail are left
// out and counted. It converts all series at each call: above some 10,000 series
// use [Exporter.MetricsHandler].
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

// gatherAll returns all families of the group, sorted by name.
func (g *group) gatherAll() []*dto.MetricFamily {
	defer g.complete()()
	return g.gather(context.Background(), query{})
}
