// Package collector runs a real OpenTelemetry collector inside a test: its OTLP
// receiver and its Prometheus exporter, with the shipped configuration file.
//
//	c := collector.Start(t, "../examples/collector/config.yaml")
//	push to c.HTTP or c.GRPC
//	http.Get(c.Metrics)
package collector

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusexporter"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"
)

// Collector is a collector with its own addresses, which it keeps when it is
// stopped and started again.
type Collector struct {
	HTTP    string // URL of the receiver that speaks HTTP
	GRPC    string // URL of the receiver that speaks gRPC
	Metrics string // URL of the Prometheus exporter

	file       string
	components []component.Component // in the order they are started
	traces     traces
}

// Start starts a collector with the receiver and the exporter of a configuration
// file, on free ports of this host. It is stopped when the test ends.
func Start(t testing.TB, file string) *Collector {
	t.Helper()
	c := New(t, file)
	c.Start(t)
	return c
}

// New returns a collector that is not started yet.
func New(t testing.TB, file string) *Collector {
	t.Helper()
	free := freeAddresses(t, 3)
	c := &Collector{
		HTTP:    "http://" + free[0],
		GRPC:    "http://" + free[1],
		Metrics: "http://" + free[2] + "/metrics",
		file:    file,
	}
	t.Cleanup(func() { c.Stop(t) })
	return c
}

// freeAddresses returns n distinct addresses that nothing listens on. Their ports are
// outside the ephemeral range, so that they are still free when they are used.
func freeAddresses(t testing.TB, n int) []string {
	t.Helper()
	var addresses []string
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(10_000))
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		defer listener.Close() // held until all are found, so that none is found twice
		if addresses = append(addresses, address); len(addresses) == n {
			return addresses
		}
	}
	t.Fatalf("found %d free ports, want %d", len(addresses), n)
	return nil
}

// Start starts a collector that is not running. It has lost all data of earlier runs.
func (c *Collector) Start(t testing.TB) {
	t.Helper()
	show := prometheusexporter.NewFactory()
	showConfig := c.configuration(t, show.CreateDefaultConfig(), "exporters::prometheus", map[string]any{"endpoint": host(c.Metrics)})
	metrics, err := show.CreateMetrics(t.Context(), exporter.Settings{ID: component.NewID(show.Type()), TelemetrySettings: silent()}, showConfig)
	if err != nil {
		t.Fatalf("create the collector's exporter: %v", err)
	}
	spans, err := consumer.NewTraces(c.traces.add)
	if err != nil {
		t.Fatal(err)
	}
	receive := otlpreceiver.NewFactory()
	receiveConfig := c.configuration(t, receive.CreateDefaultConfig(), "receivers::otlp", map[string]any{"protocols": map[string]any{
		"http": map[string]any{"endpoint": host(c.HTTP)},
		"grpc": map[string]any{"endpoint": host(c.GRPC)},
	}})
	settings := receiver.Settings{ID: component.NewID(receive.Type()), TelemetrySettings: silent()}
	metricsReceiver, err := receive.CreateMetrics(t.Context(), settings, receiveConfig, metrics)
	if err != nil {
		t.Fatalf("create the collector's receiver: %v", err)
	}
	tracesReceiver, err := receive.CreateTraces(t.Context(), settings, receiveConfig, spans)
	if err != nil {
		t.Fatalf("create the collector's receiver: %v", err)
	}
	for _, part := range []component.Component{metrics, metricsReceiver, tracesReceiver} {
		if err := part.Start(context.WithoutCancel(t.Context()), noExtensions{}); err != nil {
			t.Fatalf("start the collector: %v", err)
		}
		c.components = append(c.components, part)
	}
}

// Stop stops a collector. It then refuses connections.
func (c *Collector) Stop(t testing.TB) {
	t.Helper()
	for len(c.components) > 0 {
		last := len(c.components) - 1
		if err := c.components[last].Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("stop the collector: %v", err)
		}
		c.components = c.components[:last]
	}
}

// configuration reads a component's section of the file into config, with some settings
// changed.
func (c *Collector) configuration(t testing.TB, config component.Config, section string, changed map[string]any) component.Config {
	t.Helper()
	text, err := os.ReadFile(c.file)
	if err != nil {
		t.Fatal(err)
	}
	read, err := confmap.NewRetrievedFromYAML(text)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := read.AsConf()
	if err != nil {
		t.Fatal(err)
	}
	part, err := whole.Sub(section)
	if err != nil {
		t.Fatal(err)
	}
	if err := part.Merge(confmap.NewFromStringMap(changed)); err != nil {
		t.Fatal(err)
	}
	if err := part.Unmarshal(config); err != nil {
		t.Fatalf("%s of %s: %v", section, c.file, err)
	}
	return config
}

// host returns the host and port of a URL.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err) // cannot happen: New builds the URLs
	}
	return u.Host
}

// Traces returns the spans received so far.
func (c *Collector) Traces() []ptrace.Span { return c.traces.all() }

// traces keeps spans.
type traces struct {
	mu    sync.Mutex
	spans []ptrace.Span
}

func (t *traces) add(_ context.Context, received ptrace.Traces) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, resource := range received.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				t.spans = append(t.spans, span)
			}
		}
	}
	return nil
}

func (t *traces) all() []ptrace.Span {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.spans[:len(t.spans):len(t.spans)]
}

// silent returns telemetry settings that discard everything.
func silent() component.TelemetrySettings {
	return component.TelemetrySettings{
		Logger:         zap.NewNop(),
		TracerProvider: tracenoop.NewTracerProvider(),
		MeterProvider:  metricnoop.NewMeterProvider(),
		Resource:       pcommon.NewResource(),
	}
}

// noExtensions is a host without extensions.
type noExtensions struct{}

func (noExtensions) GetExtensions() map[component.ID]component.Component { return nil }
