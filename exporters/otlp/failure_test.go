package otlp_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/exporters/otlp"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/logged"
)

// log records log lines.
type log struct{ logged.Log }

func (l *log) option() otlp.Option { return otlp.WithLogger(l.Logger()) }

func (l *log) lines() []string { return slices.Collect(strings.Lines(l.String())) }

// forbidGlobalErrors fails the test if an error reaches OpenTelemetry's global
// handler, which prints each one.
func forbidGlobalErrors(t *testing.T) {
	t.Helper()
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { t.Errorf("OpenTelemetry would print: %v", err) }))
	t.Cleanup(func() { otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) })
}

// answers are the handlers of failing HTTP receivers.
var answers = map[string]http.HandlerFunc{
	"429": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	},
	"503": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
	"404, megabytes of garbage": func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		w.Write(bytes.Repeat([]byte("\xff<html>"), 1<<20))
	},
	"200, garbage": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.Write(bytes.Repeat([]byte{0xff}, 1000))
	},
	"a connection that ends": func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
	"hanging": func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	},
}

// TestReceiverInTrouble checks that a failing receiver causes one log line and is counted,
// and that it gets all values after its recovery.
func TestReceiverInTrouble(t *testing.T) {
	t.Setenv("OTEL_METRIC_EXPORT_TIMEOUT", "1000") // milliseconds for all attempts
	forbidGlobalErrors(t)
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver := new(receiver)
			var well atomic.Bool
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if well.Load() {
					receiver.ServeHTTP(w, r)
				} else {
					answer(w, r)
				}
			}))
			defer server.Close()
			var log log
			e := newExporter(t, []otlp.Option{otlp.WithEndpoint(server.URL), log.option()})
			observe(t, e, instrument.AgentsUp, 1, dev)
			observe(t, e, instrument.APIRequestsProcessed, 42, usersRequest)

			flush(t, e)
			flush(t, e)
			if got := exports(t, e); got != "0 4" {
				t.Errorf("exports that succeeded and failed: %s, want 0 4", got)
			}
			lines := log.lines()
			if len(lines) != 1 || !strings.Contains(lines[0], "level=WARN msg=\"metrics are not pushed\" endpoint="+server.URL+" error=") || len(lines[0]) > 2000 {
				t.Errorf("log %q, want one short line", lines)
			}

			well.Store(true)
			flushGroup(t, e.Providers().Deployment)
			if lines := log.lines(); len(lines) != 1 {
				t.Errorf("log %q while the push of the replica still fails, want nothing", lines[1:])
			}
			flush(t, e)
			if got := exports(t, e); got != "3 4" {
				t.Errorf("exports that succeeded and failed: %s, want 3 4", got)
			}
			lines = log.lines()
			if len(lines) != 2 || !strings.Contains(lines[1], "level=INFO msg=\"metrics are pushed again\"") {
				t.Errorf("log %q, want a second line", lines)
			}
			for m := range receiver.all() {
				if m.Name == "coderd_api_requests_processed_total" {
					if got := m.GetSum().DataPoints[0].GetAsDouble(); got != 42 {
						t.Errorf("after recovery %s is %v, want 42", m.Name, got)
					}
				}
			}
		})
	}
}

func TestReceiverAbsent(t *testing.T) {
	t.Setenv("OTEL_METRIC_EXPORT_TIMEOUT", "100")
	for _, protocol := range []otlp.Protocol{otlp.HTTP, otlp.GRPC} {
		t.Run(string(protocol), func(t *testing.T) {
			forbidGlobalErrors(t)
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			listener.Close()
			var log log
			e := newExporter(t, []otlp.Option{otlp.WithEndpoint("http://" + listener.Addr().String()), otlp.WithProtocol(protocol), log.option()})
			flush(t, e)
			flush(t, e)
			if got := exports(t, e); got != "0 2" {
				t.Errorf("exports that succeeded and failed: %s, want 0 2, since the deployment has no series", got)
			}
			if lines := log.lines(); len(lines) != 1 {
				t.Errorf("log %q, want one line", lines)
			}
		})
	}
}

type refusing struct {
	colmetrics.UnimplementedMetricsServiceServer
}

func (refusing) Export(context.Context, *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	return nil, status.Error(codes.ResourceExhausted, "memory is short")
}

func TestGRPCReceiverRefuses(t *testing.T) {
	forbidGlobalErrors(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	colmetrics.RegisterMetricsServiceServer(server, refusing{})
	go server.Serve(listener)
	defer server.Stop()
	var log log
	e := newExporter(t, []otlp.Option{otlp.WithEndpoint("http://" + listener.Addr().String()), otlp.WithProtocol(otlp.GRPC), log.option()})
	flush(t, e)
	if lines := log.lines(); len(lines) != 1 || !strings.Contains(lines[0], "memory is short") {
		t.Errorf("log %q, want one line with the reason", lines)
	}
}

// TestAHangingReceiverHoldsNothingUp checks that a push that hangs delays neither scrapes nor
// Shutdown.
func TestAHangingReceiverHoldsNothingUp(t *testing.T) {
	forbidGlobalErrors(t)
	arrived := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		answers["hanging"](w, r)
	}))
	defer server.Close()
	e := newExporter(t, []otlp.Option{otlp.WithEndpoint(server.URL)})
	observe(t, e, instrument.AgentsUp, 1, dev)

	flushed := make(chan error)
	go func() {
		flushed <- e.Providers().Deployment.(interface{ ForceFlush(context.Context) error }).ForceFlush(context.Background())
	}()
	<-arrived
	if got := exports(t, e); got != "0 0" {
		t.Errorf("exports that succeeded and failed: %s, want 0 0", got)
	}
	w := httptest.NewRecorder()
	e.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics/deployment", nil))
	if !strings.Contains(w.Body.String(), `coderd_agents_up{template_name="docker"`) {
		t.Errorf("scrape during a push: got %q, want coderd_agents_up", w.Body.String())
	}

	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := e.Shutdown(ctx)
	// The exporters time out after 10 s per attempt and 30 s in total.
	if took := time.Since(began); err == nil || took > 5*time.Second {
		t.Errorf("Shutdown took %v and returned %v, want an error within 5s", took, err)
	}
	if err := <-flushed; err != nil {
		t.Errorf("ForceFlush, interrupted by Shutdown: %v, want nil", err)
	}
}

// TestAHangingReceiverIsGivenUp checks that the rest of a collection is dropped after the
// timeout of one batch.
func TestAHangingReceiverIsGivenUp(t *testing.T) {
	t.Setenv("OTEL_METRIC_EXPORT_TIMEOUT", "100")
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		answers["hanging"](w, r)
	}))
	defer server.Close()
	e := newExporter(t, []otlp.Option{otlp.WithEndpoint(server.URL)})
	observeMegabytes(t, e)
	flushGroup(t, e.Providers().Deployment)
	if got := requests.Load(); got != 1 {
		t.Errorf("%d batches were sent to a receiver that hangs, want 1", got)
	}
	if got := exports(t, e); got != "0 1" {
		t.Errorf("exports that succeeded and failed: %s, want 0 1", got)
	}
}

// TestASlowReceiverGetsEverything checks that the rest of a collection is dropped if the
// receiver, which may hang, does not respond within 3 s, and that the next push waits longer
// after a late response.
func TestASlowReceiverGetsEverything(t *testing.T) {
	t.Parallel()
	receiver := new(receiver)
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch requests.Add(1) {
		case 1:
			time.Sleep(3500 * time.Millisecond)
		case 2:
			time.Sleep(3200 * time.Millisecond)
		}
		receiver.ServeHTTP(w, r)
	}))
	defer server.Close()
	var log log
	e := newExporter(t, []otlp.Option{otlp.WithEndpoint(server.URL), log.option()})
	observeMegabytes(t, e)

	flushGroup(t, e.Providers().Deployment)
	if got := len(receiver.sizes); got != 1 {
		t.Errorf("%d batches arrived in the first push, want 1", got)
	}
	if got := exports(t, e); got != "0 1" {
		t.Errorf("exports that succeeded and failed: %s, want 0 1", got)
	}
	if lines := log.lines(); len(lines) != 1 || !strings.Contains(lines[0], "the next push waits longer") {
		t.Errorf("log %q, want one line with \"the next push waits longer\"", lines)
	}

	flushGroup(t, e.Providers().Deployment)
	if got := len(receiver.sizes); got != 1+10 {
		t.Errorf("%d batches arrived in both pushes, want 1 + 10", got)
	}
	if got := exports(t, e); got != "1 1" {
		t.Errorf("exports that succeeded and failed: %s, want 1 1", got)
	}
}

// observeMegabytes observes a megabyte of series of the deployment, which are ten batches.
func observeMegabytes(t *testing.T, e *exporters.Exporter) {
	t.Helper()
	long := strings.Repeat("x", 100_000)
	for i := range 10 {
		observe(t, e, instrument.InsightsParameters, 1, parameter(long+strings.Repeat("y", i)))
	}
}

func TestShutdownPushesALastTime(t *testing.T) {
	receiver := newReceiver(t, otlp.HTTP)
	e := newExporter(t, []otlp.Option{otlp.WithEndpoint(receiver.url)})
	observe(t, e, instrument.AgentsUp, 1, dev)
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"coderd_agents_up", "go_goroutines"} {
		if receiver.byName(t)[name].Metric == nil {
			t.Errorf("%s is not pushed", name)
		}
	}
}

// TestEachLastPushHasItsTime checks that the last push of each group has the whole time
// limit of Shutdown, even if the push of the other group hangs.
func TestEachLastPushHasItsTime(t *testing.T) {
	t.Parallel()
	receiver := new(receiver)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		if bytes.Contains(content, []byte("coderd_agents_up")) {
			<-r.Context().Done()
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(content))
		receiver.ServeHTTP(w, r)
	}))
	defer server.Close()
	e := newExporter(t, []otlp.Option{otlp.WithEndpoint(server.URL)})
	observe(t, e, instrument.AgentsUp, 1, dev)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	e.Shutdown(ctx)
	if receiver.byName(t)["go_goroutines"].Metric == nil {
		t.Error("the last push of the group process does not arrive")
	}
}

// TestDebugLogOfPushes checks that each push is logged at level DEBUG, with an error only if
// it failed.
func TestDebugLogOfPushes(t *testing.T) {
	var refuses atomic.Bool
	receiver := new(receiver)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuses.Load() {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		receiver.ServeHTTP(w, r)
	}))
	defer server.Close()
	var log log
	e := newExporter(t, []otlp.Option{otlp.WithEndpoint(server.URL), otlp.WithLogger(log.LoggerAt(slog.LevelDebug))})
	observe(t, e, instrument.AgentsUp, 1, dev)
	for _, failed := range []bool{false, true} {
		refuses.Store(failed)
		flushGroup(t, e.Providers().Deployment)
		line := regexp.MustCompile(`level=DEBUG msg="push of metrics" .*`).FindString(log.Take())
		if line == "" || strings.Contains(line, " error=") != failed {
			t.Errorf("push failed: %t; got the log line %q", failed, line)
		}
	}
}

// TestAPushOfNothingEndsNoOutage checks that the first accepted push is logged, and that an
// empty push, as of a process that has lost the role, does not end an outage.
func TestAPushOfNothingEndsNoOutage(t *testing.T) {
	receiver := new(receiver)
	var well, reports atomic.Bool
	well.Store(true)
	reports.Store(true)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if well.Load() {
			receiver.ServeHTTP(w, r)
		} else {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer server.Close()
	var log log
	e := newExporter(t, []otlp.Option{otlp.WithEndpoint(server.URL), log.option()}, exporters.WithReporter(reports.Load))
	observe(t, e, instrument.AgentsUp, 1, dev)
	step := func(scope metric.MeterProvider, want string) {
		t.Helper()
		flushGroup(t, scope)
		got := log.Take()
		if !strings.Contains(got, want) || (want == "") != (got == "") || strings.Count(got, "\n") > 1 {
			t.Errorf("log %q, want one line with %q", got, want)
		}
	}
	deployment, process := e.Providers().Deployment, e.Providers().Process
	reports.Store(false)
	step(deployment, "")
	reports.Store(true)
	step(deployment, `level=INFO msg="metrics are pushed: the receiver has accepted the first" endpoint=`+server.URL)
	step(process, "")
	well.Store(false)
	step(deployment, `level=WARN msg="metrics are not pushed"`)
	reports.Store(false)
	step(deployment, "")
	step(process, "")
	well.Store(true)
	step(deployment, "")
	step(process, `level=INFO msg="metrics are pushed again"`)
}

// TestTakeoverDuringAPush checks that a process stops its push when it loses the role.
func TestTakeoverDuringAPush(t *testing.T) {
	receiver := newReceiver(t, otlp.HTTP)
	var asked atomic.Int32
	e := newExporter(t, []otlp.Option{otlp.WithEndpoint(receiver.url)},
		exporters.WithReporter(func() bool { return asked.Add(1) <= 1 }))
	observeMegabytes(t, e)
	flushGroup(t, e.Providers().Deployment)
	if got := len(receiver.sizes); got != 1 {
		t.Errorf("%d batches were sent, want 1", got)
	}
}
