package instrument_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcoder/otelcoder/instrument"
)

// readers has a reader for the provider of each group.
type readers map[instrument.Group]*sdk.ManualReader

func providers() (instrument.Providers, readers) {
	r := readers{}
	provider := func(g instrument.Group) metric.MeterProvider {
		r[g] = sdk.NewManualReader()
		return sdk.NewMeterProvider(sdk.WithReader(r[g]), sdk.WithView(instrument.Documented.View(g)))
	}
	return instrument.Providers{
		Deployment: provider(instrument.Deployment),
		Workspaces: provider(instrument.Workspaces),
		Process:    provider(instrument.Process),
	}, r
}

// collect returns the streams of a group by name.
func (r readers) collect(t *testing.T, g instrument.Group) map[string]metricdata.Metrics {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := r[g].Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	streams := map[string]metricdata.Metrics{}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			if _, twice := streams[m.Name]; twice {
				t.Errorf("%s is collected twice", m.Name)
			}
			streams[m.Name] = m
		}
	}
	return streams
}

// TestView measures every family that has an instrument, and compares each provider's
// streams with the contract.
func TestView(t *testing.T) {
	for name, measure := range map[string]func(*testing.T, instrument.Providers, instrument.Family){
		"documented labels": measureFamily,
		"a label too many":  measureWithALabelTooMany,
	} {
		t.Run(name, func(t *testing.T) {
			p, r := providers()
			for f := range instrument.Documented.All() {
				if instrument.Documented.Info(f).Origin != instrument.Runtime {
					measure(t, p, f)
				}
			}
			wantContract(t, r)
		})
	}
}

func measureFamily(t *testing.T, p instrument.Providers, f instrument.Family) {
	labels := instrument.Documented.Labels(f, instrument.Documented.Info(f).Measured)
	if f.Type() == instrument.Histogram {
		h, err := p.Histogram(f)
		if err != nil {
			t.Fatal(err)
		}
		h.Record(t.Context(), 1, labels)
		return
	}
	_, err := p.Observe(func(o instrument.Observer) { o.Observe(f, labels, 1) }, f)
	if err != nil {
		t.Fatal(err)
	}
}

// measureWithALabelTooMany measures counters and gauges with an undocumented label, through
// the API of OpenTelemetry. Histograms get no such label, since theirs are not filtered.
func measureWithALabelTooMany(t *testing.T, p instrument.Providers, f instrument.Family) {
	info := instrument.Documented.Info(f)
	provider := map[instrument.Group]metric.MeterProvider{
		instrument.Deployment: p.Deployment,
		instrument.Workspaces: p.Workspaces,
		instrument.Process:    p.Process,
	}[info.Group]
	attributes := []attribute.KeyValue{attribute.String("undocumented", "")}
	for _, label := range info.Labels {
		attributes = append(attributes, attribute.String(label, ""))
	}
	labels := metric.WithAttributes(attributes...)
	meter := provider.Meter(instrument.ScopeName)
	switch info.Type {
	case instrument.Counter:
		counter, err := meter.Float64Counter(info.Instrument)
		if err != nil {
			t.Fatal(err)
		}
		counter.Add(t.Context(), 1, labels)
	case instrument.Gauge:
		gauge, err := meter.Float64Gauge(info.Instrument)
		if err != nil {
			t.Fatal(err)
		}
		gauge.Record(t.Context(), 1, labels)
	default:
		measureFamily(t, p, f)
	}
}

// wantContract fails the test unless each provider has exactly the contract's families of
// its group.
func wantContract(t *testing.T, r readers) {
	t.Helper()
	replica := r.collect(t, instrument.Process)
	maps.Copy(replica, r.collect(t, instrument.Workspaces))
	collected := map[string]map[string]metricdata.Metrics{
		"deployment": r.collect(t, instrument.Deployment),
		"replica":    replica,
	}
	for _, want := range slices.Concat(contract(t, "catalogue.tsv"), contract(t, "health.tsv")) {
		if want.origin == "runtime" {
			continue
		}
		m, ok := collected[want.scope][want.name]
		if !ok {
			t.Errorf("the %s scope lacks %s", want.scope, want.name)
			continue
		}
		delete(collected[want.scope], want.name)
		typ, labels, buckets := dataOf(t, m)
		got := row{m.Name, typ, labels, buckets, want.scope, want.origin, m.Description}
		if got != want {
			t.Errorf("\n got %+v\nwant %+v", got, want)
		}
		f, _ := instrument.Documented.Lookup(want.name)
		if unit := instrument.Documented.Info(f).Unit; m.Unit != unit {
			t.Errorf("%s: unit %q, want %q", want.name, m.Unit, unit)
		}
	}
	for scope, rest := range collected {
		for name := range maps.Keys(rest) {
			t.Errorf("%s is not a family of the %s scope", name, scope)
		}
	}
}

// dataOf returns type, labels and buckets of a stream. It expects one series whose value, or
// number of observations, is 1.
func dataOf(t *testing.T, m metricdata.Metrics) (typ, labels, buckets string) {
	t.Helper()
	var series attribute.Set
	var value float64
	switch data := m.Data.(type) {
	case metricdata.Sum[float64]:
		typ = "counter"
		if !data.IsMonotonic || data.Temporality != metricdata.CumulativeTemporality {
			t.Errorf("%s is not a cumulative monotonic sum", m.Name)
		}
		series, value = data.DataPoints[0].Attributes, data.DataPoints[0].Value
	case metricdata.Gauge[float64]:
		typ = "gauge"
		series, value = data.DataPoints[0].Attributes, data.DataPoints[0].Value
	case metricdata.Histogram[float64]:
		typ = "histogram"
		series, value = data.DataPoints[0].Attributes, float64(data.DataPoints[0].Count)
		buckets = numbers(data.DataPoints[0].Bounds)
	default:
		t.Fatalf("%s has the unexpected type %T", m.Name, m.Data)
	}
	if value != 1 {
		t.Errorf("%s: got the value %g, want 1", m.Name, value)
	}
	var names []string
	for _, kv := range series.ToSlice() {
		names = append(names, string(kv.Key))
	}
	if buckets == "" {
		buckets = "-"
	}
	return typ, list(names), buckets
}

// TestViewMatchesItsGroup checks that a view matches only the instruments of its group in
// the scope of the catalogue.
func TestViewMatchesItsGroup(t *testing.T) {
	agentsUp := instrument.Documented.Info(instrument.AgentsUp).Instrument
	for _, test := range []struct {
		scope, name string
		group       instrument.Group
		want        string
	}{
		{instrument.ScopeName, agentsUp, instrument.Deployment, "coderd_agents_up"},
		{instrument.ScopeName, agentsUp, instrument.Process, ""},
		{instrument.ScopeName, "jobs", instrument.Deployment, ""},
		{instrument.ScopeName, "coderd_agents_up", instrument.Deployment, ""},
		{"example.org/theirs", agentsUp, instrument.Deployment, ""},
	} {
		i := sdk.Instrument{Name: test.name, Scope: instrumentation.Scope{Name: test.scope}}
		if stream, ok := instrument.Documented.View(test.group)(i); stream.Name != test.want || ok != (test.want != "") {
			t.Errorf("%s of the scope %s in the %s group: got %q, %t, want %q", test.name, test.scope, test.group, stream.Name, ok, test.want)
		}
	}
}

// TestViewCountsBuckets checks that an observation is counted in the documented bucket,
// whose upper bound is inclusive.
func TestViewCountsBuckets(t *testing.T) {
	p, r := providers()
	h, err := p.Histogram(instrument.APIWebsocketDurations)
	if err != nil {
		t.Fatal(err)
	}
	for _, seconds := range []float64{0, 0.001, 0.5, 61, 3600, 200000} {
		h.Record(t.Context(), seconds, instrument.Documented.Labels(instrument.APIWebsocketDurations, instrument.APIRequest{Path: "/ws"}))
	}
	m := r.collect(t, instrument.Process)["coderd_api_websocket_durations_seconds"]
	point := m.Data.(metricdata.Histogram[float64]).DataPoints[0]
	if want := []uint64{2, 1, 0, 2, 0, 0, 1}; !reflect.DeepEqual(point.BucketCounts, want) {
		t.Errorf("bucket counts %v, want %v", point.BucketCounts, want)
	}
	if point.Sum != 203661.501 {
		t.Errorf("sum %v, want 203661.501", point.Sum)
	}
}
