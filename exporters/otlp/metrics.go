package otlp

import (
	"context"
	"errors"
	"fmt"
	"time"

	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otelcoder/otelcoder/exporters"
)

// Metrics returns the option that makes an [exporters.Exporter] push its
// families, each interval of OTEL_METRIC_EXPORT_INTERVAL (default: a minute); nil
// if metrics are not pushed. The Exporter's Shutdown pushes a last time.
func (p *Push) Metrics() exporters.Option {
	if p.metrics == nil {
		return nil
	}
	outage := p.metrics.outage(p.config.logger, "metrics")
	return exporters.WithReader(func(c exporters.ReaderConfig) (sdk.Reader, error) {
		client, err := p.metrics.metricExporter()
		if err != nil {
			return nil, fmt.Errorf("push metrics to %s: %w", p.metrics.endpoint, err)
		}
		// The time of OTEL_METRIC_EXPORT_TIMEOUT is each batch's, not that of
		// all: a slow receiver is to get everything.
		options := []sdk.PeriodicReaderOption{sdk.WithTimeout(time.Hour)}
		if c.Workspaces != nil {
			options = append(options, sdk.WithProducer(c.Workspaces))
		}
		if c.Runtime != nil {
			options = append(options, sdk.WithProducer(bridge.NewMetricProducer(bridge.WithGatherer(c.Runtime))))
		}
		return sdk.NewPeriodicReader(&metricExporter{
			Exporter: client,
			reader:   c,
			resource: p.resources[c.Scope],
			outage:   outage,
			timeout:  exportTimeout(),
		}, options...), nil
	})
}

func (t *target) metricExporter() (sdk.Exporter, error) {
	ctx := context.Background() // nothing is done with it: neither exporter connects yet
	if t.protocol == GRPC {
		var options []otlpmetricgrpc.Option
		if t.url != "" {
			options = append(options, otlpmetricgrpc.WithEndpointURL(t.url))
		}
		return otlpmetricgrpc.New(ctx, options...)
	}
	var options []otlpmetrichttp.Option
	if t.url != "" {
		options = append(options, otlpmetrichttp.WithEndpointURL(t.url))
	}
	return otlpmetrichttp.New(ctx, options...)
}

// metricExporter exports what a scope's reader collects.
type metricExporter struct {
	sdk.Exporter
	reader   exporters.ReaderConfig
	resource *resource.Resource
	outage   *outage
	timeout  time.Duration // of a batch
}

// Export pushes a collection in batches, counts it as one export, and notes how
// it went. It returns no error: the reader would hand it to the process's
// OpenTelemetry error handler, which prints every one.
func (e *metricExporter) Export(ctx context.Context, collected *metricdata.ResourceMetrics) error {
	sent, err := e.push(ctx, collected)
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil // the reader is being shut down, and pushes once more
	}
	if sent > 0 {
		e.reader.Exported(err)
	}
	e.outage.set(e, err)
	return nil
}

// push sends the batches of a collection and returns how many it tried to send. A
// batch that is refused does not keep the others from being sent. But if failures
// take as long as a batch may, what is left is dropped: it gets old, and the next
// collection has it all. Of many failures it returns the first.
func (e *metricExporter) push(ctx context.Context, collected *metricdata.ResourceMetrics) (sent int, failure error) {
	patience := e.timeout
	for batch := range batches(collected) {
		// Another replica may report by now: a push can take long, and the
		// process can have been frozen in the midst of it.
		if patience <= 0 || ctx.Err() != nil || !e.reader.Reports() {
			break
		}
		// The provider's own resource holds all of OTEL_RESOURCE_ATTRIBUTES.
		batch.Resource = e.resource
		sent++
		began := time.Now()
		if err := e.send(ctx, batch); err != nil {
			if failure == nil {
				failure = brief(err)
			}
			patience -= time.Since(began)
		}
	}
	return sent, failure
}

func (e *metricExporter) send(ctx context.Context, batch *metricdata.ResourceMetrics) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	return e.Exporter.Export(ctx, batch)
}
