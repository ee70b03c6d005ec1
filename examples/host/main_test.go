package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/otelcoder/otelcoder/instrument"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fed returns the names of the catalogue's families that the host reports.
func fed() []string {
	names := []string{"coderd_workspace_builds_total"}
	for f := range instrument.Documented.All() {
		if instrument.Documented.Info(f).Origin == instrument.Runtime {
			names = append(names, f.String())
		}
	}
	return append(names, "coderd_api_concurrent_requests", "coderd_api_concurrent_websockets",
		"coderd_api_request_latencies_seconds", "coderd_api_requests_processed_total",
		"otelcoder_build_info", "otelcoder_reporter", "otelcoder_scrape_errors_total")
}

// TestOneScrapeAndOnePush checks that the host's own metrics and the families that it
// reports are on one endpoint and in one push.
func TestOneScrapeAndOnePush(t *testing.T) {
	pushed := new(receiver)
	collector := httptest.NewServer(pushed)
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)

	url, stop := start(t)
	for _, path := range []string{"sign-in", "workspaces/dev/start"} {
		response, err := http.Post(url+path, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	scrape(t, url+"metrics") // adds to the families that count scrapes
	scraped := scrape(t, url+"metrics")
	stop() // pushes a last time

	for _, name := range append(fed(), "host_sign_ins_total", "host_workspace_starts_total") {
		if !slices.Contains(scraped, name) {
			t.Errorf("the scrape lacks %s", name)
		}
		if !pushed.has(name) {
			t.Errorf("the push lacks %s", name)
		}
	}
}

// TestCollision checks that the host does not start if one of its metrics has the name of a
// family, and that the error names the metric.
func TestCollision(t *testing.T) {
	registry := prometheus.NewRegistry()
	promauto.With(registry).NewGauge(prometheus.GaugeOpts{Name: "coderd_workspace_builds_total", Help: "Builds, as the host counts them."})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // without the error, run would serve
	defer cancel()
	err := run(ctx, "127.0.0.1:0", registry)
	if err == nil || !strings.Contains(err.Error(), "coderd_workspace_builds_total") {
		t.Errorf("got the error %v, want coderd_workspace_builds_total in it", err)
	}
}

// TestAddedLines checks that otelcoder needs at most 25 lines, and that the program compiles
// without them.
func TestAddedLines(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	var before strings.Builder
	added, within := 0, false
	for line := range strings.Lines(string(source)) {
		switch strings.TrimSpace(line) {
		case "// otelcoder:":
			within = true
		case "// end":
			within = false
		default:
			if within {
				added++
			} else {
				before.WriteString(line)
			}
		}
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if claim := fmt.Sprintf("%d lines serve", added); !strings.Contains(string(readme), claim) {
		t.Errorf("README.md lacks %q", claim)
	}
	if added == 0 || added > 25 {
		t.Errorf("%d lines are added, want 1 to 25", added)
	}
	if strings.Contains(before.String(), `"github.com/otelcoder`) {
		t.Error("an import of otelcoder is not among the added lines")
	}

	folder := t.TempDir()
	without := filepath.Join(folder, "main.go")
	replaced, err := filepath.Abs("main.go")
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{replaced: without}})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{without: []byte(before.String()), filepath.Join(folder, "overlay.json"): overlay} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	vet := exec.CommandContext(t.Context(), "go", "vet", "-overlay", filepath.Join(folder, "overlay.json"), ".") // compiles without linking
	if output, err := vet.CombinedOutput(); err != nil {
		t.Errorf("without the added lines: %v\n%s", err, output)
	}
}

// start runs the host. It returns its URL and a function that stops it.
func start(t *testing.T) (url string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, address, prometheus.NewRegistry()) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the host ended with %v, want nil", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	t.Cleanup(stop)
	deadline := time.Now().Add(10 * time.Second)
	for {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			connection.Close()
			return "http://" + address + "/", stop
		}
		select {
		case err := <-ended:
			t.Fatalf("the host ended before it listened: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("the host does not listen within 10s")
		}
	}
}

// scrape returns the names of the families that the endpoint serves.
func scrape(t *testing.T, url string) []string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", response.Status, err)
	}
	return slices.Collect(maps.Keys(families))
}

// receiver is an OTLP receiver that keeps the names of the metrics.
type receiver struct {
	mu    sync.Mutex
	names map[string]bool
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body := io.Reader(request.Body)
	if request.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(body)
	}
	content, _ := io.ReadAll(body)
	var push colmetrics.ExportMetricsServiceRequest
	if err := proto.Unmarshal(content, &push); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.names == nil {
		r.names = make(map[string]bool)
	}
	for _, resource := range push.ResourceMetrics {
		for _, scope := range resource.ScopeMetrics {
			for _, metric := range scope.Metrics {
				r.names[metric.Name] = true
			}
		}
	}
}

func (r *receiver) has(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.names[name]
}
