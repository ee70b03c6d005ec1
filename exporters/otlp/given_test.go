package otlp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/exporters/otlp"
	"github.com/otelcoder/otelcoder/instrument"
)

// TestForeignInstrumentsArePushed checks that the host's instruments are pushed under their
// own names, with the resource of their group.
func TestForeignInstrumentsArePushed(t *testing.T) {
	for _, protocol := range []otlp.Protocol{otlp.HTTP, otlp.GRPC} {
		t.Run(string(protocol), func(t *testing.T) {
			receiver := newReceiver(t, protocol)
			e := newExporter(t, []otlp.Option{otlp.WithEndpoint(receiver.url), otlp.WithProtocol(protocol)})
			const scope = "example.org/host"
			meter := e.Providers().Process.Meter(scope)
			requests, err := meter.Int64Counter("host.requests", metric.WithDescription("Requests."))
			if err != nil {
				t.Fatal(err)
			}
			requests.Add(t.Context(), 3, metric.WithAttributes(attribute.Int("code", 200), attribute.StringSlice("any", []string{"a", "b"})))
			duration, err := meter.Float64Histogram("host.duration", metric.WithUnit("s"))
			if err != nil {
				t.Fatal(err)
			}
			duration.Record(t.Context(), 2)
			open, err := meter.Int64UpDownCounter("host.open")
			if err != nil {
				t.Fatal(err)
			}
			open.Add(t.Context(), -1)
			users, err := e.Providers().Deployment.Meter(scope).Int64Gauge("host.users")
			if err != nil {
				t.Fatal(err)
			}
			users.Record(t.Context(), 7)
			flush(t, e)

			byName := receiver.byName(t)
			if m := byName["host.requests"]; m.Metric == nil || m.scope != scope || m.Description != "Requests." || m.GetSum().DataPoints[0].GetAsInt() != 3 {
				t.Errorf("got host.requests %v, want a sum of 3 in scope %s", m, scope)
			}
			if m := byName["host.duration"]; m.Metric == nil || m.Unit != "s" || m.GetHistogram().DataPoints[0].GetSum() != 2 {
				t.Errorf("got host.duration %v, want a histogram in seconds with sum 2", m)
			}
			if m := byName["host.open"]; m.Metric == nil || m.GetSum().IsMonotonic || m.GetSum().DataPoints[0].GetAsInt() != -1 {
				t.Errorf("got host.open %v, want a sum of -1 that is not monotonic", m)
			}
			if m := byName["host.users"]; m.Metric == nil || m.GetGauge().DataPoints[0].GetAsInt() != 7 || m.resource["service.instance.id"] != "deployment" {
				t.Errorf("got host.users %v with the resource %v, want 7 of the deployment", m, m.resource)
			}
			if id := byName["host.requests"].resource["service.instance.id"]; id == "" || id == "deployment" {
				t.Errorf("host.requests has the service.instance.id %q, want the replica's", id)
			}
		})
	}
}

// TestResourceGiven checks that WithResource overrides attributes of the environment, and
// that the deployment's resource has no attributes of a single replica.
func TestResourceGiven(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "of-the-environment")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.namespace=dev,team=a,host.name=x")
	receiver := newReceiver(t, otlp.HTTP)
	e := newExporter(t, []otlp.Option{otlp.WithEndpoint(receiver.url), otlp.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "control-plane"), attribute.String("service.namespace", "prod"),
		attribute.String("service.instance.id", "seven"), attribute.String("host.name", "pod-7")))})
	observe(t, e, instrument.AgentsUp, 1, dev)
	flush(t, e)
	byName := receiver.byName(t)
	deployment := map[string]string{"service.name": "control-plane", "service.namespace": "prod", "team": "a", "service.instance.id": "deployment"}
	if got := byName["coderd_agents_up"].resource; !maps.Equal(got, deployment) {
		t.Errorf("the deployment's resource is %q, want %q", got, deployment)
	}
	replica := map[string]string{"service.name": "control-plane", "service.namespace": "prod", "team": "a", "service.instance.id": "seven", "host.name": "pod-7"}
	if got := byName["go_goroutines"].resource; !maps.Equal(got, replica) {
		t.Errorf("the replica's resource is %q, want %q", got, replica)
	}
}

// TestHeadersGiven checks that WithHeaders replaces the headers of the environment, for
// metrics and traces.
func TestHeadersGiven(t *testing.T) {
	for _, protocol := range []otlp.Protocol{otlp.HTTP, otlp.GRPC} {
		t.Run(string(protocol), func(t *testing.T) {
			setenv(t, "HEADERS=x-token=of-the-environment,x-other=1 METRICS_HEADERS=x-token=of-metrics")
			receiver := newReceiver(t, protocol)
			push, err := otlp.New(t.Context(), otlp.WithEndpoint(receiver.url), otlp.WithProtocol(protocol),
				otlp.WithHeaders(map[string]string{"x-token": "hunter2"}))
			if err != nil {
				t.Fatal(err)
			}
			pushMetrics(t, push)
			pushSpan(t, push)
			if len(receiver.headers) < 2 || len(receiver.traces) == 0 {
				t.Fatalf("%d requests, %d with traces, want metrics and traces", len(receiver.headers), len(receiver.traces))
			}
			for _, h := range receiver.headers {
				if h.Get("X-Token") != "hunter2" || h.Get("X-Other") != "" {
					t.Errorf("got the headers %v, want only X-Token of WithHeaders", h)
				}
			}
		})
	}
}

// newTLSReceiver starts a receiver with a certificate that the returned pool trusts.
func newTLSReceiver(t *testing.T, protocol otlp.Protocol) (*receiver, *x509.CertPool) {
	t.Helper()
	r := new(receiver)
	server := httptest.NewTLSServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	if protocol == otlp.HTTP {
		return r, pool
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.url = "https://" + listener.Addr().String()
	g := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&server.TLS.Certificates[0])))
	colmetrics.RegisterMetricsServiceServer(g, grpcReceiver{receiver: r})
	served := make(chan error)
	go func() { served <- g.Serve(listener) }()
	t.Cleanup(func() {
		g.Stop()
		<-served
	})
	return r, pool
}

func TestTLSGiven(t *testing.T) {
	for _, protocol := range []otlp.Protocol{otlp.HTTP, otlp.GRPC} {
		for _, query := range []string{"", "?tenant=a"} {
			if protocol == otlp.GRPC && query != "" {
				continue // gRPC supports no query
			}
			t.Run(string(protocol)+query, func(t *testing.T) {
				receiver, pool := newTLSReceiver(t, protocol)
				// The option overrides this invalid variable.
				setenv(t, "CERTIFICATE=/does/not/exist OTEL_TRACES_EXPORTER=none")
				push, err := otlp.New(t.Context(), otlp.WithEndpoint(receiver.url+query), otlp.WithProtocol(protocol), otlp.WithTLS(&tls.Config{RootCAs: pool}))
				if err != nil {
					t.Fatal(err)
				}
				pushMetrics(t, push)
				if receiver.byName(t)["go_goroutines"].Metric == nil {
					t.Error("the metrics do not arrive")
				}
				for _, q := range receiver.queries {
					if "?"+q != query && q != query {
						t.Errorf("query %q, want %q", q, query)
					}
				}
			})
		}
	}
}

// counted is a transport that counts its requests and the calls of CloseIdleConnections.
type counted struct {
	http.Transport
	requests, closed atomic.Int64
}

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.Transport.RoundTrip(r)
}

func (c *counted) CloseIdleConnections() {
	c.closed.Add(1)
	c.Transport.CloseIdleConnections()
}

// TestHTTPClientGiven checks that the client of WithHTTPClient sends all requests, with and
// without a query, and that its connections are not closed.
func TestHTTPClientGiven(t *testing.T) {
	for _, query := range []string{"", "tenant=a"} {
		t.Run("query "+query, func(t *testing.T) {
			setenv(t, "PROTOCOL=grpc CERTIFICATE=/does/not/exist")
			receiver := newReceiver(t, otlp.HTTP)
			transport := new(counted)
			defer transport.Transport.CloseIdleConnections()
			push, err := otlp.New(t.Context(), otlp.WithEndpoint(receiver.url+"?"+query), otlp.WithHTTPClient(&http.Client{Transport: transport}))
			if err != nil {
				t.Fatal(err)
			}
			pushMetrics(t, push)
			pushSpan(t, push)
			if n := transport.requests.Load(); int(n) != len(receiver.paths) || !slices.Contains(receiver.paths, "/v1/metrics") || !slices.Contains(receiver.paths, "/v1/traces") {
				t.Errorf("the client sent %d requests, the receiver got %q, want all by the client", n, receiver.paths)
			}
			for _, q := range receiver.queries {
				if q != query {
					t.Errorf("query %q, want %q", q, query)
				}
			}
			if n := transport.closed.Load(); n != 0 {
				t.Errorf("the client's connections were closed %d times, want 0", n)
			}
		})
	}
}

func newConn(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestGRPCConnGiven checks that the connection of WithGRPCConn needs no endpoint, overrides
// the endpoint of the environment, and stays open.
func TestGRPCConnGiven(t *testing.T) {
	setenv(t, "ENDPOINT=http://127.0.0.1:1 PROTOCOL=http/protobuf")
	receiver := newReceiver(t, otlp.GRPC)
	address := strings.TrimPrefix(receiver.url, "http://")
	conn := newConn(t, address)
	push, err := otlp.New(t.Context(), otlp.WithGRPCConn(conn), otlp.WithHeaders(map[string]string{"x-token": "hunter2"}))
	if err != nil {
		t.Fatal(err)
	}
	if got := push.MetricsEndpoint(); got != address {
		t.Errorf("endpoint %q, want %q", got, address)
	}
	pushMetrics(t, push)
	pushSpan(t, push)
	if receiver.byName(t)["go_goroutines"].Metric == nil || len(receiver.traces) == 0 {
		t.Error("metrics or traces do not arrive")
	}
	for _, h := range receiver.headers {
		if h.Get("X-Token") != "hunter2" {
			t.Errorf("got the metadata %v, want X-Token of WithHeaders", h)
		}
	}
	if state := conn.GetState(); state == connectivity.Shutdown {
		t.Error("the connection is closed")
	}
}

// recorder is an exporter that records its input. It has no lock, so that the race detector
// reports concurrent exports.
type recorder struct {
	instances map[string]string // service.instance.id by metric
	shutdowns int
	problems  []string
}

func (*recorder) Temporality(sdk.InstrumentKind) metricdata.Temporality {
	return metricdata.DeltaTemporality
}
func (*recorder) Aggregation(k sdk.InstrumentKind) sdk.Aggregation {
	return sdk.DefaultAggregationSelector(k)
}
func (*recorder) ForceFlush(context.Context) error { return nil }

func (r *recorder) Export(_ context.Context, collected *metricdata.ResourceMetrics) error {
	if r.shutdowns > 0 {
		r.problems = append(r.problems, "an export after the shutdown")
	}
	if r.instances == nil {
		r.instances = make(map[string]string)
	}
	id, _ := collected.Resource.Set().Value("service.instance.id")
	for _, scope := range collected.ScopeMetrics {
		for _, m := range scope.Metrics {
			r.instances[m.Name] = id.AsString()
			if sum, ok := m.Data.(metricdata.Sum[float64]); ok && sum.Temporality != metricdata.CumulativeTemporality {
				r.problems = append(r.problems, m.Name+" is not cumulative")
			}
		}
	}
	return nil
}

func (r *recorder) Shutdown(context.Context) error {
	r.shutdowns++
	return nil
}

// TestMetricExporterGiven checks that the exporter of WithMetricExporter gets the metrics of
// both readers, without an endpoint.
func TestMetricExporterGiven(t *testing.T) {
	r := new(recorder)
	push, err := otlp.New(t.Context(), otlp.WithMetricExporter(r))
	if err != nil {
		t.Fatal(err)
	}
	if got := push.MetricsEndpoint(); got != "*otlp_test.recorder" {
		t.Errorf("endpoint %q, want the type of the exporter", got)
	}
	if traces, err := push.Traces(t.Context()); traces != nil || err != nil {
		t.Errorf("got the traces %v and the error %v, want neither", traces, err)
	}
	e, err := exporters.New(push.Metrics())
	if err != nil {
		t.Fatal(err)
	}
	observe(t, e, instrument.AgentsUp, 1, dev)
	for range 5 {
		var flushing sync.WaitGroup
		for _, provider := range []metric.MeterProvider{e.Providers().Deployment, e.Providers().Process} {
			flushing.Go(func() { flushGroup(t, provider) })
		}
		flushing.Wait()
	}
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.problems) > 0 || r.shutdowns != 1 {
		t.Errorf("got the problems %q and %d shutdowns, want none and 1", r.problems, r.shutdowns)
	}
	if id := r.instances["coderd_agents_up"]; id != "deployment" {
		t.Errorf("the deployment is exported with the service.instance.id %q, want deployment", id)
	}
	if id := r.instances["go_goroutines"]; id == "" || id == "deployment" {
		t.Errorf("the process is exported with the service.instance.id %q, want the replica's", id)
	}
}

// TestSwitchesBeatWhatIsGiven checks that variables that turn a signal off override options.
func TestSwitchesBeatWhatIsGiven(t *testing.T) {
	for _, env := range []string{"OTEL_SDK_DISABLED=true", "OTEL_METRICS_EXPORTER=none OTEL_TRACES_EXPORTER=none"} {
		t.Run(env, func(t *testing.T) {
			setenv(t, env)
			for _, option := range []otlp.Option{otlp.WithMetricExporter(new(recorder)), otlp.WithGRPCConn(newConn(t, "127.0.0.1:1"))} {
				push, err := otlp.New(t.Context(), option)
				if err != nil {
					t.Fatal(err)
				}
				if traces, err := push.Traces(t.Context()); push.Metrics() != nil || traces != nil || err != nil {
					t.Errorf("got metrics: %t, traces %v, error %v, want none", push.Metrics() != nil, traces, err)
				}
			}
		})
	}
}

func TestOptionsThatContradictEachOther(t *testing.T) {
	conn := otlp.WithGRPCConn(newConn(t, "127.0.0.1:1"))
	client, withTLS := otlp.WithHTTPClient(http.DefaultClient), otlp.WithTLS(new(tls.Config))
	endpoint := otlp.WithEndpoint("https://127.0.0.1:1")
	for want, options := range map[string][]otlp.Option{
		"push: WithGRPCConn and WithHTTPClient are given: give only one":                                   {conn, client},
		"push: WithGRPCConn and WithEndpoint are given: give only one, the connection has an endpoint":     {conn, endpoint},
		"push: WithGRPCConn and WithTLS are given: give only one, the connection has its own TLS":          {conn, withTLS},
		"push: WithHTTPClient and WithTLS are given: give only one, the client has its own TLS":            {client, withTLS, endpoint},
		"push: WithGRPCConn is given, but WithProtocol is http/protobuf: leave WithProtocol out":           {conn, otlp.WithProtocol(otlp.HTTP)},
		"push: WithHTTPClient is given, but WithProtocol is grpc: leave WithProtocol out":                  {client, endpoint, otlp.WithProtocol(otlp.GRPC)},
		"push metrics: the OTLP endpoint is an http URL, but WithTLS is given: use https":                  {withTLS, otlp.WithEndpoint("http://127.0.0.1:1")},
		"push metrics: the OTLP endpoint has a user, and the headers have an authorization: give only one": {otlp.WithEndpoint("http://ann:hunter2@127.0.0.1:1"), otlp.WithHeaders(map[string]string{"Authorization": "hunter2"})},
		"push metrics: the OTLP endpoint is an http URL, but WithTLS is given: use https ":                 {withTLS, otlp.WithEndpoint("http://127.0.0.1:1"), otlp.WithProtocol(otlp.GRPC)},
		"push: WithHeaders: the value of x-token has a control character or is not valid UTF-8":            {otlp.WithHeaders(map[string]string{"x-token": "hunter2\n"})},
		"push: WithHeaders has a name that is not the name of a header":                                    {otlp.WithHeaders(map[string]string{"x token": "hunter2"})},
	} {
		if _, err := otlp.New(t.Context(), options...); err == nil || err.Error() != strings.TrimSpace(want) {
			t.Errorf("error %q, want %q", err, want)
		}
	}
}
