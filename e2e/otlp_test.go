package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/collector"
	"github.com/otelcoder/otelcoder/e2e/prometheus"
	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/exporters/otlp"
	"github.com/otelcoder/otelcoder/instrument"
)

// TestPrometheusReceivesOTLP checks that a Prometheus with the default translation of
// names receives a push of every family under its documented name.
func TestPrometheusReceivesOTLP(t *testing.T) {
	p := prometheus.Start(t)
	program.StartWith(t, []string{often, "OTEL_TRACES_EXPORTER=none"}, "--otlp-endpoint", p.ReceiveOTLP(t))
	eventually(t, func() error {
		var errs []error
		for _, f := range e2e.Served() {
			for _, suffix := range suffixes(f.Type) {
				var more []string
				switch {
				case suffix == "_bucket":
					more = []string{model.BucketLabel}
				case suffix == "" && f.Type == "summary":
					more = []string{model.QuantileLabel}
				}
				errs = append(errs, hasSeries(t, p, "coder", f.Name+suffix, f.Labels, more...))
			}
		}
		return errors.Join(errs...)
	})
	// No other series arrive: no names with an extra suffix, no overflow.
	expected := []string{"target_info"}
	for _, f := range e2e.Served() {
		for _, suffix := range suffixes(f.Type) {
			expected = append(expected, f.Name+suffix)
		}
	}
	for _, s := range p.Query(t, `count by (__name__) ({__name__!=""})`) {
		if name := s.Metric.Get(model.MetricNameLabel); !slices.Contains(expected, name) {
			t.Errorf("got %v series of %s, want none", s.F, name)
		}
	}
	p.CheckHealthy(t)
}

// suffixes returns the suffixes of the series names of a type.
func suffixes(kind string) []string {
	switch kind {
	case "histogram":
		return []string{"_bucket", "_count", "_sum"}
	case "summary":
		return []string{"", "_count", "_sum"}
	}
	return []string{""}
}

// TestExemplarsMeetTraces checks that scraped and pushed exemplars name traces that are
// pushed, so that an operator can open the trace of a slow request.
func TestExemplarsMeetTraces(t *testing.T) {
	p := prometheus.Start(t)
	spans := collector.Start(t, collectorFile)
	c := program.StartWith(t, []string{
		often, "OTEL_BSP_SCHEDULE_DELAY=500",
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=" + p.ReceiveOTLP(t) + "/v1/metrics",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=" + spans.HTTP + "/v1/traces",
	})
	eventually(t, func() error {
		pushed := make(map[string]bool)
		for _, span := range spans.Traces() {
			pushed[span.TraceID().String()] = true
		}
		meets := func(exit, trace string) error {
			if trace == "" || !pushed[trace] {
				return fmt.Errorf("%s exemplar: trace %q is not among the %d pushed traces", exit, trace, len(pushed))
			}
			return nil
		}
		var errs []error
		scraped, received := 0, 0
		for _, sample := range scrape(t, c.Metrics, acceptOpenMetrics).Family("coderd_api_request_latencies_seconds").Samples {
			if sample.Exemplar != nil {
				scraped++
				errs = append(errs, meets("scraped", sample.Exemplar.Labels.Get("trace_id")))
			}
		}
		for _, series := range p.Exemplars(t, "coderd_api_request_latencies_seconds_bucket") {
			for _, e := range series.Exemplars {
				received++
				errs = append(errs, meets("pushed", e.Labels.Get("trace_id")))
			}
		}
		if scraped == 0 || received == 0 {
			errs = append(errs, fmt.Errorf("got %d scraped and %d pushed exemplars, want some of both", scraped, received))
		}
		return errors.Join(errs...)
	})
}

// newPush returns an exporter that pushes when it is shut down or flushed.
func newPush(t *testing.T, endpoint string, protocol otlp.Protocol, options ...exporters.Option) *exporters.Exporter {
	t.Helper()
	push, err := otlp.New(t.Context(), otlp.WithEndpoint(endpoint), otlp.WithProtocol(protocol))
	if err != nil {
		t.Fatal(err)
	}
	e, err := exporters.New(append(options, push.Metrics())...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// flush pushes the metrics of an exporter's providers.
func flush(t *testing.T, e *exporters.Exporter) {
	t.Helper()
	p := e.Providers()
	for _, provider := range []any{p.Deployment, p.Process} {
		if err := provider.(interface{ ForceFlush(context.Context) error }).ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestALargePushArrivesComplete pushes 200,000 series. A collector's gRPC receiver accepts
// messages of up to 4 MiB; its HTTP receiver accepts larger ones.
func TestALargePushArrivesComplete(t *testing.T) {
	t.Run("gRPC", func(t *testing.T) {
		c := collector.Start(t, collectorFile)
		testALargePush(t, c, newPush(t, c.GRPC, otlp.GRPC))
	})
	t.Run("HTTP", func(t *testing.T) {
		c := collector.Start(t, collectorFile)
		testALargePush(t, c, newPush(t, c.HTTP, otlp.HTTP))
	})
}

func testALargePush(t *testing.T, c *collector.Collector, e *exporters.Exporter) {
	const series = 200_000
	labels := make([]instrument.Labels, series)
	for i := range labels {
		labels[i] = instrument.Documented.Labels(instrument.AgentsUp, instrument.WorkspaceAgents{
			TemplateName:  "template-of-some-length",
			Username:      fmt.Sprintf("firstname.lastname-%d", i/4),
			WorkspaceName: fmt.Sprintf("workspace-of-a-customary-length-%d", i),
		})
	}
	_, err := e.Providers().Observe(func(o instrument.Observer) {
		for i := range labels {
			o.Observe(instrument.AgentsUp, labels[i], float64(i))
		}
	}, instrument.AgentsUp)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	arrived, sum := 0, 0.0
	for line := range bytes.Lines(request(t, "GET", c.Metrics).body) {
		if !bytes.HasPrefix(line, []byte("coderd_agents_up{")) {
			continue
		}
		value, err := strconv.ParseFloat(string(bytes.TrimSpace(line[bytes.LastIndexByte(line, ' '):])), 64)
		if err != nil {
			t.Fatal(err)
		}
		arrived++
		sum += value
	}
	if arrived != series || sum != 19_999_900_000 {
		t.Errorf("got %d series with the sum %.0f, want 200000 with the sum 19999900000", arrived, sum)
	}
}

// TestATakeoverStartsNoSeries checks that the deployment's series continue when another
// replica reports, and that the metrics of a replica stay two series.
func TestATakeoverStartsNoSeries(t *testing.T) {
	p := prometheus.Start(t)
	endpoint := p.ReceiveOTLP(t)
	var reporter atomic.Int32
	var replicas []*exporters.Exporter
	for i := range int32(2) {
		// The pods of a deployment differ in these attributes.
		t.Setenv("OTEL_RESOURCE_ATTRIBUTES", fmt.Sprintf("k8s.namespace.name=coder,k8s.pod.name=coder-%d,host.name=coder-%d", i, i))
		e := newPush(t, endpoint, otlp.HTTP, exporters.WithReporter(func() bool { return reporter.Load() == i }))
		defer e.Shutdown(context.WithoutCancel(t.Context()))
		labels := instrument.Documented.Labels(instrument.AgentsUp, instrument.WorkspaceAgents{TemplateName: "docker", Username: "ann", WorkspaceName: "dev"})
		_, err := e.Providers().Observe(func(o instrument.Observer) { o.Observe(instrument.AgentsUp, labels, float64(10+i)) }, instrument.AgentsUp)
		if err != nil {
			t.Fatal(err)
		}
		replicas = append(replicas, e)
	}
	for i := range int32(2) {
		reporter.Store(i)
		for _, e := range replicas {
			flush(t, e)
		}
		up := p.Query(t, `coderd_agents_up`)
		if len(up) != 1 || up[0].F != float64(10+i) || up[0].Metric.Get("instance") != "deployment" {
			t.Errorf("replica %d reports: got %v, want one series with the value %d", i, up, 10+i)
		}
	}
	for query, want := range map[string]int{
		`otelcoder_reporter`:                  2,
		`count by (instance) (go_goroutines)`: 2,
		`target_info{instance="deployment"}`:  1,
	} {
		if got := p.Query(t, query); len(got) != want {
			t.Errorf("%s: got %s, want %d series", query, promql.Vector(got), want)
		}
	}
	p.CheckHealthy(t)
}
