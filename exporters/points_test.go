package exporters

import (
	"hash/maphash"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/otel/attribute"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// TestConvertSorted checks conversions of different types one after the other, since they
// share memory, then a conversion that panics, and a metric with an invalid series.
func TestConvertSorted(t *testing.T) {
	c, err := newConverter(otelprometheus.WithTranslationStrategy(otlptranslator.NoTranslation), otelprometheus.WithoutScopeInfo())
	if err != nil {
		t.Fatal(err)
	}
	set := func(value string) attribute.Set { return attribute.NewSet(attribute.String("label", value)) }
	points := []metricdata.DataPoint[float64]{{Attributes: set("a"), Value: 1}, {Attributes: set("b"), Value: 2}}
	histogram := metricdata.Histogram[float64]{
		Temporality: metricdata.CumulativeTemporality,
		DataPoints:  []metricdata.HistogramDataPoint[float64]{{Attributes: set("a"), Count: 3, Sum: 4, Bounds: []float64{5}, BucketCounts: []uint64{1, 2}}},
	}
	for _, test := range []struct {
		name string
		data metricdata.Aggregation
		want string
	}{
		{"h", histogram, "# HELP h help\n# TYPE h histogram\n" +
			"h_bucket{label=\"a\",le=\"5.0\"} 1\nh_bucket{label=\"a\",le=\"+Inf\"} 3\nh_sum{label=\"a\"} 4.0\nh_count{label=\"a\"} 3\n"},
		{"g", metricdata.Gauge[float64]{DataPoints: points}, "# HELP g help\n# TYPE g gauge\n" +
			"g{label=\"a\"} 1.0\ng{label=\"b\"} 2.0\n"},
		{"c_total", metricdata.Sum[float64]{IsMonotonic: true, Temporality: metricdata.CumulativeTemporality, DataPoints: points[:1]},
			"# HELP c help\n# TYPE c counter\nc_total{label=\"a\"} 1.0\n"},
		{"h", histogram, "# HELP h help\n# TYPE h histogram\n" +
			"h_bucket{label=\"a\",le=\"5.0\"} 1\nh_bucket{label=\"a\",le=\"+Inf\"} 3\nh_sum{label=\"a\"} 4.0\nh_count{label=\"a\"} 3\n"},
	} {
		family, err := c.convertSorted(metricdata.Metrics{Name: test.name, Description: "help", Data: test.data})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		var text strings.Builder
		if _, err := expfmt.MetricFamilyToOpenMetrics(&text, family); err != nil {
			t.Error(err)
		}
		if text.String() != test.want {
			t.Errorf("%s: got\n%swant\n%s", test.name, text.String(), test.want)
		}
		if _, want := test.data.(metricdata.Histogram[float64]); (family.Metric[0].Histogram != nil) != want {
			t.Errorf("%s: histogram is %v, want one: %t", test.name, family.Metric[0].Histogram, want)
		}
	}
	exporter := c.registry.exporter
	c.registry.exporter = panickingCollector{}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("convertSorted does not pass on the panic of a series")
			}
		}()
		c.convertSorted(metricdata.Metrics{Name: "g", Data: metricdata.Gauge[float64]{}})
	}()
	c.registry.exporter = exporter
	points[0].Attributes = set("invalid \xff")
	family, err := c.convertSorted(metricdata.Metrics{Name: "g", Description: "help", Data: metricdata.Gauge[float64]{DataPoints: points}})
	if len(family.Metric) != 1 || family.Metric[0].Label[0].GetValue() != "b" || err == nil {
		t.Errorf("with an invalid series: got %v and the error %v, want series b and an error", family, err)
	}
}

// panickingCollector collects series that panic.
type panickingCollector struct{ prometheus.Collector }

func (panickingCollector) Collect(series chan<- prometheus.Metric) {
	for range 3 {
		series <- panickingSeries{}
	}
}

type panickingSeries struct{ prometheus.Metric }

// TestState checks that two families have the same state only if their text is equal, and
// that the order of the points does not matter.
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
			t.Errorf("%s: state is 0, which means unknown", name)
		}
		states[state] = name
	}
	for name, f := range map[string]family{
		"two metrics": {"f", append(base.metrics, described.metrics...)},
		"int64":       {"f", []metricdata.Metrics{{Name: "f", Data: metricdata.Gauge[int64]{}}}},
	} {
		if state := f.state(seed); state != 0 {
			t.Errorf("%s: state %d, want 0", name, state)
		}
	}
}
