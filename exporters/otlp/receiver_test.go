package otlp_test

import (
	"compress/gzip"
	"context"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltraces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/otelcoder/otelcoder/exporters/otlp"
)

// receiver is an OTLP receiver with the default limits of a collector. It records requests.
type receiver struct {
	url string

	mu      sync.Mutex
	metrics []*metrics.ResourceMetrics
	traces  []*traces.ResourceSpans
	paths   []string // of HTTP requests
	queries []string // of HTTP requests
	headers []http.Header
	sizes   []int // of metrics requests
}

func (r *receiver) addMetrics(request *colmetrics.ExportMetricsServiceRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.metrics = append(r.metrics, request.ResourceMetrics...)
	r.sizes = append(r.sizes, proto.Size(request))
}

func (r *receiver) addTraces(request *coltraces.ExportTraceServiceRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.traces = append(r.traces, request.ResourceSpans...)
}

// newReceiver starts a receiver for the protocol. It is stopped when the test ends.
func newReceiver(t *testing.T, protocol otlp.Protocol) *receiver {
	t.Helper()
	if protocol == otlp.GRPC {
		return newGRPCReceiver(t)
	}
	r, stop := startReceiver()
	t.Cleanup(stop)
	return r
}

// startReceiver starts a receiver for HTTP. Examples use it, since they have no testing.T.
func startReceiver() (r *receiver, stop func()) {
	r = new(receiver)
	server := httptest.NewServer(r)
	r.url = server.URL
	return r, server.Close
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	r.paths = append(r.paths, request.URL.Path)
	r.queries = append(r.queries, request.URL.RawQuery)
	r.headers = append(r.headers, request.Header)
	r.mu.Unlock()
	body := io.Reader(request.Body)
	if request.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(body)
	}
	content, _ := io.ReadAll(body)
	var received colmetrics.ExportMetricsServiceRequest
	var spans coltraces.ExportTraceServiceRequest
	switch {
	case request.URL.Path == "/v1/metrics" && proto.Unmarshal(content, &received) == nil:
		r.addMetrics(&received)
	case request.URL.Path == "/v1/traces" && proto.Unmarshal(content, &spans) == nil:
		r.addTraces(&spans)
	default:
		w.WriteHeader(http.StatusBadRequest)
	}
}

type grpcReceiver struct {
	colmetrics.UnimplementedMetricsServiceServer
	*receiver
}

// addMetadata records the metadata of a request as headers.
func (r *receiver) addMetadata(ctx context.Context) {
	header := make(http.Header)
	received, _ := metadata.FromIncomingContext(ctx)
	for name, values := range received {
		header[http.CanonicalHeaderKey(name)] = values
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.headers = append(r.headers, header)
}

func (r grpcReceiver) Export(ctx context.Context, request *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	r.addMetadata(ctx)
	r.addMetrics(request)
	return new(colmetrics.ExportMetricsServiceResponse), nil
}

type grpcTraceReceiver struct {
	coltraces.UnimplementedTraceServiceServer
	*receiver
}

func (r grpcTraceReceiver) Export(ctx context.Context, request *coltraces.ExportTraceServiceRequest) (*coltraces.ExportTraceServiceResponse, error) {
	r.addMetadata(ctx)
	r.addTraces(request)
	return new(coltraces.ExportTraceServiceResponse), nil
}

func newGRPCReceiver(t *testing.T) *receiver {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{url: "http://" + listener.Addr().String()}
	server := grpc.NewServer()
	colmetrics.RegisterMetricsServiceServer(server, grpcReceiver{receiver: r})
	coltraces.RegisterTraceServiceServer(server, grpcTraceReceiver{receiver: r})
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	return r
}

// all yields each metric received, with its resource and instrumentation scope.
func (r *receiver) all() iter.Seq[received] {
	return func(yield func(received) bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, resourceMetrics := range r.metrics {
			for _, scope := range resourceMetrics.ScopeMetrics {
				for _, metric := range scope.Metrics {
					if !yield(received{metric, scope.Scope.Name, attributes(resourceMetrics.Resource)}) {
						return
					}
				}
			}
		}
	}
}

type received struct {
	*metrics.Metric
	scope    string
	resource map[string]string
}

// byName returns the metrics received by name. It fails the test if one was received twice.
func (r *receiver) byName(t *testing.T) map[string]received {
	t.Helper()
	byName := make(map[string]received)
	for m := range r.all() {
		if _, twice := byName[m.Name]; twice {
			t.Errorf("%s is received twice", m.Name)
		}
		byName[m.Name] = m
	}
	return byName
}

func attributes(r *resource.Resource) map[string]string { return texts(r.Attributes) }

func texts(pairs []*common.KeyValue) map[string]string {
	texts := make(map[string]string)
	for _, pair := range pairs {
		texts[pair.Key] = pair.Value.GetStringValue()
	}
	return texts
}
