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

	// Reports tells whether this process reports the scope now. What is read
	// while it does not must not leave the process.
	Reports func() bool

	// Exported counts an export in otelcoder_otlp_exports_total, by whether it
	// failed.
	Exported func(error)
}

func (e *Exporter) readerConfig(s instrument.Scope, runtime prometheus.Gatherer) ReaderConfig {
	c := ReaderConfig{Scope: s, Reports: func() bool { return true }, Exported: e.exported}
	if s == instrument.Deployment {
		c.Reports = e.reporter
	}
	if runtime != nil {
		c.Runtime = prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			families, err := runtime.Gather()
			if err != nil {
				e.scrapeError(err)
			}
			return families, nil
		})
	}
	return c
}
