package instrument_test

import (
	"fmt"
	"runtime"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelcoder/otelcoder/instrument"
)

// TestExemplarsTakeNoMoreRoomThanThereAre checks that collected series hold memory only for
// their exemplars, here for one bucket of 12. So must the gauges that are collected next,
// since they have hundreds of thousands of series in a deployment.
func TestExemplarsTakeNoMoreRoomThanThereAre(t *testing.T) {
	p, r := providers()
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled})
	h, err := p.Histogram(instrument.APIRequestLatencies)
	if err != nil {
		t.Fatal(err)
	}
	h.Record(trace.ContextWithSpanContext(t.Context(), span), 0.2, instrument.Documented.Labels(instrument.APIRequestLatencies, instrument.APIRequest{Method: "GET", Path: "/traced"}))
	h.Record(t.Context(), 0.2, instrument.Documented.Labels(instrument.APIRequestLatencies, instrument.APIRequest{Method: "GET", Path: "/untraced"}))
	_, err = p.Observe(func(o instrument.Observer) {
		for i := range 1_000 {
			o.Observe(instrument.AgentsUp, instrument.Documented.Labels(instrument.AgentsUp, instrument.WorkspaceAgents{TemplateName: "docker", Username: "ann", WorkspaceName: fmt.Sprint(i)}), 1)
		}
	}, instrument.AgentsUp)
	if err != nil {
		t.Fatal(err)
	}

	kept, room := 0, 0
	for _, p := range r.collect(t, instrument.Process)["coderd_api_request_latencies_seconds"].Data.(metricdata.Histogram[float64]).DataPoints {
		kept += len(p.Exemplars)
		room += cap(p.Exemplars)
	}
	if kept != 1 || room != 1 {
		t.Errorf("the histogram has %d exemplars with a capacity of %d, want 1 and 1", kept, room)
	}
	room = 0
	points := r.collect(t, instrument.Deployment)["coderd_agents_up"].Data.(metricdata.Gauge[float64]).DataPoints
	for _, p := range points {
		room += cap(p.Exemplars)
	}
	if len(points) != 1_000 || room > 1_000 {
		t.Errorf("%d gauges have a capacity of %d exemplars, want 1000 gauges, at most 1000", len(points), room)
	}
}

// TestASeriesWithoutExemplarsIsSmall checks that an untraced series allocates no memory for
// exemplars, which would need 2.9 KB.
func TestASeriesWithoutExemplarsIsSmall(t *testing.T) {
	p, r := providers()
	h, err := p.Histogram(instrument.APIRequestLatencies)
	if err != nil {
		t.Fatal(err)
	}
	const series = 1_000
	labels := make([]instrument.Labels, series)
	for i := range labels {
		labels[i] = instrument.Documented.Labels(instrument.APIRequestLatencies, instrument.APIRequest{Method: "GET", Path: fmt.Sprint("/", i)})
	}
	before := held()
	for i := range labels {
		h.Record(t.Context(), 0.2, labels[i])
	}
	each := (held() - before) / series
	if each > 1_000 {
		t.Errorf("a series needs %d bytes, want at most 1000", each)
	}
	t.Logf("a series needs %d bytes", each)
	runtime.KeepAlive(r)
}

// held returns the bytes of the live heap.
func held() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
