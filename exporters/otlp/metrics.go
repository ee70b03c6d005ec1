package otlp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	"google.golang.org/grpc/credentials"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
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
		exporter, err := p.metrics.metricExporter()
		if err != nil {
			return nil, fmt.Errorf("push metrics to %s: %w", p.metrics.endpoint, err)
		}
		if c.Group == instrument.Process {
			c.Health(outage.report)
		}
		// The time of OTEL_METRIC_EXPORT_TIMEOUT is each batch's, not that of
		// all: a slow receiver is to get everything.
		options := []sdk.PeriodicReaderOption{sdk.WithTimeout(time.Hour), sdk.WithInterval(exportInterval())}
		if c.Producer != nil {
			options = append(options, sdk.WithProducer(c.Producer))
		}
		if c.Gatherer != nil {
			options = append(options, sdk.WithProducer(bridge.NewMetricProducer(bridge.WithGatherer(c.Gatherer))))
		}
		return sdk.NewPeriodicReader(&metricExporter{
			Exporter: exporter,
			idle:     p.metrics.idle,
			reader:   c,
			resource: p.resources[c.Group],
			outage:   outage,
			timeout:  exportTimeout(),
			patience: patience,
		}, options...), nil
	})
}

func (t *target) metricExporter() (sdk.Exporter, error) {
	if t.exporter != nil {
		return t.exporter, nil
	}
	ctx := context.Background() // nothing is done with it: neither exporter connects yet
	if t.protocol == GRPC {
		var options []otlpmetricgrpc.Option
		if t.url != "" {
			options = append(options, otlpmetricgrpc.WithEndpointURL(t.url))
		}
		if t.headers != nil {
			options = append(options, otlpmetricgrpc.WithHeaders(t.headers))
		}
		if t.tls != nil {
			options = append(options, otlpmetricgrpc.WithTLSCredentials(credentials.NewTLS(t.tls)))
		}
		if t.conn != nil {
			options = append(options, otlpmetricgrpc.WithGRPCConn(t.conn))
		}
		return otlpmetricgrpc.New(ctx, options...)
	}
	var options []otlpmetrichttp.Option
	if t.url != "" {
		options = append(options, otlpmetrichttp.WithEndpointURL(t.url))
	}
	if t.headers != nil {
		options = append(options, otlpmetrichttp.WithHeaders(t.headers))
	}
	if t.tls != nil {
		options = append(options, otlpmetrichttp.WithTLSClientConfig(t.tls))
	}
	if t.client != nil {
		options = append(options, otlpmetrichttp.WithHTTPClient(t.client))
	}
	return otlpmetrichttp.New(ctx, options...)
}

// sharedExporter is an exporter of several readers.
type sharedExporter struct {
	sdk.Exporter
	exporting chan struct{} // holds a token during an export
	readers   atomic.Int32  // that are not shut down
}

func newSharedExporter(exporter sdk.Exporter, readers int32) *sharedExporter {
	e := &sharedExporter{Exporter: exporter, exporting: make(chan struct{}, 1)}
	e.readers.Store(readers)
	return e
}

// Export exports one collection at a time.
func (e *sharedExporter) Export(ctx context.Context, collected *metricdata.ResourceMetrics) error {
	select {
	case e.exporting <- struct{}{}:
		defer func() { <-e.exporting }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return e.Exporter.Export(ctx, collected)
}

// Shutdown shuts the exporter down with the last reader.
func (e *sharedExporter) Shutdown(ctx context.Context) error {
	if e.readers.Add(-1) > 0 {
		return nil
	}
	return e.Exporter.Shutdown(ctx)
}

// patience is how long what is left of a collection is held for a receiver that
// does not answer: one that does not hang answers in a fraction of it. A collection
// is large, and of one that is held for long, the labels are held by nothing else.
const patience = 3 * time.Second

// metricExporter exports the collections of one reader.
type metricExporter struct {
	sdk.Exporter
	idle     *http.Client // its idle connections are closed at the end; nil: none
	reader   exporters.ReaderConfig
	resource *resource.Resource
	outage   *outage
	timeout  time.Duration // of a batch
	patience time.Duration // more for a receiver that was slow, but answered
}

// Temporality is always cumulative: a push that fails is made up for by the next
// one, and the views' own counts are cumulative.
func (e *metricExporter) Temporality(sdk.InstrumentKind) metricdata.Temporality {
	return metricdata.CumulativeTemporality
}

// Shutdown stops the exporter.
func (e *metricExporter) Shutdown(ctx context.Context) error {
	if e.idle != nil {
		defer e.idle.CloseIdleConnections()
	}
	return e.Exporter.Shutdown(ctx)
}

// Export pushes a collection in batches, counts it as one export, and notes how
// it went. It returns no error: the reader would hand it to the process's
// OpenTelemetry error handler, which prints every one.
func (e *metricExporter) Export(ctx context.Context, collected *metricdata.ResourceMetrics) error {
	began := time.Now()
	sent, err := e.push(ctx, collected)
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil // the reader is being shut down, and pushes once more
	}
	pushed := []any{"group", e.reader.Group.String(), "batches", sent, "duration", time.Since(began)}
	if err != nil {
		pushed = append(pushed, "error", err)
	}
	e.outage.logger.Debug("push of metrics", pushed...)
	if sent == 0 {
		e.outage.idle(e)
		return nil
	}
	e.reader.Exported(err)
	if err != nil {
		e.outage.failed(e, err)
	} else {
		e.outage.succeeded(e)
	}
	return nil
}

// push sends the batches of a collection, one after the other, and returns how many
// it tried to send. A batch that is refused does not keep the others from being
// sent. But what is left is dropped if refusals take as long as a batch may, or if
// one batch is not answered for long: the next collection has it all. Of many
// failures it returns the first.
func (e *metricExporter) push(ctx context.Context, collected *metricdata.ResourceMetrics) (sent int, failure error) {
	left := e.timeout
	var late *delivery
	var dropped bool
	for batch, more := range batches(collected) {
		// Another replica may report by now: a push can take long, and the
		// process can have been frozen in the midst of it.
		if left <= 0 || ctx.Err() != nil || !e.reader.Reports() {
			break
		}
		// The provider's own resource holds all of OTEL_RESOURCE_ATTRIBUTES.
		batch.Resource = e.resource
		sent++
		d := e.send(ctx, batch)
		if !d.within(e.patience) {
			late, dropped = d, more
			break
		}
		if d.err != nil {
			failure = cmp.Or(failure, brief(d.err))
			left -= d.took
		}
	}
	if late == nil {
		return sent, failure
	}
	*collected = metricdata.ResourceMetrics{} // the reader holds it, too
	<-late.answered
	if late.err != nil {
		e.patience = patience
		return sent, cmp.Or(failure, brief(late.err))
	}
	e.patience = 2 * late.took
	if dropped {
		failure = cmp.Or(failure, fmt.Errorf("the receiver took %v to answer: what was left is dropped, the next push waits longer", late.took.Round(time.Millisecond)))
	}
	return sent, failure
}

// delivery is a batch on its way.
type delivery struct {
	answered chan struct{} // closed
	took     time.Duration // once it is answered
	err      error         // once it is answered
}

func (e *metricExporter) send(ctx context.Context, batch *metricdata.ResourceMetrics) *delivery {
	d := &delivery{answered: make(chan struct{})}
	go func() {
		defer close(d.answered)
		ctx, cancel := context.WithTimeout(ctx, e.timeout)
		defer cancel()
		began := time.Now()
		d.err = e.Exporter.Export(ctx, batch)
		d.took = time.Since(began)
	}()
	return d
}

// within tells whether the delivery is answered before a time is over.
func (d *delivery) within(limit time.Duration) bool {
	select {
	case <-d.answered:
		return true
	case <-time.After(limit):
		return false
	}
}
