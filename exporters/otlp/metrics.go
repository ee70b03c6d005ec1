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

// Metrics returns an option that pushes the families of an [exporters.Exporter] every
// OTEL_METRIC_EXPORT_INTERVAL (default: one minute) and at its Shutdown. It returns nil
// if metrics are not pushed.
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
		// OTEL_METRIC_EXPORT_TIMEOUT applies to each batch, so that a slow
		// receiver gets all batches.
		options := []sdk.PeriodicReaderOption{sdk.WithTimeout(time.Hour), sdk.WithInterval(exportInterval())}
		if c.Producer != nil {
			options = append(options, sdk.WithProducer(c.Producer))
		}
		if c.Gatherer != nil {
			options = append(options, sdk.WithProducer(bridge.NewMetricProducer(bridge.WithGatherer(c.Gatherer))))
		}
		return sdk.NewPeriodicReader(&metricExporter{
			Exporter:  exporter,
			idle:      p.metrics.idle,
			reader:    c,
			resource:  p.resources[c.Group],
			outage:    outage,
			timeout:   exportTimeout(),
			dropAfter: defaultDropAfter,
		}, options...), nil
	})
}

func (t *target) metricExporter() (sdk.Exporter, error) {
	if t.exporter != nil {
		return t.exporter, nil
	}
	ctx := context.Background() // not used: neither exporter connects here
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

// sharedExporter is an exporter that several readers share.
type sharedExporter struct {
	sdk.Exporter
	exporting chan struct{} // holds a token during an export
	readers   atomic.Int32  // readers that are not shut down
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

// Shutdown shuts the exporter down when the last reader calls it.
func (e *sharedExporter) Shutdown(ctx context.Context) error {
	if e.readers.Add(-1) > 0 {
		return nil
	}
	return e.Exporter.Shutdown(ctx)
}

// defaultDropAfter is how long the rest of a collection is kept while the receiver does
// not answer. A working receiver answers in a fraction of it. A collection is large,
// and keeps labels in memory that would otherwise be freed.
const defaultDropAfter = 3 * time.Second

// metricExporter exports the collections of one reader.
type metricExporter struct {
	sdk.Exporter
	idle      *http.Client // client to close idle connections of, or nil
	reader    exporters.ReaderConfig
	resource  *resource.Resource
	outage    *outage
	timeout   time.Duration // of a batch
	dropAfter time.Duration // longer after a slow answer
}

// Temporality returns cumulative temporality, so that the next push replaces a failed
// one.
func (e *metricExporter) Temporality(sdk.InstrumentKind) metricdata.Temporality {
	return metricdata.CumulativeTemporality
}

// Shutdown shuts the exporter down and closes its idle connections.
func (e *metricExporter) Shutdown(ctx context.Context) error {
	if e.idle != nil {
		defer e.idle.CloseIdleConnections()
	}
	return e.Exporter.Shutdown(ctx)
}

// Export pushes a collection in batches and counts it as one export. It returns no
// error: the reader would pass each to the global OpenTelemetry error handler, which
// prints it.
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

// push sends the batches of a collection in sequence. It returns how many it tried to
// send, and the first failure. After a refused batch it continues. It drops the rest if
// refusals together take the timeout of a batch, or if a batch is not answered in time:
// the next collection has all values.
func (e *metricExporter) push(ctx context.Context, collected *metricdata.ResourceMetrics) (sent int, failure error) {
	remaining := e.timeout
	var late *delivery
	var dropped bool
	for batch, more := range batches(collected) {
		// Another replica may have become the reporter: a push can take long, and
		// the process can be suspended during it.
		if remaining <= 0 || ctx.Err() != nil || !e.reader.Reports() {
			break
		}
		// Replace the provider's resource, which has all of OTEL_RESOURCE_ATTRIBUTES.
		batch.Resource = e.resource
		sent++
		d := e.send(ctx, batch)
		if !d.answeredWithin(e.dropAfter) {
			late, dropped = d, more
			break
		}
		if d.err != nil {
			failure = cmp.Or(failure, brief(d.err))
			remaining -= d.took
		}
	}
	if late == nil {
		return sent, failure
	}
	*collected = metricdata.ResourceMetrics{} // the reader refers to it, too
	<-late.answered
	if late.err != nil {
		e.dropAfter = defaultDropAfter
		return sent, cmp.Or(failure, brief(late.err))
	}
	e.dropAfter = 2 * late.took
	if dropped {
		failure = cmp.Or(failure, fmt.Errorf("the receiver took %v to answer: the rest is dropped, the next push waits longer", late.took.Round(time.Millisecond)))
	}
	return sent, failure
}

// delivery is a batch in flight.
type delivery struct {
	answered chan struct{} // closed when took and err are set
	took     time.Duration
	err      error
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

// answeredWithin reports whether the delivery is answered within limit.
func (d *delivery) answeredWithin(limit time.Duration) bool {
	select {
	case <-d.answered:
		return true
	case <-time.After(limit):
		return false
	}
}
