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
		// Documented, but removed from client_golang: the Go runtime always
		// reports 0.
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: instrument.GoMemstatsLookupsTotal.String(),
		}, func() float64 { return 0 }),
	)
	return registry
}

// trimmed leaves only the documented runtime families of a gatherer and sets their
// documented help texts, which differ from those of client_golang today.
type trimmed struct {
	prometheus.Gatherer
	edition instrument.Edition
}

func (t trimmed) Gather() ([]*dto.MetricFamily, error) {
	families, err := t.Gatherer.Gather()
	kept := families[:0]
	for _, family := range families {
		f, ok := t.edition.Lookup(family.GetName())
		if !ok || f.Origin() != instrument.Runtime {
			continue
		}
		family.Help = new(t.edition.Info(f).Help)
		kept = append(kept, family)
	}
	return kept, err
}
