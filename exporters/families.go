package exporters

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// oneByOne gathers the families of a meter provider one after the other. What a
// family takes on its way through the OpenTelemetry exporter and the registry is
// several times its text: of each it is free before the next one needs it.
type oneByOne struct {
	reader   *sdk.ManualReader    // of the provider
	registry *prometheus.Registry // of an exporter that has nothing but what is produced
	produced []metricdata.ScopeMetrics
}

func newOneByOne() (*oneByOne, error) {
	o := &oneByOne{reader: sdk.NewManualReader(), registry: prometheus.NewRegistry()}
	exporter, err := newScrapeReader(o.registry, otelprometheus.WithProducer(o))
	if err != nil {
		return nil, err
	}
	sdk.NewMeterProvider(sdk.WithReader(exporter)) // an exporter is to have one
	return o, nil
}

// Produce hands the exporter the family that is being gathered.
func (o *oneByOne) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	return o.produced, nil
}

// gather collects the state, and returns its families in the order of their
// names, and what is wrong with each. It is called by one at a time.
func (o *oneByOne) gather() iter.Seq2[[]*dto.MetricFamily, error] {
	return func(yield func([]*dto.MetricFamily, error) bool) {
		var collected metricdata.ResourceMetrics
		err := o.reader.Collect(context.Background(), &collected)
		if err != nil && !errors.Is(err, sdk.ErrReaderShutdown) && !yield(nil, err) {
			return
		}
		var metrics []metricdata.Metrics
		for _, scope := range collected.ScopeMetrics {
			metrics = append(metrics, scope.Metrics...)
		}
		collected = metricdata.ResourceMetrics{}
		slices.SortStableFunc(metrics, func(a, b metricdata.Metrics) int { return cmp.Compare(a.Name, b.Name) })
		for len(metrics) > 0 {
			// More than one only if a host has defined a family twice.
			n := 1
			for n < len(metrics) && metrics[n].Name == metrics[0].Name {
				n++
			}
			for i := range metrics[:n] {
				sortSeries(metrics[i].Data)
			}
			o.produced = []metricdata.ScopeMetrics{{Metrics: metrics[:n]}}
			families, err := o.registry.Gather()
			o.produced = nil
			clear(metrics[:n])
			metrics = metrics[n:]
			if !yield(families, err) {
				return
			}
		}
	}
}

// sortSeries brings series into the order of their labels' values, which is what
// the registry brings them into. It compares them label by label, through four
// pointers each, and of 1,000,000 series that was half of what rendering cost;
// series in order already it only looks through.
func sortSeries(data metricdata.Aggregation) {
	switch data := data.(type) {
	case metricdata.Gauge[float64]:
		sortPoints(data.DataPoints, func(p metricdata.DataPoint[float64]) attribute.Set { return p.Attributes })
	case metricdata.Sum[float64]:
		sortPoints(data.DataPoints, func(p metricdata.DataPoint[float64]) attribute.Set { return p.Attributes })
	case metricdata.Histogram[float64]:
		sortPoints(data.DataPoints, func(p metricdata.HistogramDataPoint[float64]) attribute.Set { return p.Attributes })
	}
}

func sortPoints[P any](points []P, attributes func(P) attribute.Set) {
	type keyed struct {
		key string // the values of the labels
		at  int
	}
	order := make([]keyed, len(points))
	var keys strings.Builder // of several points: one piece of memory
	for i, p := range points {
		set := attributes(p)
		if keys.Cap()-keys.Len() < 1<<10 {
			keys = strings.Builder{}
			keys.Grow(64 << 10)
		}
		start := keys.Len()
		for values := set.Iter(); values.Next(); {
			keys.WriteString(values.Attribute().Value.AsString())
			keys.WriteByte(0) // less than what a value has
		}
		order[i] = keyed{keys.String()[start:], i}
	}
	slices.SortFunc(order, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	sorted := make([]P, len(points))
	for i, k := range order {
		sorted[i] = points[k.at]
	}
	copy(points, sorted)
}
