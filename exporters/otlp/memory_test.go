package otlp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/grpc"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/exporters/otlp"
	"github.com/otelcoder/otelcoder/instrument"
)

// held returns the live heap in megabytes.
func held() float64 {
	for range 3 { // two collections free pools, a third one objects with finalizers
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}

// observeAgents observes series of the deployment with labels of typical lengths.
func observeAgents(t *testing.T, e *exporters.Exporter, series int) *instrument.Observation {
	t.Helper()
	labels := make([]instrument.Labels, series)
	for i := range labels {
		labels[i] = instrument.Documented.Labels(instrument.AgentsConnections, instrument.AgentConnection{
			Agent: instrument.Agent{
				AgentName:     "main",
				Username:      fmt.Sprintf("firstname.lastname-%d", i/4),
				WorkspaceName: fmt.Sprintf("workspace-of-a-customary-length-%d", i),
			},
			LifecycleState: "ready",
			Status:         "connected",
			TailnetNode:    fmt.Sprintf("nodeid:%016x", i),
		})
	}
	observed, err := e.Providers().Observe(func(o instrument.Observer) {
		for i := range labels {
			o.Observe(instrument.AgentsConnections, labels[i], float64(i))
		}
	}, instrument.AgentsConnections)
	if err != nil {
		t.Fatal(err)
	}
	return observed
}

// hanging is a gRPC receiver that never responds.
type hanging struct {
	colmetrics.UnimplementedMetricsServiceServer
	arrived chan struct{}
}

func (h hanging) Export(ctx context.Context, request *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	request.Reset() // do not measure the receiver's memory
	h.arrived <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

// startHanging starts a receiver that never responds. It sends to arrived for each request.
func startHanging(t *testing.T, protocol otlp.Protocol) (url string, arrived <-chan struct{}) {
	t.Helper()
	requests := make(chan struct{}, 100)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	var stop func()
	if protocol == otlp.GRPC {
		server := grpc.NewServer()
		colmetrics.RegisterMetricsServiceServer(server, hanging{arrived: requests})
		go func() { served <- server.Serve(listener) }()
		stop = server.Stop
	} else {
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			requests <- struct{}{}
			<-r.Context().Done()
		})}
		go func() { served <- server.Serve(listener) }()
		stop = func() { server.Close() }
	}
	t.Cleanup(func() {
		stop()
		<-served
	})
	return "http://" + listener.Addr().String(), requests
}

// TestAPushThatHangsHoldsLittle checks that a push that hangs soon holds only one batch of
// the collection. Of 20,000 series with 13 MB it holds 0.2 MB over HTTP and 1.4 MB over
// gRPC, mostly for the first message.
func TestAPushThatHangsHoldsLittle(t *testing.T) {
	for protocol, most := range map[otlp.Protocol]float64{otlp.HTTP: 1, otlp.GRPC: 3} {
		t.Run(string(protocol), func(t *testing.T) {
			url, arrived := startHanging(t, protocol)
			e := newExporter(t, []otlp.Option{otlp.WithEndpoint(url), otlp.WithProtocol(protocol)})
			observed := observeAgents(t, e, 20_000)
			before := held()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			flushed := make(chan struct{})
			go func() {
				defer close(flushed)
				e.Providers().Deployment.(interface{ ForceFlush(context.Context) error }).ForceFlush(ctx)
			}()
			<-arrived
			if err := observed.Unregister(); err != nil {
				t.Fatal(err)
			}
			observeAgents(t, e, 20_000)
			deadline := time.Now().Add(8 * time.Second) // the exporters time out after 10 s
			more := held() - before
			for ; more > most && time.Now().Before(deadline); more = held() - before {
				time.Sleep(100 * time.Millisecond)
			}
			if more > most {
				t.Errorf("a push that hangs holds %.1f MB, want at most %.1f", more, most)
			} else {
				t.Logf("a push that hangs holds %.1f MB in addition to %.1f MB", more, before)
			}
			cancel()
			<-flushed
		})
	}
}

// TestRefusalsAreNotKept checks that errors do not hold the bodies of responses that refuse
// a batch with an error page of megabytes.
func TestRefusalsAreNotKept(t *testing.T) {
	page := bytes.Repeat([]byte("<html>\n"), 400_000) // less than the 4 MiB that the exporter refuses to read
	var after []float64                               // live heap at the arrival of a batch
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		after = append(after, held())
		w.WriteHeader(http.StatusNotFound)
		w.Write(page)
	}))
	defer server.Close()
	e := newExporter(t, []otlp.Option{otlp.WithEndpoint(server.URL)})
	observeMegabytes(t, e)
	flushGroup(t, e.Providers().Deployment)
	if len(after) != 10 {
		t.Fatalf("%d batches were sent, want 10", len(after))
	}
	if more := after[9] - after[1]; more > 10 {
		t.Errorf("eight refusals hold %.1f MB, want at most 10", more)
	}
}
