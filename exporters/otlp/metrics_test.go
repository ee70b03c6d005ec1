package otlp_test

import (
	"context"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/proto/otlp/metrics/v1"
	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/exporters/otlp"
	"github.com/otelcoder/otelcoder/instrument"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newExporter returns an Exporter with the push. Tests flush it instead of waiting.
func newExporter(t *testing.T, push []otlp.Option, options ...exporters.Option) *exporters.Exporter {
	t.Helper()
	p, err := otlp.New(t.Context(), push...)
	if err != nil {
		t.Fatal(err)
	}
	metrics := p.Metrics()
	if metrics == nil {
		t.Fatal("Metrics returned nil: metrics are turned off")
	}
	e, err := exporters.New(append(options, metrics)...)
	if err != nil {
		t.Fatal(err)
	}
	// With an ended context, Shutdown pushes nothing.
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		e.Shutdown(ctx)
	})
	return e
}

// flush pushes all metrics once.
func flush(t *testing.T, e *exporters.Exporter) {
	t.Helper()
	flushGroup(t, e.Providers().Deployment)
	flushGroup(t, e.Providers().Process)
}

func flushGroup(t *testing.T, provider metric.MeterProvider) {
	t.Helper()
	// Without a deadline the SDK limits a flush to the timeout of a push.
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := provider.(interface{ ForceFlush(context.Context) error }).ForceFlush(ctx); err != nil {
		t.Fatal(err)
	}
}

// The labels of the tests.
var (
	dev          = instrument.WorkspaceAgents{TemplateName: "docker", Username: "ann", WorkspaceName: "dev"}
	usersRequest = instrument.APIRequest{Code: 200, Method: "GET", Path: "/api/v2/users"}
)

func parameter(value string) instrument.ParameterUsage {
	return instrument.ParameterUsage{ParameterName: "name", ParameterType: "string", ParameterValue: value, TemplateName: "template"}
}

func observe(t *testing.T, e *exporters.Exporter, f instrument.Family, value float64, m instrument.Measured) {
	t.Helper()
	labels := instrument.Documented.Labels(f, m)
	_, err := e.Providers().Observe(func(o instrument.Observer) { o.Observe(f, labels, value) }, f)
	if err != nil {
		t.Fatal(err)
	}
}

// observeAll observes a value for every family with an instrument.
func observeAll(t *testing.T, e *exporters.Exporter) {
	t.Helper()
	for f := range instrument.Documented.All() {
		info := instrument.Documented.Info(f)
		switch {
		case info.Origin == instrument.OTel && info.Type == instrument.Histogram:
			h, err := e.Providers().Histogram(f)
			if err != nil {
				t.Fatal(err)
			}
			h.Record(t.Context(), 7, instrument.Documented.Labels(f, info.Measured))
		case info.Origin == instrument.OTel, info.Name == "otelcoder_refused_total", strings.HasPrefix(info.Name, "otelcoder_source_"):
			observe(t, e, f, 7, info.Measured)
		}
	}
}

// TestEveryFamilyArrives checks that every family arrives with its documented name, help
// text and labels, and with a unit that does not change its name in a backend.
func TestEveryFamilyArrives(t *testing.T) {
	for _, protocol := range []otlp.Protocol{otlp.HTTP, otlp.GRPC} {
		t.Run(string(protocol), func(t *testing.T) {
			began := time.Now()
			receiver := newReceiver(t, protocol)
			e := newExporter(t, []otlp.Option{otlp.WithEndpoint(receiver.url), otlp.WithProtocol(protocol)})
			observeAll(t, e)
			served := httptest.NewRecorder()
			e.Handler().ServeHTTP(served, httptest.NewRequest("GET", "/", nil))
			flush(t, e)

			byName := receiver.byName(t)
			var lines []string
			for name := range byName {
				lines = append(lines, "\n# TYPE "+name+" ")
			}
			for _, line := range lines {
				if !strings.Contains(served.Body.String(), line) {
					t.Errorf("%q is pushed but not served", line)
				}
			}
			if got := strings.Count(served.Body.String(), "# TYPE "); got != 84 || len(byName) != 84 {
				t.Errorf("%d families are served and %d pushed, want 84", got, len(byName))
			}
			for f := range instrument.Documented.All() {
				metric, info := byName[f.String()], instrument.Documented.Info(f)
				if metric.Metric == nil {
					t.Errorf("%s does not arrive", f)
					continue
				}
				if metric.Description != info.Help || metric.Unit != info.Unit {
					t.Errorf("%s: description %q, unit %q, want %q, %q", f, metric.Description, metric.Unit, info.Help, info.Unit)
				}
				scope := "github.com/otelcoder/otelcoder"
				if info.Origin == instrument.Runtime {
					scope = "go.opentelemetry.io/contrib/bridges/prometheus"
				}
				if metric.scope != scope {
					t.Errorf("%s: scope %q, want %q", f, metric.scope, scope)
				}
				for _, point := range points(t, metric.Metric, info.Type) {
					if got := slices.Sorted(maps.Keys(point.labels)); !slices.Equal(got, info.Labels) {
						t.Errorf("%s: labels %q, want %q", f, got, info.Labels)
					}
					// Backends need the start time to compute rates.
					if start := time.Unix(0, int64(point.start)); info.Type != instrument.Gauge && info.Origin != instrument.Runtime &&
						(start.Before(began) || start.After(time.Now())) {
						t.Errorf("%s: start time %v, want one since %v", f, start, began)
					}
				}
			}
		})
	}
}

type point struct {
	labels map[string]string
	start  uint64
	value  float64
}

// points returns the data points of a metric. It fails the test if the metric has another
// type or is not cumulative.
func points(t *testing.T, m *v1.Metric, want instrument.Type) []point {
	t.Helper()
	var points []point
	number := func(data []*v1.NumberDataPoint) {
		for _, p := range data {
			points = append(points, point{texts(p.Attributes), p.StartTimeUnixNano, p.GetAsDouble()})
		}
	}
	got, cumulative := instrument.Gauge, true
	switch data := m.Data.(type) {
	case *v1.Metric_Gauge:
		number(data.Gauge.DataPoints)
	case *v1.Metric_Sum:
		got = instrument.Counter
		cumulative = data.Sum.IsMonotonic && data.Sum.AggregationTemporality == v1.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
		number(data.Sum.DataPoints)
	case *v1.Metric_Histogram:
		got = instrument.Histogram
		cumulative = data.Histogram.AggregationTemporality == v1.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
		for _, p := range data.Histogram.DataPoints {
			points = append(points, point{texts(p.Attributes), p.StartTimeUnixNano, p.GetSum()})
		}
	case *v1.Metric_Summary:
		got = instrument.Summary
		for _, p := range data.Summary.DataPoints {
			points = append(points, point{texts(p.Attributes), p.StartTimeUnixNano, p.Sum})
		}
	}
	if got != want || !cumulative || len(points) == 0 {
		t.Errorf("%s is a %s, cumulative: %t, with %d points; want a cumulative %s with points", m.Name, got, cumulative, len(points), want)
	}
	return points
}

// TestHostMetricsArrive checks that the metrics of the host's registry are pushed under
// their own names.
func TestHostMetricsArrive(t *testing.T) {
	registry := prometheus.NewRegistry()
	host := promauto.With(registry)
	host.NewCounter(prometheus.CounterOpts{Name: "host_jobs_total", Help: "Jobs."}).Add(3)
	host.NewGaugeVec(prometheus.GaugeOpts{Name: "host.queue"}, []string{"queue.name"}).WithLabelValues("a").Set(2)
	host.NewHistogram(prometheus.HistogramOpts{Name: "host_wait_seconds"}).Observe(1)
	host.NewHistogram(prometheus.HistogramOpts{Name: "host_native_seconds", NativeHistogramBucketFactor: 1.1}).Observe(1)
	host.NewSummary(prometheus.SummaryOpts{Name: "host_size_bytes"}).Observe(5)
	host.NewGauge(prometheus.GaugeOpts{Name: "target_info"}).Set(1)
	for _, protocol := range []otlp.Protocol{otlp.HTTP, otlp.GRPC} {
		t.Run(string(protocol), func(t *testing.T) {
			receiver := newReceiver(t, protocol)
			e := newExporter(t, []otlp.Option{otlp.WithEndpoint(receiver.url), otlp.WithProtocol(protocol)},
				exporters.WithGatherer(prometheus.Gatherers{registry, prometheus.DefaultGatherer}))
			observe(t, e, instrument.AgentsUp, 1, dev)
			flush(t, e)
			byName := receiver.byName(t)
			for name, of := range map[string]instrument.Type{
				"host_jobs_total": instrument.Counter, "host.queue": instrument.Gauge, "host_wait_seconds": instrument.Histogram, "host_size_bytes": instrument.Summary,
				"coderd_agents_up": instrument.Gauge, "go_goroutines": instrument.Gauge, "go_gc_gogc_percent": instrument.Gauge,
			} {
				m := byName[name]
				if m.Metric == nil {
					t.Errorf("%s does not arrive", name)
					continue
				}
				points(t, m.Metric, of)
				if host := strings.HasPrefix(name, "host"); host && (m.Unit != "" || m.resource["service.instance.id"] == "deployment") {
					t.Errorf("%s has the unit %q and the resource %q, want no unit and a replica", name, m.Unit, m.resource)
				}
			}
			if byName["target_info"].Metric != nil {
				t.Error("target_info arrives, although it repeats the resource")
			}
			if m := byName["host_native_seconds"]; m.Metric == nil || len(m.GetExponentialHistogram().GetDataPoints()) != 1 {
				t.Errorf("the native histogram arrives as %v, want an exponential histogram", m.Metric)
			}
			if m := byName["host_jobs_total"]; m.Metric != nil && (m.Description != "Jobs." || m.GetSum().DataPoints[0].GetAsDouble() != 3) {
				t.Errorf("host_jobs_total arrives as %v, want a sum of 3", m.Metric)
			}
			if m := byName["host.queue"]; m.Metric != nil && texts(m.GetGauge().DataPoints[0].Attributes)["queue.name"] != "a" {
				t.Errorf("host.queue arrives as %v, want queue.name a", m.Metric)
			}
		})
	}
}

// TestResources checks that the deployment has the same resource on every replica, so that
// a backend stores its series once, and that each replica has its own.
func TestResources(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.namespace=prod,host.name=pod-7,k8s.pod.name=pod-7,k8s.namespace.name=coder,process.pid=1,service.instance.id=seven")
	receiver := newReceiver(t, otlp.HTTP)
	e := newExporter(t, []otlp.Option{otlp.WithEndpoint(receiver.url)})
	observe(t, e, instrument.AgentsUp, 1, dev)
	flush(t, e)

	byName := receiver.byName(t)
	deployment := map[string]string{
		"service.name": "coder", "service.instance.id": "deployment", "service.namespace": "prod", "k8s.namespace.name": "coder",
	}
	if got := byName["coderd_agents_up"].resource; !maps.Equal(got, deployment) {
		t.Errorf("the deployment's resource is %q, want %q", got, deployment)
	}
	replica := map[string]string{
		"service.name": "coder", "service.instance.id": "seven", "service.namespace": "prod", "k8s.namespace.name": "coder",
		"host.name": "pod-7", "k8s.pod.name": "pod-7", "process.pid": "1",
	}
	for _, name := range []string{"otelcoder_build_info", "go_goroutines"} {
		if got := byName[name].resource; !maps.Equal(got, replica) {
			t.Errorf("the replica's resource is %q, want %q", got, replica)
		}
	}
}

func TestReplicasTellThemselvesApart(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "coder-eu")
	instances := make(map[string]bool)
	for range 2 {
		receiver := newReceiver(t, otlp.HTTP)
		e := newExporter(t, []otlp.Option{otlp.WithEndpoint(receiver.url), otlp.WithDeploymentID("d1")})
		observe(t, e, instrument.AgentsUp, 1, dev)
		flush(t, e)
		byName := receiver.byName(t)
		replica := byName["otelcoder_build_info"].resource
		if replica["service.name"] != "coder-eu" || replica["host.name"] == "" {
			t.Errorf("the replica's resource is %q, want coder-eu with a host name", replica)
		}
		instances[replica["service.instance.id"]] = true
		if got, want := byName["coderd_agents_up"].resource, map[string]string{"service.name": "coder-eu", "service.instance.id": "d1"}; !maps.Equal(got, want) {
			t.Errorf("the deployment's resource is %q, want %q", got, want)
		}
	}
	if len(instances) != 2 || instances[""] {
		t.Errorf("two replicas have the service.instance.id %q, want two different ones", slices.Collect(maps.Keys(instances)))
	}
}

func TestOnlyTheReporterPushesTheDeployment(t *testing.T) {
	receiver := newReceiver(t, otlp.HTTP)
	e := newExporter(t, []otlp.Option{otlp.WithEndpoint(receiver.url)}, exporters.WithReporter(func() bool { return false }))
	observe(t, e, instrument.AgentsUp, 1, dev)
	flush(t, e)

	byName := receiver.byName(t)
	if _, pushed := byName["coderd_agents_up"]; pushed {
		t.Error("the deployment is pushed by a process that is not the reporter")
	}
	if _, pushed := byName["go_goroutines"]; !pushed {
		t.Error("the replica is not pushed")
	}
	if got := exports(t, e); got != "1 0" {
		t.Errorf("exports that succeeded and failed: %s, want 1 0", got)
	}
}

// exports returns the values of otelcoder_otlp_exports_total for success and failure.
func exports(t *testing.T, e *exporters.Exporter) string {
	t.Helper()
	w := httptest.NewRecorder()
	e.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics/replica", nil))
	var success, failure string
	for line := range strings.Lines(w.Body.String()) {
		fmt.Sscanf(line, `otelcoder_otlp_exports_total{outcome="success"} %s`, &success)
		fmt.Sscanf(line, `otelcoder_otlp_exports_total{outcome="failure"} %s`, &failure)
	}
	return success + " " + failure
}

// TestALargeDeploymentArrivesComplete pushes to a receiver that accepts messages up to
// 4 MiB, like a collector's gRPC receiver. A test in folder e2e pushes ten times as much to a
// real collector.
func TestALargeDeploymentArrivesComplete(t *testing.T) {
	receiver := newReceiver(t, otlp.GRPC)
	e := newExporter(t, []otlp.Option{otlp.WithEndpoint(receiver.url), otlp.WithProtocol(otlp.GRPC)})
	observeAgents(t, e, 20_000)
	// Users choose the values of template parameters, so they can be long.
	long := strings.Repeat("x", 60_000)
	for i := range 100 {
		observe(t, e, instrument.InsightsParameters, 1, parameter(fmt.Sprint(i, long)))
	}
	flush(t, e)

	sum, parameters := 0.0, 0
	for m := range receiver.all() {
		switch m.Name {
		case "coderd_agents_connections":
			for _, p := range m.GetGauge().DataPoints {
				sum += p.GetAsDouble()
			}
		case "coderd_insights_parameters":
			parameters += len(m.GetGauge().DataPoints)
		}
	}
	if sum != 199_990_000 || parameters != 100 {
		t.Errorf("the values add up to %.0f, want 199990000; %d parameters, want 100", sum, parameters)
	}
	if largest := slices.Max(receiver.sizes); largest > 64<<10 || len(receiver.sizes) > 250 {
		t.Errorf("%d requests, the largest of %d bytes; want at most 250 of 64 KiB", len(receiver.sizes), largest)
	}
	if got := exports(t, e); got != "2 0" {
		t.Errorf("exports that succeeded and failed: %s, want 2 0", got)
	}
}

// TestExemplarsCarryTheirTrace checks that exemplars arrive with their trace and span, which
// link latencies to traces.
func TestExemplarsCarryTheirTrace(t *testing.T) {
	receiver := newReceiver(t, otlp.HTTP)
	e := newExporter(t, []otlp.Option{otlp.WithEndpoint(receiver.url)})
	h, err := e.Providers().Histogram(instrument.APIRequestLatencies)
	if err != nil {
		t.Fatal(err)
	}
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{15: 1}, SpanID: trace.SpanID{7: 2}, TraceFlags: trace.FlagsSampled})
	h.Record(trace.ContextWithSpanContext(t.Context(), span), 0.2, instrument.Documented.Labels(instrument.APIRequestLatencies, instrument.APIRequest{Method: "GET", Path: "/api/v2/users"}))
	flush(t, e)

	exemplars := receiver.byName(t)["coderd_api_request_latencies_seconds"].GetHistogram().DataPoints[0].Exemplars
	if len(exemplars) != 1 || exemplars[0].GetAsDouble() != 0.2 || trace.TraceID(exemplars[0].TraceId) != span.TraceID() || trace.SpanID(exemplars[0].SpanId) != span.SpanID() {
		t.Errorf("got the exemplars %v, want one of 0.2 with trace and span", exemplars)
	}
}
