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

// ReaderConfig describes the families of a reader of [WithReader], and its duties.
type ReaderConfig struct {
	// Group is the group whose meter provider the reader reads: Deployment, whose
	// resource must be the same on every replica, or Process.
	Group instrument.Group

	// Reports reports whether this process reports the group now. If it does not,
	// the reader must not send the families it has read.
	Reports func() bool

	// Exported counts an export in otelcoder_otlp_exports_total, by whether it
	// failed.
	Exported func(error)

	// Health adds a function to those of [WithHealth].
	Health func(report func(*health.Report))

	// Producer produces the streams of the group's foreign instruments, under their
	// OpenTelemetry names and of any type; see [WithoutForeignInstruments]. In
	// Process it also produces those of Workspaces, which share the resource of
	// Process, while this process reports them. Prometheus refuses the exports of
	// two readers of one resource that arrive out of order.
	Producer sdk.Producer

	// Gatherer gathers the families that no instrument measures: those of the
	// runtime and of [WithGatherer]; nil in Deployment. It returns no error:
	// families that cannot be gathered are left out and counted in
	// otelcoder_scrape_errors_total.
	Gatherer prometheus.Gatherer
}

// reader returns the reader that the host adds, or nil.
func (c config) reader(r ReaderConfig) (sdk.Reader, error) {
	if c.newReader == nil {
		return nil, nil
	}
	reader, err := c.newReader(r)
	if err != nil {
		return nil, fmt.Errorf("create the reader of the %s group: %w", r.Group, err)
	}
	return reader, nil
}

// withHost returns a gatherer of the same families and those of the host, which counts
// errors and does not return them. It leaves out target_info, which describes a scraped
// target: a push has a resource, from which its receiver derives target_info.
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

// producers produce the streams of several producers. Like Gatherer they return no
// error: the reader would export nothing at all.
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

// workspacesProducer produces the streams of Workspaces while this process reports them.
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
