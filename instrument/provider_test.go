package instrument_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcoder/otelcoder/instrument"
)

const hostScope = "example.org/host"

// host is a program with its own meter provider, which a Prometheus exporter and a manual
// reader read.
type host struct {
	provider *sdk.MeterProvider
	reader   *sdk.ManualReader
	registry *prometheus.Registry
}

func newHost(t *testing.T, options ...sdk.Option) host {
	t.Helper()
	h := host{reader: sdk.NewManualReader(), registry: prometheus.NewRegistry()}
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(h.registry))
	if err != nil {
		t.Fatal(err)
	}
	options = append(options, sdk.WithReader(h.reader), sdk.WithReader(exporter))
	h.provider = sdk.NewMeterProvider(options...)
	t.Cleanup(func() { h.provider.Shutdown(context.WithoutCancel(t.Context())) })
	return h
}

// providers returns the host's provider for all groups.
func (h host) providers() instrument.Providers {
	return instrument.Providers{Deployment: h.provider, Workspaces: h.provider, Process: h.provider}
}

// measure records values on the host's own instruments.
func (h host) measure(t *testing.T) {
	t.Helper()
	meter := h.provider.Meter(hostScope)
	requests, err := meter.Int64Counter("host.requests", metric.WithDescription("Requests."))
	if err != nil {
		t.Fatal(err)
	}
	requests.Add(t.Context(), 2, metric.WithAttributes(attribute.String("any.label", "a")))
	duration, err := meter.Float64Histogram("host.duration", metric.WithUnit("s"))
	if err != nil {
		t.Fatal(err)
	}
	duration.Record(t.Context(), 1)
	up, err := meter.Float64Gauge("host.up")
	if err != nil {
		t.Fatal(err)
	}
	up.Record(t.Context(), 5, metric.WithAttributes(attribute.String("any.label", "a")))
}

// streams returns the streams of a scope by name. It fails the test if a name occurs twice.
func (h host) streams(t *testing.T, scope string) map[string]metricdata.Metrics {
	t.Helper()
	var collected metricdata.ResourceMetrics
	if err := h.reader.Collect(t.Context(), &collected); err != nil {
		t.Fatal(err)
	}
	streams := map[string]metricdata.Metrics{}
	for _, s := range collected.ScopeMetrics {
		if s.Scope.Name != scope {
			continue
		}
		for _, m := range s.Metrics {
			if _, twice := streams[m.Name]; twice {
				t.Errorf("stream %s occurs twice", m.Name)
			}
			streams[m.Name] = m
		}
	}
	return streams
}

// families gathers the Prometheus families.
func (h host) families(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	gathered, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	families := make(map[string]*dto.MetricFamily)
	for _, f := range gathered {
		families[f.GetName()] = f
	}
	return families
}

// documented returns the families of the contract that have instruments.
func documented(t *testing.T) []row {
	t.Helper()
	all := slices.Concat(contract(t, "catalogue.tsv"), contract(t, "health.tsv"))
	return slices.DeleteFunc(all, func(r row) bool { return r.origin == "runtime" })
}

// TestProviderOptions checks that families on a host's provider with its own views have
// their documented names, help texts, labels and buckets, and that the options do not change
// the host's instruments.
func TestProviderOptions(t *testing.T) {
	boundaries := []float64{1, 2}
	own := sdk.WithView(sdk.NewView(
		sdk.Instrument{Name: "host.*", Kind: sdk.InstrumentKindHistogram},
		sdk.Stream{Aggregation: sdk.AggregationExplicitBucketHistogram{Boundaries: boundaries}},
	))
	h := newHost(t, append(instrument.Documented.ProviderOptions(), own)...)
	without := newHost(t, own)
	for f := range instrument.Documented.All() {
		if instrument.Documented.Info(f).Origin != instrument.Runtime {
			measureFamily(t, h.providers(), f)
		}
	}
	h.measure(t)
	without.measure(t)

	streams, families := h.streams(t, instrument.ScopeName), h.families(t)
	for _, want := range documented(t) {
		m, ok := streams[want.name]
		if !ok {
			t.Errorf("%s is not read", want.name)
			continue
		}
		delete(streams, want.name)
		typ, labels, buckets := dataOf(t, m)
		if got := (row{m.Name, typ, labels, buckets, want.scope, want.origin, m.Description}); got != want {
			t.Errorf("\n got %+v\nwant %+v", got, want)
		}
		f := families[want.name]
		if f == nil {
			t.Errorf("%s is not scraped", want.name)
			continue
		}
		if got := describeFamily(f); got != [...]string{want.typ, want.labels, want.buckets, want.help} {
			t.Errorf("%s is scraped as %q, want %+v", want.name, got, want)
		}
	}
	for name := range streams {
		t.Errorf("%s is read but is not documented", name)
	}

	got, want := h.streams(t, hostScope), without.streams(t, hostScope)
	if len(got) != 3 || len(want) != 3 {
		t.Errorf("got the host's streams %v, without the options %v, want 3 each", got, want)
	}
	for name, m := range want {
		if a, b := shown(got[name]), shown(m); a != b {
			t.Errorf("got the host's stream\n%s\nwant it as without the options\n%s", a, b)
		}
	}
	for name, f := range without.families(t) {
		if got := families[name].String(); got != f.String() {
			t.Errorf("got the host's family\n%s\nwant it as without the options\n%s", got, f)
		}
	}
}

// shown formats a stream without its times.
func shown(m metricdata.Metrics) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %q %q", m.Name, m.Description, m.Unit)
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			fmt.Fprint(&text, " ", data.IsMonotonic, p.Attributes.Encoded(attribute.DefaultEncoder()), p.Value)
		}
	case metricdata.Gauge[float64]:
		for _, p := range data.DataPoints {
			fmt.Fprint(&text, " ", p.Attributes.Encoded(attribute.DefaultEncoder()), p.Value)
		}
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			fmt.Fprint(&text, " ", p.Bounds, p.BucketCounts, p.Min, p.Max, p.Sum)
		}
	default:
		fmt.Fprintf(&text, " %T", data)
	}
	return text.String()
}

// describeFamily returns type, labels, buckets and help text of a family with one series,
// without the labels of its scope.
func describeFamily(f *dto.MetricFamily) [4]string {
	var labels []string
	for _, l := range f.Metric[0].Label {
		if !strings.HasPrefix(l.GetName(), "otel_scope_") {
			labels = append(labels, l.GetName())
		}
	}
	var bounds []float64
	for _, b := range f.Metric[0].GetHistogram().GetBucket() {
		bounds = append(bounds, b.GetUpperBound())
	}
	return [...]string{strings.ToLower(f.GetType().String()), list(labels), numbers(bounds), f.GetHelp()}
}

// TestProviderOptionsLiftTheLimit checks that the SDK's default cardinality limit does not
// apply to families, neither to observed nor to recorded ones.
func TestProviderOptionsLiftTheLimit(t *testing.T) {
	const series = 2500
	h := newHost(t, instrument.Documented.ProviderOptions()...)
	p := h.providers()
	_, err := p.Observe(func(o instrument.Observer) {
		for i := range series {
			o.Observe(instrument.AgentsUp, instrument.Documented.Labels(instrument.AgentsUp, instrument.WorkspaceAgents{TemplateName: fmt.Sprint(i)}), 1)
		}
	}, instrument.AgentsUp)
	if err != nil {
		t.Fatal(err)
	}
	latencies, err := p.Histogram(instrument.APIRequestLatencies)
	if err != nil {
		t.Fatal(err)
	}
	for i := range series {
		latencies.Record(t.Context(), 1, instrument.Documented.Labels(instrument.APIRequestLatencies, instrument.APIRequest{Path: fmt.Sprint(i)}))
	}
	for _, f := range []instrument.Family{instrument.AgentsUp, instrument.APIRequestLatencies} {
		if got := len(h.families(t)[f.String()].GetMetric()); got != series {
			t.Errorf("%s has %d series, want %d", f, got, series)
		}
	}
}

// TestWildcardViews checks that a host's views that match our instruments may add streams,
// but neither change nor drop the documented ones.
func TestWildcardViews(t *testing.T) {
	const name = "coderd_api_request_latencies_seconds"
	otel := instrument.Documented.Info(instrument.APIRequestLatencies).Instrument
	for test, view := range map[string]struct {
		criteria sdk.Instrument
		mask     sdk.Stream
		want     []string
	}{
		"drops everything": {sdk.Instrument{Name: "*"}, sdk.Stream{Aggregation: sdk.AggregationDrop{}}, []string{name}},
		"other buckets": {
			sdk.Instrument{Kind: sdk.InstrumentKindHistogram},
			sdk.Stream{Aggregation: sdk.AggregationExplicitBucketHistogram{Boundaries: []float64{1}}},
			[]string{otel, name},
		},
		"no labels": {sdk.Instrument{Name: "*"}, sdk.Stream{AttributeFilter: attribute.NewAllowKeysFilter()}, []string{otel, name}},
		"of the host's scope": {
			sdk.Instrument{Name: "*", Scope: instrumentation.Scope{Name: hostScope}},
			sdk.Stream{Aggregation: sdk.AggregationDrop{}},
			[]string{name},
		},
	} {
		t.Run(test, func(t *testing.T) {
			h := newHost(t, append(instrument.Documented.ProviderOptions(), sdk.WithView(sdk.NewView(view.criteria, view.mask)))...)
			latencies, err := h.providers().Histogram(instrument.APIRequestLatencies)
			if err != nil {
				t.Fatal(err)
			}
			latencies.Record(t.Context(), 1, instrument.Documented.Labels(instrument.APIRequestLatencies, instrument.APIRequest{Method: "GET", Path: "/"}))
			streams := h.streams(t, instrument.ScopeName)
			var got []string
			for name := range streams {
				got = append(got, name)
			}
			slices.Sort(got)
			slices.Sort(view.want)
			if !slices.Equal(got, view.want) {
				t.Errorf("streams %q, want %q", got, view.want)
			}
			point := streams[name].Data.(metricdata.Histogram[float64]).DataPoints[0]
			if point.Attributes.Len() != 2 || len(point.Bounds) != 11 {
				t.Errorf("the documented stream has the labels %v and the bounds %v, want 2 and 11", point.Attributes.ToSlice(), point.Bounds)
			}
		})
	}
}

// TestOverflowOnAHostsProvider checks that a host can set a limit again, and that the series
// past it are folded into one with the label of the SDK.
func TestOverflowOnAHostsProvider(t *testing.T) {
	h := newHost(t, append(instrument.Documented.ProviderOptions(), sdk.WithCardinalityLimit(10))...)
	_, err := h.providers().Observe(func(o instrument.Observer) {
		for i := range 20 {
			o.Observe(instrument.AgentsUp, instrument.Documented.Labels(instrument.AgentsUp, instrument.WorkspaceAgents{TemplateName: fmt.Sprint(i)}), 1)
		}
	}, instrument.AgentsUp)
	if err != nil {
		t.Fatal(err)
	}
	folded := 0
	series := h.families(t)["coderd_agents_up"].GetMetric()
	for _, m := range series {
		for _, l := range m.Label {
			if l.GetName() == "otel_metric_overflow" && l.GetValue() == "true" {
				folded++
			}
		}
	}
	if len(series) != 10 || folded != 1 {
		t.Errorf("%d series, %d of them for folded ones, want 10 and 1", len(series), folded)
	}
}
