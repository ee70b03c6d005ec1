package exporters

import (
	"errors"
	"slices"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// overflow is the attribute set of the SDK's overflow series.
var overflow = attribute.NewSet(attribute.Bool("otel.metric.overflow", true))

// hasOverflow reports whether data has an overflow series.
func hasOverflow(data metricdata.Aggregation) bool {
	found := false
	filterSeries(data, func(set *attribute.Set) bool {
		found = found || set.Equals(&overflow)
		return true
	})
	return found
}

var errInvalidText = errors.New("series are left out whose labels are not valid UTF-8")

// withValidText removes series and exemplars with invalid UTF-8. It returns an error if
// it has removed a series.
func withValidText(data metricdata.Aggregation) (metricdata.Aggregation, error) {
	var err error
	data = filterSeries(data, func(set *attribute.Set) bool {
		for attributes := set.Iter(); attributes.Next(); {
			if !isValidText(attributes.Attribute()) {
				err = errInvalidText
				return false
			}
		}
		return true
	})
	return data, err
}

func isValidText(a attribute.KeyValue) bool {
	return utf8.ValidString(string(a.Key)) && utf8.ValidString(a.Value.String())
}

// filterSeries removes the series for which keep returns false. It changes data.
func filterSeries(data metricdata.Aggregation, keep func(*attribute.Set) bool) metricdata.Aggregation {
	switch d := data.(type) {
	case metricdata.Gauge[int64]:
		d.DataPoints = filterPoints(d.DataPoints, ofPoint[int64], keep)
		return d
	case metricdata.Gauge[float64]:
		d.DataPoints = filterPoints(d.DataPoints, ofPoint[float64], keep)
		return d
	case metricdata.Sum[int64]:
		d.DataPoints = filterPoints(d.DataPoints, ofPoint[int64], keep)
		return d
	case metricdata.Sum[float64]:
		d.DataPoints = filterPoints(d.DataPoints, ofPoint[float64], keep)
		return d
	case metricdata.Histogram[int64]:
		d.DataPoints = filterPoints(d.DataPoints, ofHistogram[int64], keep)
		return d
	case metricdata.Histogram[float64]:
		d.DataPoints = filterPoints(d.DataPoints, ofHistogram[float64], keep)
		return d
	}
	return data
}

func ofPoint[N int64 | float64](p *metricdata.DataPoint[N]) (*attribute.Set, *[]metricdata.Exemplar[N]) {
	return &p.Attributes, &p.Exemplars
}

func ofHistogram[N int64 | float64](p *metricdata.HistogramDataPoint[N]) (*attribute.Set, *[]metricdata.Exemplar[N]) {
	return &p.Attributes, &p.Exemplars
}

func filterPoints[P any, N int64 | float64](points []P, of func(*P) (*attribute.Set, *[]metricdata.Exemplar[N]), keep func(*attribute.Set) bool) []P {
	kept := 0
	for i := range points {
		set, exemplars := of(&points[i])
		if !keep(set) {
			continue
		}
		if len(*exemplars) > 0 {
			*exemplars = slices.DeleteFunc(*exemplars, func(e metricdata.Exemplar[N]) bool {
				return slices.ContainsFunc(e.FilteredAttributes, func(a attribute.KeyValue) bool { return !isValidText(a) })
			})
		}
		if kept != i {
			points[kept] = points[i]
		}
		kept++
	}
	return points[:kept]
}

// cloned returns a copy of the streams that shares no points with them.
func cloned(scopes []metricdata.ScopeMetrics) []metricdata.ScopeMetrics {
	scopes = slices.Clone(scopes)
	for i := range scopes {
		scopes[i].Metrics = slices.Clone(scopes[i].Metrics)
		for j := range scopes[i].Metrics {
			m := &scopes[i].Metrics[j]
			m.Data = clonedData(m.Data)
		}
	}
	return scopes
}

func clonedData(data metricdata.Aggregation) metricdata.Aggregation {
	switch d := data.(type) {
	case metricdata.Gauge[int64]:
		d.DataPoints = clonedPoints(d.DataPoints, ownPoint[int64])
		return d
	case metricdata.Gauge[float64]:
		d.DataPoints = clonedPoints(d.DataPoints, ownPoint[float64])
		return d
	case metricdata.Sum[int64]:
		d.DataPoints = clonedPoints(d.DataPoints, ownPoint[int64])
		return d
	case metricdata.Sum[float64]:
		d.DataPoints = clonedPoints(d.DataPoints, ownPoint[float64])
		return d
	case metricdata.Histogram[int64]:
		d.DataPoints = clonedPoints(d.DataPoints, ownHistogram[int64])
		return d
	case metricdata.Histogram[float64]:
		d.DataPoints = clonedPoints(d.DataPoints, ownHistogram[float64])
		return d
	}
	return data
}

func clonedPoints[P any](points []P, own func(*P)) []P {
	points = slices.Clone(points)
	for i := range points {
		own(&points[i])
	}
	return points
}

func ownPoint[N int64 | float64](p *metricdata.DataPoint[N]) {
	p.Exemplars = slices.Clone(p.Exemplars)
}

func ownHistogram[N int64 | float64](p *metricdata.HistogramDataPoint[N]) {
	p.BucketCounts, p.Exemplars = slices.Clone(p.BucketCounts), slices.Clone(p.Exemplars)
}
