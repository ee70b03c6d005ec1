package e2e_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/coderd"
	"github.com/otelcoder/otelcoder/e2e/collector"
	"github.com/otelcoder/otelcoder/e2e/invariant"
	"github.com/otelcoder/otelcoder/exporters/otlp"
)

// troubles are the handlers of failing receivers, by name.
var troubles = map[string]http.HandlerFunc{
	"429": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
	"503": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
	"garbage": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.Write(bytes.Repeat([]byte{0xff, 0x00}, 1<<10))
	},
	"hanging": func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	},
}

// pushing is an example and the collector that it pushes to, which may be unreachable.
type pushing struct {
	name      string
	coderd    *coderd.Coderd
	collector *collector.Collector
	trouble   func() // begins the trouble
	recover   func() // ends it

	memory  []float64       // the heap target of the garbage collector at each scrape
	scrapes []time.Duration // duration of each scrape
}

// TestReceiversInTrouble checks that examples whose receivers fail need no more memory
// and no longer for scrapes than one with a working receiver, and that the receivers
// get all counts when they work again.
func TestReceiversInTrouble(t *testing.T) {
	all := []*pushing{undisturbed(t, otlp.HTTP), absent(t), restarted(t)}
	for name, answer := range troubles {
		all = append(all, troubled(t, name, answer))
	}
	pushInTrouble(t, all)
}

// TestAReceiverThatHangsOverGRPC checks the same over gRPC, which holds one more copy of a
// message in memory.
func TestAReceiverThatHangsOverGRPC(t *testing.T) {
	pushInTrouble(t, []*pushing{undisturbed(t, otlp.GRPC), hangingOverGRPC(t)})
}

// pushInTrouble compares the memory and the scrapes of the examples with those of the
// first, while their receivers fail, and then waits until each collector has all counts.
func pushInTrouble(t *testing.T, all []*pushing) {
	const rounds = 40
	for _, p := range all {
		p.trouble()
	}
	for range rounds {
		for _, p := range all {
			p.scrape(t)
		}
		time.Sleep(250 * time.Millisecond)
	}
	well := all[0]
	for _, p := range all[1:] {
		held, undisturbed := median(p.memory)/1e6, median(well.memory)/1e6
		t.Logf("%s: median heap %.1f MB, undisturbed %.1f MB; maximum %.1f and %.1f MB",
			p.name, held, undisturbed, slices.Max(p.memory)/1e6, slices.Max(well.memory)/1e6)
		if held > 1.2*undisturbed {
			t.Errorf("%s: got a median heap of %.1f MB, want at most 1.2 of the undisturbed %.1f MB", p.name, held, undisturbed)
		}
		// The 20 ms allow for the noise of a loaded machine.
		if got, limit := median(p.scrapes), 2*median(well.scrapes)+20*time.Millisecond; got > limit {
			t.Errorf("%s: got a median scrape of %v, want at most %v", p.name, got, limit)
		}
	}
	for _, p := range all {
		p.recover()
	}
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			eventually(t, func() error {
				before := scrape(t, p.coderd.Metrics, acceptText)
				time.Sleep(settle)
				if text := request(t, "GET", p.collector.Metrics).body; len(text) == 0 {
					return errors.New("the collector serves nothing")
				}
				shown := scrapeCollector(t, p.collector)
				time.Sleep(settle)
				return between(before, shown, scrape(t, p.coderd.Metrics, acceptText))
			})
		})
	}
}

// between returns nil if a collector shows, for each counter and histogram, no less than
// an endpoint served before and no more than it served after.
func between(before, shown, after *invariant.Scrape) error {
	counts := func(f e2e.Family) bool { return f.Type == "counter" || f.Type == "histogram" }
	b, s, a := samples(before, counts), samples(shown, counts), samples(after, counts)
	var errs []error
	for series, least := range b {
		if got, ok := s[series]; !ok || got < least || got > a[series] {
			errs = append(errs, fmt.Errorf("%s: got %v, want between the served %v and %v", series, got, least, a[series]))
		}
	}
	return errors.Join(errs...)
}

func start(t *testing.T, name string, protocol otlp.Protocol, endpoint string, c *collector.Collector) *pushing {
	t.Helper()
	// With GOGC=5 a garbage collection starts when the heap has grown by a twentieth,
	// so that its target is little more than the live heap.
	p := &pushing{name: name, collector: c, coderd: program.StartWith(t, []string{
		often, "OTEL_EXPORTER_OTLP_PROTOCOL=" + string(protocol), "OTEL_TRACES_EXPORTER=none", "GOGC=5",
	}, "--workspaces", "1000", "--load", "0", "--otlp-endpoint", endpoint)}
	p.trouble, p.recover = func() {}, func() {}
	return p
}

func undisturbed(t *testing.T, protocol otlp.Protocol) *pushing {
	c := collector.Start(t, collectorFile)
	endpoint := c.HTTP
	if protocol == otlp.GRPC {
		endpoint = c.GRPC
	}
	return start(t, "undisturbed", protocol, endpoint, c)
}

func absent(t *testing.T) *pushing {
	c := collector.New(t, collectorFile)
	p := start(t, "absent", otlp.HTTP, c.HTTP, c)
	p.recover = func() { c.Start(t) }
	return p
}

func restarted(t *testing.T) *pushing {
	c := collector.Start(t, collectorFile)
	p := start(t, "restarted", otlp.HTTP, c.HTTP, c)
	p.trouble = func() {
		p.awaitAgents(t)
		c.Stop(t)
	}
	p.recover = func() { c.Start(t) }
	return p
}

func troubled(t *testing.T, name string, answer http.HandlerFunc) *pushing {
	t.Helper()
	c := collector.Start(t, collectorFile)
	behind, err := url.Parse(c.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(behind) },
		ErrorLog:  log.New(io.Discard, "", 0), // requests are aborted when the test ends
	}
	var ill atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ill.Load() {
			answer(w, r)
		} else {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	p := start(t, name, otlp.HTTP, server.URL, c)
	p.fallIll(t, &ill)
	return p
}

func hangingOverGRPC(t *testing.T) *pushing {
	t.Helper()
	c := collector.Start(t, collectorFile)
	behind, err := grpc.NewClient(strings.TrimPrefix(c.GRPC, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { behind.Close() })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	receiver := &hanging{behind: colmetrics.NewMetricsServiceClient(behind)}
	server := grpc.NewServer()
	colmetrics.RegisterMetricsServiceServer(server, receiver)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	p := start(t, "hanging over gRPC", otlp.GRPC, "http://"+listener.Addr().String(), c)
	p.fallIll(t, &receiver.ill)
	return p
}

// hanging is a gRPC receiver that sends no response while it is ill.
type hanging struct {
	colmetrics.UnimplementedMetricsServiceServer
	behind colmetrics.MetricsServiceClient
	ill    atomic.Bool
}

func (h *hanging) Export(ctx context.Context, request *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	if h.ill.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return h.behind.Export(ctx, request)
}

// fallIll makes the receiver ill from trouble to recover.
func (p *pushing) fallIll(t *testing.T, ill *atomic.Bool) {
	p.trouble = func() {
		p.awaitAgents(t)
		ill.Store(true)
	}
	p.recover = func() { ill.Store(false) }
}

// awaitAgents waits until the collector has the family with the most series.
func (p *pushing) awaitAgents(t *testing.T) {
	t.Helper()
	eventually(t, func() error {
		if body := request(t, "GET", p.collector.Metrics).body; !bytes.Contains(body, []byte("\ncoderd_agents_connections{")) {
			return errors.New("the collector has no series of coderd_agents_connections")
		}
		return nil
	})
}

// scrape records the duration of a scrape and the heap target of the process.
func (p *pushing) scrape(t *testing.T) {
	t.Helper()
	began := time.Now()
	a := request(t, "GET", p.coderd.Metrics)
	p.scrapes = append(p.scrapes, time.Since(began))
	for line := range bytes.Lines(a.body) {
		if rest, ok := strings.CutPrefix(string(line), "go_memstats_next_gc_bytes "); ok {
			bytes, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatal(err)
			}
			p.memory = append(p.memory, bytes)
			return
		}
	}
	t.Fatal(fmt.Errorf("%s: no go_memstats_next_gc_bytes in the scrape", p.name))
}

func median[N cmp.Ordered](values []N) N {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}
