package exporters

import (
	"hash/maphash"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// TestState checks that states are equal if and only if the text is equal.
func TestState(t *testing.T) {
	now := time.Now()
	point := func(label string, value float64) metricdata.DataPoint[float64] {
		return metricdata.DataPoint[float64]{Attributes: attribute.NewSet(attribute.String("label", label)), Value: value}
	}
	gauge := func(points ...metricdata.DataPoint[float64]) family {
		return family{"f", []metricdata.Metrics{{Name: "f", Data: metricdata.Gauge[float64]{DataPoints: points}}}}
	}
	histogram := func(sum float64, buckets []uint64, exemplars ...metricdata.Exemplar[float64]) family {
		return family{"f", []metricdata.Metrics{{Name: "f", Data: metricdata.Histogram[float64]{
			DataPoints: []metricdata.HistogramDataPoint[float64]{{Sum: sum, BucketCounts: buckets, Exemplars: exemplars}},
		}}}}
	}
	sum := family{"f", []metricdata.Metrics{{Name: "f", Data: metricdata.Sum[float64]{
		IsMonotonic: true, DataPoints: []metricdata.DataPoint[float64]{point("a", 1), point("b", 2)},
	}}}}
	bounds := histogram(1, []uint64{1, 0})
	bounds.metrics[0].Data.(metricdata.Histogram[float64]).DataPoints[0].Bounds = []float64{5}
	exemplar := metricdata.Exemplar[float64]{Time: now, Value: 1, SpanID: []byte("span"), TraceID: []byte("trace")}
	later := exemplar
	later.Time = now.Add(time.Millisecond)
	other := exemplar
	other.SpanID = []byte("naps")

	seed := maphash.MakeSeed()
	base := gauge(point("a", 1), point("b", 2))
	if got, want := gauge(point("b", 2), point("a", 1)).state(seed), base.state(seed); got != want {
		t.Error("the order of points changes the state")
	}
	described := gauge(point("a", 1), point("b", 2))
	described.metrics[0].Description = "help"
	states := make(map[uint64]string)
	for name, f := range map[string]family{
		"base":             base,
		"help":             described,
		"counter":          sum,
		"bounds":           bounds,
		"nothing":          gauge(),
		"fewer":            gauge(point("a", 1)),
		"value":            gauge(point("a", 1), point("b", 3)),
		"values exchanged": gauge(point("a", 2), point("b", 1)),
		"label":            gauge(point("a", 1), point("c", 2)),
		"twice":            gauge(point("a", 1), point("a", 1), point("b", 2)),
		"histogram":        histogram(1, []uint64{1, 0}),
		"bucket":           histogram(1, []uint64{0, 1}),
		"sum":              histogram(2, []uint64{1, 0}),
		"exemplar":         histogram(1, []uint64{1, 0}, exemplar),
		"later exemplar":   histogram(1, []uint64{1, 0}, later),
		"other span":       histogram(1, []uint64{1, 0}, other),
	} {
		state := f.state(seed)
		if same, ok := states[state]; ok {
			t.Errorf("%s and %s have the same state", name, same)
		}
		if state == 0 {
			t.Errorf("%s: the state is not known", name)
		}
		states[state] = name
	}
	for name, f := range map[string]family{
		"two metrics": {"f", append(base.metrics, described.metrics...)},
		"int64":       {"f", []metricdata.Metrics{{Name: "f", Data: metricdata.Gauge[int64]{}}}},
	} {
		if state := f.state(seed); state != 0 {
			t.Errorf("%s: state %d, want none", name, state)
		}
	}
}
