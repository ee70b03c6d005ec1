package exporters_test

import (
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newExporter returns an Exporter that observes one family of each group.
func newExporter(t *testing.T, options ...exporters.Option) *exporters.Exporter {
	t.Helper()
	e, err := exporters.New(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Shutdown(context.WithoutCancel(t.Context())) })
	observe(t, e, instrument.AgentsUp, instrument.Documented.Labels(instrument.AgentsUp, instrument.WorkspaceAgents{TemplateName: "tmpl", Username: "ann", WorkspaceName: "dev"}), 2)
	observe(t, e, instrument.APIConcurrentRequests, instrument.Documented.Labels(instrument.APIConcurrentRequests, instrument.NoLabels{}), 3)
	observe(t, e, instrument.ProvisionerdJobsCurrent, instrument.Documented.Labels(instrument.ProvisionerdJobsCurrent, instrument.ProvisionerJob{Provisioner: "terraform"}), 4)
	return e
}

func observe(t *testing.T, e *exporters.Exporter, f instrument.Family, labels instrument.Labels, value float64) {
	t.Helper()
	_, err := e.Providers().Observe(func(o instrument.Observer) { o.Observe(f, labels, value) }, f)
	if err != nil {
		t.Fatal(err)
	}
}

// scrape requests a path of the endpoint. Headers are name, value pairs.
func scrape(t *testing.T, e *exporters.Exporter, method, path string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for h := range slices.Chunk(headers, 2) {
		r.Header.Set(h[0], h[1])
	}
	w := httptest.NewRecorder()
	e.Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, response *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const (
	deploymentSeries = `coderd_agents_up{template_name="tmpl",username="ann",workspace_name="dev"} 2` + "\n"
	replicaSeries    = "coderd_api_concurrent_requests 3\n"
	workspacesSeries = `coderd_provisionerd_jobs_current{provisioner="terraform"} 4` + "\n"
)

func TestPathsServeTheirScope(t *testing.T) {
	e := newExporter(t)
	for path, want := range map[string]struct{ deployment, replica bool }{
		"/":                    {true, true},
		"/metrics":             {true, true},
		"/metrics/":            {true, true},
		"/metrics/deployment":  {true, false},
		"/metrics/deployment/": {true, false},
		"/metrics/replica":     {false, true},
		"/metrics/replica/":    {false, true},
	} {
		text := body(t, scrape(t, e, "GET", path))
		if got := strings.Contains(text, deploymentSeries); got != want.deployment {
			t.Errorf("%s: deployment series present: %t, want %t", path, got, want.deployment)
		}
		for _, series := range []string{replicaSeries, workspacesSeries, "\ngo_goroutines ", "\nprocess_cpu_seconds_total ", "\notelcoder_reporter 1\n"} {
			if got := strings.Contains(text, series); got != want.replica {
				t.Errorf("%s: %q present: %t, want %t", path, series, got, want.replica)
			}
		}
	}
}

func TestOtherPathsAndMethodsAreRefused(t *testing.T) {
	e := newExporter(t)
	for _, path := range []string{"/metrics/other", "/metrics/deployment/other", "/debug/pprof/", "/favicon.ico"} {
		if got := scrape(t, e, "GET", path).StatusCode; got != http.StatusNotFound {
			t.Errorf("GET %s: status %d, want 404", path, got)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "FOO"} {
		response := scrape(t, e, method, "/metrics")
		if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s /metrics: status %d, Allow %q, want 405, \"GET, HEAD\"", method, response.StatusCode, response.Header.Get("Allow"))
		}
	}
}

func TestHeadAnswersWithoutABody(t *testing.T) {
	e := newExporter(t)
	server := httptest.NewServer(e.Handler())
	defer server.Close()
	response, err := http.Head(server.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Errorf("HEAD: status %d, content type %q, want 200 and text", response.StatusCode, response.Header.Get("Content-Type"))
	}
	if text := body(t, response); text != "" {
		t.Errorf("HEAD: got the body %q, want none", text)
	}
}

func TestFormats(t *testing.T) {
	const protobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
	e := newExporter(t)
	for name, test := range map[string]struct {
		accept, contentType string
	}{
		"curl":        {"*/*", "text/plain; version=0.0.4"},
		"browser":     {"text/html,application/xhtml+xml,*/*;q=0.8", "text/plain; version=0.0.4"},
		"text":        {"text/plain;version=0.0.4", "text/plain; version=0.0.4"},
		"openmetrics": {"application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0"},
		"protobuf":    {protobuf, protobuf},
	} {
		t.Run(name, func(t *testing.T) {
			response := scrape(t, e, "GET", "/metrics", "Accept", test.accept)
			contentType := response.Header.Get("Content-Type")
			if !strings.HasPrefix(contentType, test.contentType) {
				t.Errorf("content type %q, want %q", contentType, test.contentType)
			}
			text := body(t, response)
			if name == "openmetrics" && (strings.Count(text, "# EOF") != 1 || !strings.HasSuffix(text, "\n# EOF\n")) {
				t.Error("OpenMetrics does not end in one # EOF")
			}
			if name == "protobuf" {
				families := decode(t, text, expfmt.NewFormat(expfmt.TypeProtoDelim))
				if got := families["coderd_agents_up"]; got != 2 {
					t.Errorf("coderd_agents_up is %v, want 2", got)
				}
				return
			}
			if !strings.Contains(text, "coderd_agents_up{") {
				t.Error("the response lacks coderd_agents_up")
			}
		})
	}
}

func decode(t *testing.T, text string, format expfmt.Format) map[string]float64 {
	t.Helper()
	decoder := expfmt.SampleDecoder{
		Dec:  expfmt.NewDecoder(strings.NewReader(text), format),
		Opts: &expfmt.DecodeOptions{Timestamp: model.Now()},
	}
	values := make(map[string]float64)
	for {
		var samples model.Vector
		err := decoder.Decode(&samples)
		if err == io.EOF {
			return values
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, sample := range samples {
			values[string(sample.Metric[model.MetricNameLabel])] = float64(sample.Value)
		}
	}
}

func TestGzip(t *testing.T) {
	e := newExporter(t)
	for accept, want := range map[string]bool{
		"gzip":                  true,
		"deflate, GZIP;q=0.5":   true,
		"":                      false,
		"identity":              false,
		"gzip;q=0, *;q=0":       false,
		"gzip; q=0.000, br;q=1": false,
		"gzip;Q=0":              false,
		"br, gzip;Q=0.001":      true,
		"x-gzip":                true,
		"gzip;q=unknown":        false,
		"gzip;\tq=1;":           true,
	} {
		response := scrape(t, e, "GET", "/metrics", "Accept-Encoding", accept)
		if got := response.Header.Get("Content-Encoding") == "gzip"; got != want {
			t.Errorf("Accept-Encoding %q: gzipped %t, want %t", accept, got, want)
		}
		if !want {
			continue
		}
		reader, err := gzip.NewReader(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), deploymentSeries) {
			t.Errorf("Accept-Encoding %q: the response lacks %q", accept, deploymentSeries)
		}
	}
}

// TestOnlyTheReporterServesTheDeployment checks that a replica without the role does not
// serve the deployment's families: Prometheus would count them once per replica.
func TestOnlyTheReporterServesTheDeployment(t *testing.T) {
	reports := false
	e := newExporter(t, exporters.WithReporter(func() bool { return reports }))

	response := scrape(t, e, "GET", "/metrics/deployment")
	if text := body(t, response); response.StatusCode != http.StatusOK || text != "" {
		t.Errorf("without the role: status %d, body %q; want 200 and no body", response.StatusCode, text)
	}
	text := body(t, scrape(t, e, "GET", "/"))
	if strings.Contains(text, "coderd_agents_up") || strings.Contains(text, workspacesSeries) || !strings.Contains(text, "\notelcoder_reporter 0\n") || !strings.Contains(text, replicaSeries) {
		t.Error("without the role: / does not serve only the replica scope, with otelcoder_reporter 0")
	}

	reports = true
	if text := body(t, scrape(t, e, "GET", "/")); !strings.Contains(text, deploymentSeries) || !strings.Contains(text, workspacesSeries) {
		t.Error("with the role: / does not serve the deployment scope")
	}
}

// TestTheRoleIsLostWhileAnAnswerIsPrepared checks that a process that loses the role while it
// prepares a response leaves out the reporter's families.
func TestTheRoleIsLostWhileAnAnswerIsPrepared(t *testing.T) {
	var reports atomic.Bool
	reports.Store(true)
	e := newExporter(t, exporters.WithReporter(reports.Load))
	_, err := e.Providers().Observe(func(instrument.Observer) { reports.Store(false) }, instrument.OAuth2Requests)
	if err != nil {
		t.Fatal(err)
	}
	text := body(t, scrape(t, e, "GET", "/metrics"))
	if strings.Contains(text, deploymentSeries) || strings.Contains(text, workspacesSeries) || !strings.Contains(text, "\notelcoder_reporter 0\n") || !strings.Contains(text, replicaSeries) {
		t.Errorf("want only the replica scope, with otelcoder_reporter 0; got\n%s", text)
	}
}

// onWrite calls a function before each write of a response.
type onWrite struct {
	http.ResponseWriter
	call func()
}

func (w onWrite) Write(p []byte) (int, error) {
	w.call()
	return w.ResponseWriter.Write(p)
}

// TestTheRoleIsLostWhileAnAnswerIsWritten checks that a response is incomplete if the role is
// lost while it is written. A process can be suspended then, and another one can take over.
func TestTheRoleIsLostWhileAnAnswerIsWritten(t *testing.T) {
	var reports atomic.Bool
	e := newExporter(t, exporters.WithReporter(reports.Load))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.Handler().ServeHTTP(onWrite{w, func() { reports.Store(false) }}, r)
	}))
	defer server.Close()
	// On a reused connection the client would retry.
	once := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path, accept, encoding string) error {
		r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		r.Header.Set("Accept-Encoding", encoding)
		response, err := once.Do(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, err = io.ReadAll(response.Body)
		return err
	}
	for _, path := range []string{"/metrics", "/metrics/deployment"} {
		for _, accept := range []string{"text/plain", "application/openmetrics-text", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"} {
			for _, encoding := range []string{"identity", "gzip"} {
				reports.Store(true)
				if err := get(path, accept, encoding); err == nil {
					t.Errorf("%s as %s, %s: the response is complete", path, accept, encoding)
				}
				if err := get(path, accept, encoding); err != nil {
					t.Errorf("%s as %s, %s: without the role: %v", path, accept, encoding, err)
				}
			}
		}
	}
}

// TestASeriesThatCannotBeServedIsLeftOut checks that an invalid series is left out. With the
// defaults of client_golang it would fail the whole scrape with 500.
func TestASeriesThatCannotBeServedIsLeftOut(t *testing.T) {
	var log strings.Builder
	e := newExporter(t, exporters.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	agent := instrument.Agent{AgentName: "main", Username: "ann", WorkspaceName: "dev"}
	observe(t, e, instrument.AgentsApps, instrument.Documented.Labels(instrument.AgentsApps, instrument.AgentApp{Agent: agent, AppName: "bad \xff", Health: "healthy"}), 1)
	observe(t, e, instrument.AgentsApps, instrument.Documented.Labels(instrument.AgentsApps, instrument.AgentApp{Agent: agent, AppName: "good", Health: "healthy"}), 1)

	for range 2 {
		response := scrape(t, e, "GET", "/")
		text := body(t, response)
		if response.StatusCode != http.StatusOK {
			t.Fatalf("status %d: %s", response.StatusCode, text)
		}
		for _, series := range []string{deploymentSeries, replicaSeries, `app_name="good"`} {
			if !strings.Contains(text, series) {
				t.Errorf("the response lacks %q", series)
			}
		}
		if strings.Contains(text, "bad") {
			t.Error("the invalid series is served")
		}
	}
	if text := body(t, scrape(t, e, "GET", "/metrics/replica")); !strings.Contains(text, "\notelcoder_scrape_errors_total 1\n") {
		t.Error("the series left out is not counted once as a scrape error")
	}
	if got := strings.Count(log.String(), "scrape is incomplete"); got != 1 {
		t.Errorf("logged %d times, want once:\n%s", got, log.String())
	}
}

func TestRuntimeFamiliesAreTheDocumentedOnes(t *testing.T) {
	text := body(t, scrape(t, newExporter(t), "GET", "/"))
	for _, line := range []string{
		"# HELP go_threads Number of OS threads created.",
		"# HELP go_memstats_alloc_bytes_total Total number of bytes allocated, even if freed.",
		"# TYPE go_memstats_lookups_total counter",
		"go_memstats_lookups_total 0",
		"# TYPE go_gc_duration_seconds summary",
		`promhttp_metric_handler_requests_total{code="200"} 0`,
		"promhttp_metric_handler_requests_in_flight 1",
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
	for _, undocumented := range []string{"go_gc_gogc_percent", "go_sched_gomaxprocs_threads", "process_network_", "promhttp_metric_handler_errors_total", "target_info", "otel_scope_"} {
		if strings.Contains(text, undocumented) {
			t.Errorf("undocumented %s is served", undocumented)
		}
	}
}

func TestScrapesAreCountedByStatus(t *testing.T) {
	e := newExporter(t)
	for _, path := range []string{"/", "/metrics", "/metrics/deployment", "/metrics/replica"} {
		scrape(t, e, "GET", path)
	}
	if text := body(t, scrape(t, e, "GET", "/")); !strings.Contains(text, `promhttp_metric_handler_requests_total{code="200"} 4`+"\n") {
		t.Error("the counter of scrapes is not 4 after four scrapes")
	}
}

// TestOpenMetricsUsesNoNameTwice checks a counter whose OpenMetrics family, which is named
// without _total, would have the name of the gauge go_memstats_alloc_bytes.
func TestOpenMetricsUsesNoNameTwice(t *testing.T) {
	text := body(t, scrape(t, newExporter(t), "GET", "/", "Accept", "application/openmetrics-text;version=1.0.0"))
	for line, want := range map[string]int{
		"# TYPE go_memstats_alloc_bytes gauge\n":         1,
		"# TYPE go_memstats_alloc_bytes_total unknown\n": 1,
		"# TYPE go_memstats_alloc_bytes counter\n":       0,
		"\ngo_memstats_alloc_bytes_total ":               1,
		"# TYPE go_memstats_mallocs counter\n":           1,
	} {
		if got := strings.Count(text, line); got != want {
			t.Errorf("%q occurs %d times, want %d", line, got, want)
		}
	}
}

func TestRenderedBytesAreReported(t *testing.T) {
	e := newExporter(t)
	held := func(format string) bool {
		text := body(t, scrape(t, e, "GET", "/metrics/replica"))
		return !strings.Contains(text, `otelcoder_rendered_bytes{format="`+format+`"} 0`+"\n")
	}
	scrape(t, e, "GET", "/metrics/deployment")
	if !held("text") {
		t.Error("no rendered bytes are reported for text, which was requested")
	}
	if held("openmetrics") {
		t.Error("rendered bytes are reported for OpenMetrics, which was not requested")
	}
}

// TestAnnouncedChangesAreServed checks that cached families are rendered again after an
// announced change, at most every five seconds.
func TestAnnouncedChangesAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newExporter(t)
		var users atomic.Int64
		observation, err := e.Providers().Observe(func(o instrument.Observer) {
			o.Observe(instrument.APIActiveUsers, instrument.Documented.Labels(instrument.APIActiveUsers, instrument.NoLabels{}), float64(users.Load()))
		}, instrument.APIActiveUsers)
		if err != nil {
			t.Fatal(err)
		}
		want := func(series string) {
			t.Helper()
			synctest.Wait()
			if text := body(t, scrape(t, e, "GET", "/metrics/deployment")); !strings.Contains(text, series) {
				t.Errorf("the response lacks %q:\n%s", series, text)
			}
		}
		want("coderd_api_active_users_duration_hour 0\n")
		time.Sleep(6 * time.Second)
		users.Store(1)
		want("coderd_api_active_users_duration_hour 0\n")
		observation.Changed()
		want("coderd_api_active_users_duration_hour 1\n")
		users.Store(2)
		observation.Changed()
		want("coderd_api_active_users_duration_hour 1\n")
		time.Sleep(5 * time.Second)
		want("coderd_api_active_users_duration_hour 2\n")
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestListenErrorsSayWhatToDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	e := newExporter(t)
	for address, want := range map[string]string{
		taken.Addr().String(): "another process listens there; choose another address",
		"":                    "without an address: give one of this host as <host>:<port>",
		"nowhere":             `"nowhere": give an address of this host as <host>:<port>`,
		"127.0.0.1:99999":     "give an address of this host as <host>:<port>",
	} {
		err := e.ListenAndServe(t.Context(), address)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q, want one line with %q", address, err, want)
		}
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	e := newExporter(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- e.Serve(ctx, listener) }()

	client := &http.Client{Transport: new(http.Transport)}
	response, err := client.Get("http://" + listener.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	if text := body(t, response); !strings.Contains(text, deploymentSeries) {
		t.Error("the server does not serve the endpoint")
	}
	response.Body.Close()

	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	client.CloseIdleConnections()
	if _, err := net.Dial("tcp", listener.Addr().String()); err == nil {
		t.Error("the listener is still open")
	}
}
