package exporters

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcoder/otelcoder/instrument"
)

// ReaderConfig is what a reader that [WithReader] adds is told of what it reads.
type ReaderConfig struct {
	Scope instrument.Scope

	// Reports tells whether this process reports the scope now. If it does not,
	// what is read must not leave the process.
	Reports func() bool

	// Exported counts an export in otelcoder_otlp_exports_total, by whether it
	// failed.
	Exported func(error)

	// Workspaces produces the families of the replica scope that are about
	// workspaces, from their own meter provider, while this process reports
	// them; nil in the deployment scope. One reader is to export the scope:
	// Prometheus refuses what two send of one resource if it arrives out of order.
	Workspaces sdk.Producer

	// Runtime gathers the runtime families, which no instrument measures; nil in
	// the deployment scope. It returns no error: what cannot be gathered is left
	// out and counted in otelcoder_scrape_errors_total.
	Runtime prometheus.Gatherer
}

// reader makes the reader that the host adds; nil for none.
func (c config) reader(r ReaderConfig) (sdk.Reader, error) {
	if c.newReader == nil {
		return nil, nil
	}
	reader, err := c.newReader(r)
	if err != nil {
		return nil, fmt.Errorf("create the reader of the %s scope: %w", r.Scope, err)
	}
	return reader, nil
}

// swallowing gathers without an error: it counts what it meets.
func (e *Exporter) swallowing(gatherer prometheus.Gatherer) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := gatherer.Gather()
		if err != nil {
			e.scrapeErrors.Add(1)
		}
		return families, nil
	})
}

// producer produces what its reader reads, while this process reports it. Like
// runtime families, it returns no error: the reader would export nothing at all.
type producer struct {
	*sdk.ManualReader
	exporter *Exporter
}

func (p producer) Produce(ctx context.Context) ([]metricdata.ScopeMetrics, error) {
	if !p.exporter.reporter() {
		return nil, nil
	}
	var collected metricdata.ResourceMetrics
	if err := p.Collect(ctx, &collected); err != nil {
		p.exporter.scrapeErrors.Add(1)
	}
	return collected.ScopeMetrics, nil
}
