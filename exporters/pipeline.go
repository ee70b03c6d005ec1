package exporters

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcoder/otelcoder/exporters/internal/render"
)

// A scrape has four stages:
//
//	collect   instruments        -> family            OpenTelemetry data points
//	convert   family             -> dto.MetricFamily  series, by the OpenTelemetry exporter
//	encode    dto.MetricFamily   -> render.Rendering  plain and compressed text
//	answer    render.Rendering   -> HTTP, in handler.go
//
// The first three run in the background for groups with a cache, otherwise for each
// scrape. Errors and panics leave out the affected families.

// family is a collected metric family.
type family struct {
	name    string
	metrics []metricdata.Metrics // several only if a host defines a family twice
}

// read reads the streams of the group. It counts streams above the cardinality limit.
func (g *group) read(ctx context.Context) []metricdata.ScopeMetrics {
	var collected metricdata.ResourceMetrics
	g.try(func() error {
		err := g.reader.Collect(ctx, &collected)
		if errors.Is(err, sdk.ErrReaderShutdown) || ctx.Err() != nil {
			return nil
		}
		return err
	})
	for _, scope := range collected.ScopeMetrics {
		for _, m := range scope.Metrics {
			if hasOverflow(m.Data) {
				g.exporter.refusals.overflow(m.Name)
			}
		}
	}
	return collected.ScopeMetrics
}

// collect collects the families of the group, sorted by name.
func (g *group) collect(ctx context.Context) []family {
	var metrics []metricdata.Metrics
	for _, scope := range g.read(ctx) {
		metrics = append(metrics, scope.Metrics...)
	}
	slices.SortStableFunc(metrics, func(a, b metricdata.Metrics) int { return cmp.Compare(a.Name, b.Name) })
	var families []family
	for len(metrics) > 0 {
		n := 1
		for n < len(metrics) && metrics[n].Name == metrics[0].Name {
			n++
		}
		families = append(families, family{metrics[0].Name, metrics[:n]})
		metrics = metrics[n:]
	}
	return families
}

// converter converts metrics to series with an OpenTelemetry Prometheus exporter, which
// it feeds as a producer.
type converter struct {
	registry registry

	mu     sync.Mutex // held during a conversion
	scopes []metricdata.ScopeMetrics

	// Reused by convertSorted, for at most pieceSize series.
	series chan prometheus.Metric
	piece  []*dto.Metric
}

// registry is a registry that keeps its only collector, the exporter.
type registry struct {
	*prometheus.Registry
	exporter prometheus.Collector
}

// Register implements [prometheus.Registerer].
func (r *registry) Register(c prometheus.Collector) error {
	r.exporter = c
	return r.Registry.Register(c)
}

func newConverter(options ...otelprometheus.Option) (*converter, error) {
	c := &converter{
		registry: registry{Registry: prometheus.NewRegistry()},
		series:   make(chan prometheus.Metric, pieceSize),
	}
	exporter, err := otelprometheus.New(append(options,
		otelprometheus.WithRegisterer(&c.registry),
		otelprometheus.WithProducer(c),
		otelprometheus.WithoutTargetInfo(),
	)...)
	if err != nil {
		return nil, err
	}
	sdk.NewMeterProvider(sdk.WithReader(exporter)) // the exporter needs a provider
	return c, nil
}

// Produce implements [sdk.Producer]. The exporter calls it.
func (c *converter) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	return c.scopes, nil
}

// convert converts streams to families. Series that cannot be converted are left
// out, with an error.
func (c *converter) convert(scopes []metricdata.ScopeMetrics) ([]*dto.MetricFamily, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scopes = scopes
	defer func() { c.scopes = nil }()
	return c.registry.Gather()
}

// convertSorted converts a metric with unique points sorted by labels. It is faster than
// convert, since the registry would check and sort the series again. The series are
// valid until the next conversion.
func (c *converter) convertSorted(m metricdata.Metrics) (*dto.MetricFamily, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scopes = []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{m}}}
	defer func() { c.scopes = nil }()
	go func() {
		err := try(func() error {
			c.registry.exporter.Collect(c.series)
			return nil
		})
		if err != nil {
			c.series <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
		}
		c.series <- nil
	}()
	n := 0
	var omitted omissions
	s := <-c.series
	defer func() {
		for s != nil { // after a panic of Write, so that the goroutine ends
			s = <-c.series
		}
	}()
	for ; s != nil; s = <-c.series {
		if n == len(c.piece) {
			c.piece = append(c.piece, new(dto.Metric))
		}
		c.piece[n].Reset()
		if err := s.Write(c.piece[n]); err != nil {
			omitted.add(err)
			continue
		}
		n++
	}
	return &dto.MetricFamily{Name: &m.Name, Help: &m.Description, Type: typeOf(m), Metric: c.piece[:n]}, omitted.error()
}

// typeOf returns the type of a metric that has points.
func typeOf(m metricdata.Metrics) *dto.MetricType {
	switch data := m.Data.(type) {
	case metricdata.Histogram[float64]:
		return dto.MetricType_HISTOGRAM.Enum()
	case metricdata.Sum[float64]:
		if data.IsMonotonic {
			return dto.MetricType_COUNTER.Enum()
		}
	}
	return dto.MetricType_GAUGE.Enum()
}

// convert converts metrics of the catalogue, like converter.convert.
func (g *group) convert(metrics []metricdata.Metrics) ([]*dto.MetricFamily, error) {
	return g.converter.convert([]metricdata.ScopeMetrics{{Metrics: metrics}})
}

// convertPiece converts a piece of a family. The series are valid until the next
// conversion.
func (g *group) convertPiece(piece []metricdata.Metrics) ([]*dto.MetricFamily, error) {
	if (family{metrics: piece}).points() == nil {
		return g.convert(piece)
	}
	converted, err := g.converter.convertSorted(piece[0])
	if len(converted.Metric) == 0 {
		return nil, err
	}
	return []*dto.MetricFamily{converted}, err
}

// pieceSize is how many points are converted at a time. It bounds the memory, since
// series take several times the memory of their text, and the delay of a cancellation.
// A piece fits into the processor's caches.
const pieceSize = 512

// encodeEach encodes each family as a part. Families with unchanged samples are not
// converted again. It returns early when ctx ends.
func (g *group) encodeEach(ctx context.Context, builders map[format]*render.Builder) {
	defer g.complete()()
	families := g.collect(ctx)
	of := make(map[string]summary, len(families))
	for i, f := range families {
		if ctx.Err() != nil {
			return
		}
		families[i] = family{} // free its memory before the next family
		state := f.state(g.seed)
		var encoders []*encoder
		for format, b := range builders {
			if !b.Reuse(f.name, state) {
				b.Begin(f.name)
				encoders = append(encoders, &encoder{format: format, to: b, text: &g.text, taken: g.exporter.catalogued})
			}
		}
		last, summarized := g.summary(f.name)
		if len(encoders) == 0 {
			if !summarized {
				last = f.summarize(g.exporter.edition)
			}
			of[f.name] = last
			continue
		}
		sum := newSummary(g.exporter.edition, f.name)
		var convertErr error // the first conversion error
		whole := g.try(func() error {
			for piece := range f.pieces(pieceSize) {
				converted, err := g.convertPiece(piece)
				convertErr = cmp.Or(convertErr, err)
				for _, c := range converted {
					sum.addConverted(c)
					for _, e := range encoders {
						e.add(c)
					}
				}
				if ctx.Err() != nil {
					return nil
				}
			}
			return nil
		})
		if ctx.Err() != nil {
			return
		}
		of[f.name] = sum
		if convertErr != nil {
			g.failed(convertErr)
			state = 0 // count the error again next time
		}
		for _, e := range encoders {
			if !whole || !g.try(e.end) {
				e.to.Discard()
				continue
			}
			e.to.Commit(state)
		}
	}
	g.summarize(of)
}

// encodeTogether encodes the selected families as one part: small families compress
// better and faster together.
func (g *group) encodeTogether(ctx context.Context, q query, to *render.Builder) {
	if q.names == nil {
		defer g.complete()()
	}
	g.encodeAll(g.gather(ctx, q), q.format, to)
}

// encodeAll encodes families as one part.
func (g *group) encodeAll(families []*dto.MetricFamily, format format, to *render.Builder) {
	var text bytes.Buffer
	to.Begin("")
	for _, family := range families {
		e := encoder{format: format, to: to, text: &text, taken: g.exporter.catalogued}
		g.try(func() error {
			e.add(family)
			return e.end()
		})
	}
	to.Commit(0)
}

// gather returns the selected families of the instruments and of the additional
// gatherer, sorted by name.
func (g *group) gather(ctx context.Context, q query) []*dto.MetricFamily {
	var metrics []metricdata.Metrics
	of := make(map[string]summary)
	for _, f := range g.collect(ctx) {
		if q.selects(f.name) {
			metrics = append(metrics, f.metrics...)
			of[f.name] = f.summarize(g.exporter.edition)
		}
	}
	var families []*dto.MetricFamily
	g.try(func() error {
		converted, err := g.convert(metrics)
		families = append(families, converted...)
		return err
	})
	g.try(func() error {
		gathered, err := g.extra.Gather()
		for _, f := range gathered {
			if q.selects(f.GetName()) {
				families = append(families, f)
				of[f.GetName()] = summary{series: len(f.Metric)}
			}
		}
		return err
	})
	if q.names == nil && ctx.Err() == nil {
		g.summarize(of)
	}
	slices.SortStableFunc(families, func(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return families
}

// encoder encodes one family in a format.
type encoder struct {
	format format
	to     *render.Builder
	text   *bytes.Buffer // reused
	taken  func(name string) bool

	family *dto.MetricFamily // encoded by end
	begun  bool              // a piece was encoded
	err    error
}

// add encodes a piece of the family, and keeps none of its series. In protobuf a family
// is one message, which end encodes.
func (e *encoder) add(piece *dto.MetricFamily) {
	if e.err != nil {
		return
	}
	if e.format != protobuf {
		e.err = e.encode(piece)
		return
	}
	if e.family == nil {
		e.family = &dto.MetricFamily{Name: piece.Name, Help: piece.Help, Unit: piece.Unit, Type: piece.Type}
	}
	for _, m := range piece.Metric {
		e.family.Metric = append(e.family.Metric, shallowCopy(m))
	}
}

// shallowCopy returns a copy of a series that shares its parts.
func shallowCopy(m *dto.Metric) *dto.Metric {
	return &dto.Metric{
		Label: m.Label, TimestampMs: m.TimestampMs,
		Counter: m.Counter, Gauge: m.Gauge, Untyped: m.Untyped, Summary: m.Summary, Histogram: m.Histogram,
	}
}

// end ends the family.
func (e *encoder) end() error {
	if e.family != nil && e.err == nil {
		e.text = new(bytes.Buffer) // not reused, since the message of a family can be large
		e.err = e.encode(e.family)
	}
	return e.err
}

func (e *encoder) encode(piece *dto.MetricFamily) error {
	if e.begun {
		piece.Help = nil
	}
	e.text.Reset()
	if err := expfmt.NewEncoder(e.text, e.format.unescaped()).Encode(e.format.adapt(piece, e.taken)); err != nil {
		return err
	}
	text := e.text.Bytes()
	if e.begun {
		_, text, _ = bytes.Cut(text, []byte("\n")) // the first piece has the type line
	}
	e.begun = true
	e.to.Write(text)
	return nil
}
