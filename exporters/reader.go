package exporters

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/otelcoder/otelcoder/instrument"
)

// ReaderConfig is what a reader that [WithReader] adds is told of the meter
// provider it reads.
type ReaderConfig struct {
	Scope instrument.Scope

	// Runtime gathers the runtime families, which no instrument measures, for
	// the one reader that is to have them; nil for the others. It returns no
	// error: what cannot be gathered is left out and counted in
	// otelcoder_scrape_errors_total.
	Runtime prometheus.Gatherer

	// Reports tells whether this process reports what the reader reads now. If
	// it does not, that must not leave the process.
	Reports func() bool

	// Exported counts an export in otelcoder_otlp_exports_total, by whether it
	// failed.
	Exported func(error)
}

func (e *Exporter) readerConfig(s instrument.Scope, reports func() bool, runtime prometheus.Gatherer) ReaderConfig {
	c := ReaderConfig{Scope: s, Reports: reports, Exported: e.exported}
	if runtime != nil {
		c.Runtime = prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			families, err := runtime.Gather()
			if err != nil {
				e.scrapeErrors.Add(1)
			}
			return families, nil
		})
	}
	return c
}
