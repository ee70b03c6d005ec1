package otlp

import (
	"encoding/binary"
	"iter"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// The limits of a batch in bytes. A collector's gRPC receiver refuses messages over
// 4 MiB by default. Much smaller batches are as fast, and a push that hangs keeps less
// in memory: points, labels, and over gRPC a message of five times its wire size.
const (
	maxBatch = 64 << 10
	maxPart  = maxBatch / 8
)

// batches splits a collection into batches of at most about maxBatch bytes on the
// wire. It yields each batch with whether more follow. The SDK's own batches limit
// the number of data points, but label values, such as template parameters, have no
// limit.
func batches(collected *metricdata.ResourceMetrics) iter.Seq2[*metricdata.ResourceMetrics, bool] {
	return func(yield func(*metricdata.ResourceMetrics, bool) bool) {
		var batch metricdata.ResourceMetrics
		size := 0
		for _, scope := range collected.ScopeMetrics {
			for _, metric := range scope.Metrics {
				for part, n := range parts(metric) {
					if size > 0 && size+n > maxBatch {
						if !yield(&batch, true) {
							return
						}
						batch, size = metricdata.ResourceMetrics{}, 0
					}
					add(&batch, scope.Scope, part)
					size += n
				}
			}
		}
		if size > 0 {
			yield(&batch, false)
		}
	}
}

func add(batch *metricdata.ResourceMetrics, scope instrumentation.Scope, metric metricdata.Metrics) {
	last := len(batch.ScopeMetrics) - 1
	if last < 0 || batch.ScopeMetrics[last].Scope != scope {
		batch.ScopeMetrics = append(batch.ScopeMetrics, metricdata.ScopeMetrics{Scope: scope})
		last++
	}
	batch.ScopeMetrics[last].Metrics = append(batch.ScopeMetrics[last].Metrics, metric)
}

// parts splits a metric into parts of at most maxPart bytes or one data point, which
// share no memory. It yields each with an upper bound of its size on the wire. A metric
// of an unknown type is one part.
func parts(m metricdata.Metrics) iter.Seq2[metricdata.Metrics, int] {
	switch data := m.Data.(type) {
	case metricdata.Gauge[float64]:
		return gaugeParts(m, data)
	case metricdata.Gauge[int64]:
		return gaugeParts(m, data)
	case metricdata.Sum[float64]:
		return sumParts(m, data)
	case metricdata.Sum[int64]:
		return sumParts(m, data)
	case metricdata.Histogram[float64]:
		return histogramParts(m, data)
	case metricdata.Histogram[int64]:
		return histogramParts(m, data)
	case metricdata.ExponentialHistogram[float64]: // of a host's gatherer
		return split(m, data.DataPoints, exponentialSize, func(points []metricdata.ExponentialHistogramDataPoint[float64]) metricdata.Aggregation {
			data.DataPoints = points
			return data
		})
	case metricdata.Summary:
		return split(m, data.DataPoints, summarySize, func(points []metricdata.SummaryDataPoint) metricdata.Aggregation {
			return metricdata.Summary{DataPoints: points}
		})
	}
	return func(yield func(metricdata.Metrics, int) bool) { yield(m, maxPart) }
}

func gaugeParts[N int64 | float64](m metricdata.Metrics, data metricdata.Gauge[N]) iter.Seq2[metricdata.Metrics, int] {
	return split(m, data.DataPoints, numberSize, func(points []metricdata.DataPoint[N]) metricdata.Aggregation {
		return metricdata.Gauge[N]{DataPoints: points}
	})
}

func sumParts[N int64 | float64](m metricdata.Metrics, data metricdata.Sum[N]) iter.Seq2[metricdata.Metrics, int] {
	return split(m, data.DataPoints, numberSize, func(points []metricdata.DataPoint[N]) metricdata.Aggregation {
		data.DataPoints = points
		return data
	})
}

func histogramParts[N int64 | float64](m metricdata.Metrics, data metricdata.Histogram[N]) iter.Seq2[metricdata.Metrics, int] {
	return split(m, data.DataPoints, histogramSize, func(points []metricdata.HistogramDataPoint[N]) metricdata.Aggregation {
		data.DataPoints = points
		return data
	})
}

func split[Point any](m metricdata.Metrics, points []Point, sizeOf func(*Point) int, data func([]Point) metricdata.Aggregation) iter.Seq2[metricdata.Metrics, int] {
	return func(yield func(metricdata.Metrics, int) bool) {
		head := overhead + len(m.Name) + len(m.Description) + len(m.Unit)
		begin, size := 0, head
		for i := range points {
			n := sizeOf(&points[i])
			if i > begin && size+n > maxPart {
				m.Data = data(slices.Clone(points[begin:i]))
				if !yield(m, size) {
					return
				}
				begin, size = i, head
			}
			size += n
		}
		if begin < len(points) {
			m.Data = data(slices.Clone(points[begin:]))
			yield(m, size)
		}
	}
}

// Upper bounds of the tags, lengths and fixed fields of a message in bytes.
const (
	overhead          = 64 // of a metric, data point, quantile or exemplar
	attributeOverhead = 20
)

func numberSize[N int64 | float64](p *metricdata.DataPoint[N]) int {
	return overhead + attributesSize(p.Attributes) + exemplarsSize(p.Exemplars)
}

func histogramSize[N int64 | float64](p *metricdata.HistogramDataPoint[N]) int {
	return overhead + attributesSize(p.Attributes) + exemplarsSize(p.Exemplars) + 8*len(p.Bounds) + 8*len(p.BucketCounts)
}

func exponentialSize(p *metricdata.ExponentialHistogramDataPoint[float64]) int {
	buckets := len(p.PositiveBucket.Counts) + len(p.NegativeBucket.Counts)
	return 3*overhead + attributesSize(p.Attributes) + exemplarsSize(p.Exemplars) + binary.MaxVarintLen64*buckets
}

func summarySize(p *metricdata.SummaryDataPoint) int {
	return overhead + attributesSize(p.Attributes) + overhead*len(p.QuantileValues)
}

func exemplarsSize[N int64 | float64](exemplars []metricdata.Exemplar[N]) int {
	size := 0
	for _, e := range exemplars {
		size += overhead
		for _, a := range e.FilteredAttributes {
			size += attributeSize(a)
		}
	}
	return size
}

func attributesSize(set attribute.Set) int {
	size := 0
	for i := range set.Len() {
		a, _ := set.Get(i)
		size += attributeSize(a)
	}
	return size
}

func attributeSize(a attribute.KeyValue) int {
	if a.Value.Type() == attribute.STRING {
		return attributeOverhead + len(a.Key) + len(a.Value.AsString())
	}
	// The factor covers the overhead of an item of a slice, whose text has at least
	// two bytes.
	return attributeOverhead + len(a.Key) + 5*len(a.Value.String())
}
