package exporters

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"

	"github.com/otelcoder/otelcoder/instrument"
)

// newRuntimeRegistry returns a registry with client_golang's Go and process
// collectors. The handler adds the scrape-handler collectors.
func newRuntimeRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		// Documented, but gone from client_golang 1.25: the Go runtime has
		// always reported 0.
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: instrument.GoMemstatsLookupsTotal.String(),
		}, func() float64 { return 0 }),
	)
	return registry
}

// trimmed is a gatherer of runtime families reduced to the documented ones,
// with the documented help texts, from which client_golang's have moved on.
type trimmed struct{ prometheus.Gatherer }

func (t trimmed) Gather() ([]*dto.MetricFamily, error) {
	families, err := t.Gatherer.Gather()
	kept := families[:0]
	for _, family := range families {
		f, ok := instrument.Lookup(family.GetName())
		if !ok {
			continue
		}
		row := f.Info()
		if row.Origin != instrument.Runtime {
			continue
		}
		family.Help = new(row.Help)
		kept = append(kept, family)
	}
	return kept, err
}
