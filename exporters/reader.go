package exporters

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
)

// ReaderConfig configures a reader of [WithReader]. The resource of Deployment must be
// the same on every replica. Producer and Gatherer return no errors: they count them in
// otelcoder_scrape_errors_total.
type ReaderConfig struct {
	Group    instrument.Group                  // of the meter provider: Deployment or Process
	Reports  func() bool                       // while false, nothing of the group may be sent
	Exported func(error)                       // counts an export in otelcoder_otlp_exports_total
	Health   func(report func(*health.Report)) // like [WithHealth]
	Producer sdk.Producer                      // foreign instruments; in Process also all of Workspaces
	Gatherer prometheus.Gatherer               // runtime and [WithGatherer]; nil in Deployment
}

// readers returns the readers of WithReader.
func (c config) readers(r ReaderConfig) ([]sdk.Reader, error) {
	var readers []sdk.Reader
	for _, newReader := range c.newReaders {
		reader, err := newReader(r)
		if err != nil {
			for _, created := range readers {
				created.Shutdown(context.Background()) // has nothing to flush
			}
			return nil, fmt.Errorf("create the reader of the %s group: %w", r.Group, err)
		}
		if reader != nil {
			readers = append(readers, reader)
		}
	}
	return readers, nil
}

// withHost adds the host's families to a gatherer, except target_info, which receivers
// of a push derive from the resource. The result counts errors instead of returning
// them.
func (e *Exporter) withHost(gatherer prometheus.Gatherer) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := gatherer.Gather()
		if err != nil {
			e.scrapeErrors.Add(1)
		}
		if e.host != nil {
			for _, f := range e.host.gather(context.Background()).families {
				if f.GetName() != "target_info" {
					families = append(families, f)
				}
			}
		}
		return families, nil
	})
}

// producers joins the streams of several producers. It returns no error, since the
// reader would then export nothing.
type producers []sdk.Producer

// Produce implements [sdk.Producer].
func (p producers) Produce(ctx context.Context) ([]metricdata.ScopeMetrics, error) {
	var scopes []metricdata.ScopeMetrics
	for _, producer := range p {
		produced, _ := producer.Produce(ctx) // it counts its errors
		scopes = append(scopes, produced...)
	}
	return scopes, nil
}

// workspacesProducer produces the streams of Workspaces while this process is the
// reporter. They are pushed with Process, whose resource they share: Prometheus refuses
// the exports of two readers with one resource that arrive out of order.
type workspacesProducer struct {
	exporter *Exporter
	reader   *sdk.ManualReader
	foreign  *foreign
}

// Produce implements [sdk.Producer].
func (p workspacesProducer) Produce(ctx context.Context) ([]metricdata.ScopeMetrics, error) {
	if !p.exporter.reporter() {
		return nil, nil
	}
	var collected metricdata.ResourceMetrics
	if err := p.reader.Collect(ctx, &collected); err != nil {
		p.exporter.scrapeErrors.Add(1)
	}
	foreign, err := p.foreign.Produce(ctx)
	return append(collected.ScopeMetrics, foreign...), err
}
