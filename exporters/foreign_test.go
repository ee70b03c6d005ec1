package exporters_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
)

const hostScope = "example.org/host"

// scopeLabels are the labels of the host's scope.
const scopeLabels = `otel_scope_name="example.org/host",otel_scope_schema_url="",otel_scope_version=""`

// must returns an instrument. It fails the test on an error.
func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func count(t *testing.T, provider metric.MeterProvider, scope, name string, options ...metric.Float64CounterOption) {
	t.Helper()
	must[metric.Float64Counter](t)(provider.Meter(scope).Float64Counter(name, options...)).Add(t.Context(), 1)
}

// hostLines returns the lines of a scrape that belong to no family of the catalogue.
func hostLines(text string) string {
	var lines strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, "host_") {
			lines.WriteString(line)
		}
	}
	return lines.String()
}

// TestForeignInstruments checks that instruments of a host have the default names of the
// OpenTelemetry Prometheus exporter.
func TestForeignInstruments(t *testing.T) {
	e := newExporter(t)
	p := e.Providers()
	meter := p.Process.Meter(hostScope)
	requests := must[metric.Int64Counter](t)(meter.Int64Counter("host.requests", metric.WithDescription("Requests.")))
	requests.Add(t.Context(), 2, metric.WithAttributes(attribute.String("url.path", "/")))
	requests.Add(t.Context(), 1, metric.WithAttributes(attribute.String("url.path", "/a")))
	must[metric.Int64UpDownCounter](t)(meter.Int64UpDownCounter("host.open")).Add(t.Context(), 4)
	must[metric.Float64Gauge](t)(meter.Float64Gauge("host.size", metric.WithUnit("By"))).Record(t.Context(), 8)
	must[metric.Float64Histogram](t)(meter.Float64Histogram("host.duration", metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(1, 5))).Record(t.Context(), 3)
	depth := must[metric.Int64ObservableGauge](t)(meter.Int64ObservableGauge("host.depth"))
	must[metric.Registration](t)(meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(depth, 6)
		return nil
	}, depth))
	// The same instrument in another scope, and another version of a scope.
	count(t, p.Process, "example.org/other", "host.requests", metric.WithDescription("Requests."))
	must[metric.Float64Gauge](t)(p.Deployment.Meter(hostScope).Float64Gauge("host.workspaces")).Record(t.Context(), 9)
	must[metric.Float64Gauge](t)(p.Workspaces.Meter(hostScope).Float64Gauge("host.builds")).Record(t.Context(), 7)

	const deployment = `# HELP host_workspaces 
# TYPE host_workspaces gauge
host_workspaces{` + scopeLabels + `} 9
`
	const replica = `# HELP host_builds 
# TYPE host_builds gauge
host_builds{` + scopeLabels + `} 7
# HELP host_depth 
# TYPE host_depth gauge
host_depth{` + scopeLabels + `} 6
# HELP host_duration_seconds 
# TYPE host_duration_seconds histogram
host_duration_seconds_bucket{` + scopeLabels + `,le="1"} 0
host_duration_seconds_bucket{` + scopeLabels + `,le="5"} 1
host_duration_seconds_bucket{` + scopeLabels + `,le="+Inf"} 1
host_duration_seconds_sum{` + scopeLabels + `} 3
host_duration_seconds_count{` + scopeLabels + `} 1
# HELP host_open 
# TYPE host_open gauge
host_open{` + scopeLabels + `} 4
# HELP host_requests_total Requests.
# TYPE host_requests_total counter
host_requests_total{otel_scope_name="example.org/other",otel_scope_schema_url="",otel_scope_version=""} 1
host_requests_total{` + scopeLabels + `,url_path="/"} 2
host_requests_total{` + scopeLabels + `,url_path="/a"} 1
# HELP host_size_bytes 
# TYPE host_size_bytes gauge
host_size_bytes{` + scopeLabels + `} 8
`
	for path, want := range map[string]string{
		"/":                   deployment + replica,
		"/metrics":            deployment + replica,
		"/metrics/deployment": deployment,
		"/metrics/replica":    replica,
	} {
		text := body(t, scrape(t, e, "GET", path))
		if got := hostLines(text); got != want {
			t.Errorf("%s: got\n%swant\n%s", path, got, want)
		}
		if strings.Contains(text, "target_info") {
			t.Errorf("%s serves target_info", path)
		}
	}
	// Instruments of the host neither change our families nor cause an error.
	text := body(t, scrape(t, e, "GET", "/metrics"))
	for _, series := range []string{deploymentSeries, replicaSeries, workspacesSeries, "\notelcoder_scrape_errors_total 0\n", `otelcoder_refused_total{origin="host",reason="name"} 0` + "\n"} {
		if !strings.Contains(text, series) {
			t.Errorf("the response lacks %q", series)
		}
	}
	// The next scrape has the change, although no change was announced.
	requests.Add(t.Context(), 5, metric.WithAttributes(attribute.String("url.path", "/")))
	if text := body(t, scrape(t, e, "GET", "/metrics")); !strings.Contains(text, `url_path="/"} 7`+"\n") {
		t.Errorf("a change is not served:\n%s", hostLines(text))
	}
	openMetrics := body(t, scrape(t, e, "GET", "/metrics", "Accept", "application/openmetrics-text"))
	if !strings.Contains(openMetrics, "# TYPE host_requests counter\nhost_requests_total{") || strings.Count(openMetrics, "# EOF") != 1 {
		t.Errorf("OpenMetrics lacks the counter host_requests or the single # EOF:\n%s", hostLines(openMetrics))
	}
}

// TestForeignInstrumentsFollowTheReporter checks that only the reporter serves foreign
// instruments of the groups deployment and workspaces.
func TestForeignInstrumentsFollowTheReporter(t *testing.T) {
	var reports atomic.Bool
	e := newExporter(t, exporters.WithReporter(reports.Load))
	p := e.Providers()
	count(t, p.Deployment, hostScope, "host.deployment")
	count(t, p.Workspaces, hostScope, "host.workspaces")
	count(t, p.Process, hostScope, "host.process")
	for _, reporting := range []bool{false, true} {
		reports.Store(reporting)
		text := body(t, scrape(t, e, "GET", "/metrics"))
		for name, want := range map[string]bool{"host_deployment_total": reporting, "host_workspaces_total": reporting, "host_process_total": true} {
			if got := strings.Contains(text, "\n"+name+"{"); got != want {
				t.Errorf("process is the reporter: %t; %s is served: %t", reporting, name, got)
			}
		}
	}
}

// refusedCount returns otelcoder_refused_total of the origin host and a reason.
func refusedCount(t *testing.T, e *exporters.Exporter, reason string) string {
	t.Helper()
	prefix := fmt.Sprintf("otelcoder_refused_total{origin=%q,reason=%q} ", "host", reason)
	for line := range strings.Lines(body(t, scrape(t, e, "GET", "/metrics/replica"))) {
		if n, ok := strings.CutPrefix(line, prefix); ok {
			return strings.TrimSpace(n)
		}
	}
	return "no series"
}

func TestWithoutForeignInstruments(t *testing.T) {
	var log strings.Builder
	e := newExporter(t, exporters.WithoutForeignInstruments(), exporters.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	p := e.Providers()
	for range 3 { // one instrument each
		count(t, p.Deployment, hostScope, "host.requests")
		count(t, p.Process, hostScope, "host.jobs")
	}
	text := body(t, scrape(t, e, "GET", "/metrics"))
	if got := hostLines(text); got != "" {
		t.Errorf("foreign instruments are served:\n%s", got)
	}
	if n := refusedCount(t, e, "instrument"); n != "2" {
		t.Errorf("%s refusals, want 2", n)
	}
	for _, name := range []string{"host.requests", "host.jobs"} {
		want := `level=WARN msg="an instrument is not served, and counted in otelcoder_refused_total" instrument=` + name +
			` scope=example.org/host reason=instrument because="the option WithoutForeignInstruments is set"`
		if n := strings.Count(log.String(), want); n != 1 {
			t.Errorf("got %d lines with %s, want 1, in\n%s", n, want, log.String())
		}
	}
}

// TestForeignNamesThatCollide checks that an instrument with the name of another family is
// refused when it is created, and causes no scrape errors.
func TestForeignNamesThatCollide(t *testing.T) {
	counter := func(name string) func(metric.Meter) error {
		return func(m metric.Meter) error { _, err := m.Float64Counter(name); return err }
	}
	gauge := func(name, unit string) func(metric.Meter) error {
		return func(m metric.Meter) error { _, err := m.Int64Gauge(name, metric.WithUnit(unit)); return err }
	}
	histogram := func(name string) func(metric.Meter) error {
		return func(m metric.Meter) error { _, err := m.Int64Histogram(name); return err }
	}
	for name, test := range map[string]struct {
		scope   string
		create  func(metric.Meter) error
		reason  string
		because string
	}{
		"a documented name":           {hostScope, counter("coderd_api_requests_processed_total"), "name", "coderd_api_requests_processed_total in the catalogue"},
		"one by translation":          {hostScope, gauge("coderd.agents.up", ""), "name", "coderd_agents_up in the catalogue"},
		"one by its unit":             {hostScope, gauge("otelcoder.rendered", "By"), "name", "otelcoder_rendered_bytes in the catalogue"},
		"a family of OpenMetrics":     {hostScope, gauge("coderd_api_requests_processed", ""), "name", "coderd_api_requests_processed_total in the catalogue"},
		"a runtime family":            {hostScope, gauge("go.goroutines", ""), "name", "go_goroutines in the catalogue"},
		"a sample of a histogram":     {hostScope, gauge("coderd_api_request_latencies_seconds_count", ""), "name", "coderd_api_request_latencies_seconds in the catalogue"},
		"a histogram over a sample":   {hostScope, histogram("host.taken"), "name", "host_taken_sum is that of the gauge host_taken_sum"},
		"another type":                {"example.org/other", gauge("host_requests_total", ""), "name", "host_requests_total is that of the counter host_requests_total of the process group"},
		"another name, the same":      {hostScope, counter("host_requests"), "name", "that of the instrument host.requests of the same scope"},
		"nothing but what is escaped": {hostScope, gauge("é", ""), "name", "empty name"},
		"not UTF-8":                   {hostScope, counter("host.\xff"), "name", "not valid UTF-8"},
		"our own scope":               {instrument.ScopeName, counter("jobs"), "instrument", "create it in a scope of your own"},
		"another group's":             {instrument.ScopeName, gauge("coderd.agents.up", ""), "instrument", "the process group of the catalogue does not hold it"},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			e := newExporter(t, exporters.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
			count(t, e.Providers().Process, hostScope, "host.requests")
			must[metric.Float64Gauge](t)(e.Providers().Process.Meter(hostScope).Float64Gauge("host.taken.sum")).Record(t.Context(), 1)
			before := typesOf(body(t, scrape(t, e, "GET", "/metrics")))
			if err := test.create(e.Providers().Process.Meter(test.scope)); err != nil && name != "nothing but what is escaped" && name != "not UTF-8" {
				t.Errorf("the creation fails: %v", err)
			}
			if got := typesOf(body(t, scrape(t, e, "GET", "/metrics"))); !slices.Equal(got, before) {
				t.Errorf("got the families\n%q, want\n%q", got, before)
			}
			if n := refusedCount(t, e, test.reason); n != "1" {
				t.Errorf("%s refusals, want 1", n)
			}
			if !strings.Contains(log.String(), test.because) {
				t.Errorf("the log lacks %q:\n%s", test.because, log.String())
			}
			if text := body(t, scrape(t, e, "GET", "/metrics")); !strings.Contains(text, "\notelcoder_scrape_errors_total 0\n") {
				t.Error("scrape errors are counted, want 0")
			}
		})
	}
}

// typesOf returns name and type of each family of a response, sorted.
func typesOf(text string) []string {
	var names []string
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			names = append(names, strings.TrimSpace(rest))
		}
	}
	return names
}

// TestForeignNameOfAnotherGroup checks that a name is refused in a second group: a response
// would have the family twice.
func TestForeignNameOfAnotherGroup(t *testing.T) {
	e := newExporter(t)
	count(t, e.Providers().Deployment, hostScope, "host.requests")
	count(t, e.Providers().Process, hostScope, "host.requests")
	text := body(t, scrape(t, e, "GET", "/metrics"))
	if n := strings.Count(text, "# TYPE host_requests_total "); n != 1 {
		t.Errorf("the family occurs %d times, want once", n)
	}
	if n := refusedCount(t, e, "name"); n != "1" {
		t.Errorf("%s refusals, want 1", n)
	}
}

// TestRefusedInstrumentInACallback checks that a callback may observe a refused instrument
// together with others.
func TestRefusedInstrumentInACallback(t *testing.T) {
	e := newExporter(t)
	meter := e.Providers().Process.Meter(hostScope)
	refused := must[metric.Float64ObservableGauge](t)(meter.Float64ObservableGauge("coderd.agents.up"))
	served := must[metric.Float64ObservableGauge](t)(meter.Float64ObservableGauge("host.depth"))
	must[metric.Registration](t)(meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveFloat64(refused, 1)
		o.ObserveFloat64(served, 2)
		return nil
	}, refused, served))
	text := body(t, scrape(t, e, "GET", "/metrics/replica"))
	if want := "host_depth{" + scopeLabels + "} 2\n"; !strings.Contains(text, want) || strings.Contains(text, "coderd_agents_up") {
		t.Errorf("the response lacks %q, or has the refused instrument:\n%s", want, text)
	}
}

// TestForeignInstrumentsOfTwoNumberTypes checks that an int64 and a float64 instrument cannot
// have the same name, since their series would be duplicates.
func TestForeignInstrumentsOfTwoNumberTypes(t *testing.T) {
	e := newExporter(t)
	meter := e.Providers().Process.Meter(hostScope)
	must[metric.Int64Counter](t)(meter.Int64Counter("host.requests")).Add(t.Context(), 3)
	must[metric.Float64Counter](t)(meter.Float64Counter("host.requests")).Add(t.Context(), 4)
	for range 2 {
		text := body(t, scrape(t, e, "GET", "/metrics/replica"))
		if n := strings.Count(text, "host_requests_total{"); n != 1 || !strings.Contains(text, "\notelcoder_scrape_errors_total 0\n") {
			t.Errorf("%d series, want 1 and no scrape error:\n%s", n, hostLines(text))
		}
	}
	if n := refusedCount(t, e, "name"); n != "1" {
		t.Errorf("%s refusals, want 1", n)
	}
}

// TestForeignInstrumentsOfTwoUnits checks that instruments with the same OpenTelemetry name
// but different Prometheus names are both served and pushed.
func TestForeignInstrumentsOfTwoUnits(t *testing.T) {
	var produced sdk.Producer
	e := newExporter(t, exporters.WithReader(func(c exporters.ReaderConfig) (sdk.Reader, error) {
		if c.Group == instrument.Process {
			produced = c.Producer
		}
		return nil, nil
	}))
	meter := e.Providers().Process.Meter(hostScope)
	must[metric.Int64Gauge](t)(meter.Int64Gauge("host.x")).Record(t.Context(), 3)
	must[metric.Float64Histogram](t)(meter.Float64Histogram("host.x", metric.WithUnit("ms"))).Record(t.Context(), 4)
	got := parsed(t, scrape(t, e, "GET", "/metrics/replica"))
	for _, name := range []string{"host_x", "host_x_milliseconds"} {
		if len(got[name]) != 1 {
			t.Errorf("%d series of %s, want 1", len(got[name]), name)
		}
	}
	pushed := 0
	for _, scope := range must[[]metricdata.ScopeMetrics](t)(produced.Produce(t.Context())) {
		for _, m := range scope.Metrics {
			if m.Name == "host.x" {
				pushed++
			}
		}
	}
	if n := refusedCount(t, e, "name"); n != "0" || pushed != 2 {
		t.Errorf("%s refusals, want 0; %d streams are pushed, want 2", n, pushed)
	}
}

// TestOverflow checks that an overflow at the SDK's cardinality limit is counted and logged,
// and that the limit does not apply to the catalogue's families.
func TestOverflow(t *testing.T) {
	const series = 2500
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		e := newExporter(t, exporters.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		requests := must[metric.Int64Counter](t)(e.Providers().Process.Meter(hostScope).Int64Counter("host.requests"))
		latencies := must[instrument.HistogramInstrument](t)(e.Providers().Histogram(instrument.APIRequestLatencies))
		for i := range series {
			requests.Add(t.Context(), 1, metric.WithAttributes(attribute.Int("i", i)))
			latencies.Record(t.Context(), 1, instrument.Documented.Labels(instrument.APIRequestLatencies, instrument.APIRequest{Path: fmt.Sprint(i)}))
		}
		text := body(t, scrape(t, e, "GET", "/metrics/replica"))
		if n := strings.Count(text, "host_requests_total{"); n != 2000 {
			t.Errorf("%d series of a foreign instrument, want the SDK's 2000", n)
		}
		if want := `host_requests_total{otel_metric_overflow="true",` + scopeLabels + "} 501\n"; !strings.Contains(text, want) {
			t.Errorf("the response lacks %q", want)
		}
		if n := strings.Count(text, "coderd_api_request_latencies_seconds_count{"); n != series {
			t.Errorf("%d series of the catalogue, want %d", n, series)
		}
		// An overflow of a family of the catalogue is counted as well.
		must[metric.Float64Histogram](t)(e.Providers().Process.Meter(instrument.ScopeName).Float64Histogram("coderd.api.websocket.duration",
			metric.WithUnit("s"))).Record(t.Context(), 1, metric.WithAttributes(attribute.Bool("otel.metric.overflow", true)))
		scrape(t, e, "GET", "/metrics/replica")
		if n := refusedCount(t, e, "overflow"); n != "3" { // the next scrape shows the overflow of this one
			t.Errorf("%s collections with folded series, want 3", n)
		}
		for _, stream := range []string{"host.requests", "coderd_api_websocket_durations_seconds"} {
			if n := strings.Count(log.String(), "otel.metric.overflow: the stream has more than the cardinality limit\" stream="+stream+" "); n != 1 {
				t.Errorf("%d lines about %s, want 1:\n%s", n, stream, log.String())
			}
		}
		time.Sleep(time.Hour)
		scrape(t, e, "GET", "/metrics/replica")
		if n := strings.Count(log.String(), "stream=host.requests "); n != 2 {
			t.Errorf("%d lines after an hour, want 2", n)
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestForeignInvalidText checks that scrapes and readers leave out series with invalid UTF-8.
func TestForeignInvalidText(t *testing.T) {
	var produced sdk.Producer
	e := newExporter(t, exporters.WithReader(func(c exporters.ReaderConfig) (sdk.Reader, error) {
		if c.Group == instrument.Process {
			produced = c.Producer
		}
		return sdk.NewManualReader(), nil
	}))
	requests := must[metric.Int64Counter](t)(e.Providers().Process.Meter(hostScope).Int64Counter("host.requests"))
	for _, path := range []string{"/a", "/\xff", "/b"} {
		requests.Add(t.Context(), 1, metric.WithAttributes(attribute.String("path", path)))
	}
	scopes, err := produced.Produce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, scope := range scopes {
		for _, m := range scope.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "host.requests" {
				for _, p := range sum.DataPoints {
					path, _ := p.Attributes.Value("path")
					paths = append(paths, path.AsString())
				}
			}
		}
	}
	slices.Sort(paths)
	if !slices.Equal(paths, []string{"/a", "/b"}) {
		t.Errorf("a reader got the paths %q, want /a and /b", paths)
	}
	if n := strings.Count(body(t, scrape(t, e, "GET", "/metrics/replica")), "host_requests_total{"); n != 2 {
		t.Errorf("%d series are served, want 2", n)
	}
	if text := body(t, scrape(t, e, "GET", "/metrics/replica")); strings.Contains(text, "\notelcoder_scrape_errors_total 0\n") {
		t.Error("no scrape error is counted")
	}
}

// TestForeignAttributeOfTheFormat checks that a series of a histogram with an attribute le is
// left out. Its buckets would have the label le twice, and Prometheus would refuse the
// response.
func TestForeignAttributeOfTheFormat(t *testing.T) {
	var log logged
	e := newExporter(t, log.option())
	durations := must[metric.Float64Histogram](t)(e.Providers().Process.Meter(hostScope).Float64Histogram("host.duration"))
	durations.Record(t.Context(), 1, metric.WithAttributes(attribute.String("le", "1")))
	durations.Record(t.Context(), 1, metric.WithAttributes(attribute.String("path", "/")))
	must[metric.Float64Gauge](t)(e.Providers().Process.Meter(hostScope).Float64Gauge("host.size")).
		Record(t.Context(), 1, metric.WithAttributes(attribute.String("le", "1")))
	for _, accept := range []string{"text/plain", acceptOpenMetrics} {
		text := body(t, scrape(t, e, "GET", "/metrics", "Accept", accept))
		if n := strings.Count(text, "host_duration_count{"); n != 1 || strings.Contains(text, `host_duration_bucket{le="1"`) {
			t.Errorf("%s: %d histograms, want 1:\n%s", accept, n, hostLines(text))
		}
		if !strings.Contains(text, `host_size{le="1"`) {
			t.Errorf("%s: the gauge is not served:\n%s", accept, hostLines(text))
		}
	}
	for _, f := range must[[]*dto.MetricFamily](t)(e.Gather()) {
		if f.GetName() == "host_duration" && len(f.Metric) != 1 {
			t.Errorf("%d histograms are gathered, want 1", len(f.Metric))
		}
	}
	if got := scrapeErrors(t, e); got != "3" {
		t.Errorf("%s scrape errors, want 3", got)
	}
	if log.count(`host_duration: a series has a label named \"le\"`) != 1 {
		t.Errorf("not logged once:\n%s", log.text.String())
	}
}

// TestForeignCallbackHangs checks that only one scrape waits for a callback that hangs, and
// that only the callback's families are left out.
func TestForeignCallbackHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logged
		e := newExporter(t, log.option(), exporters.WithMaxScrapes(1))
		hang := make(chan struct{})
		hangs := false
		must[metric.Int64ObservableGauge](t)(e.Providers().Process.Meter(hostScope).Int64ObservableGauge("host.depth",
			metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
				if hangs {
					<-hang
				}
				o.Observe(6)
				return nil
			})))
		scrape(t, e, "GET", "/metrics")
		hangs = true
		began := time.Now()
		for range 3 {
			got := parsed(t, scrape(t, e, "GET", "/metrics"))
			if len(got["host_depth"]) != 0 || len(got["go_goroutines"]) != 1 {
				t.Errorf("got the families %q, want go_goroutines and no host_depth", got.names())
			}
		}
		if got := gathered(t, e); len(got["host_depth"]) != 0 || len(got["go_goroutines"]) != 1 {
			t.Errorf("gathered the families %q, want go_goroutines and no host_depth", got.names())
		}
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("three scrapes and Gather waited %v, want 5s", waited)
		}
		if got := parsed(t, scrape(t, e, "GET", "/metrics/deployment")); len(got["coderd_agents_up"]) != 1 {
			t.Errorf("/metrics/deployment has %q, want coderd_agents_up", got.names())
		}
		hangs = false
		close(hang)
		synctest.Wait()
		for range 2 {
			if got := parsed(t, scrape(t, e, "GET", "/metrics")); len(got["host_depth"]) != 1 {
				t.Error("host_depth is not served after the callback has returned")
			}
		}
		if got := scrapeErrors(t, e); got != "4" {
			t.Errorf("%s scrape errors, want 4", got)
		}
		if log.count("process group has not returned within 5s") != 1 || log.count("complete again") != 1 || log.count("level=") != 2 {
			t.Errorf("logged:\n%s", log.text.String())
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestForeignCallbackWithItsContext checks that the context of a callback ends after 5 s.
func TestForeignCallbackWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newExporter(t)
		must[metric.Int64ObservableGauge](t)(e.Providers().Deployment.Meter(hostScope).Int64ObservableGauge("host.depth",
			metric.WithInt64Callback(func(ctx context.Context, _ metric.Int64Observer) error {
				<-ctx.Done()
				return ctx.Err()
			})))
		began := time.Now()
		if got := gathered(t, e); len(got["coderd_agents_up"]) != 1 {
			t.Errorf("gathered the families %q, want coderd_agents_up", got.names())
		}
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("Gather waited %v, want 5s", waited)
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestForeignCallbackEndsItsGoroutine checks that a callback that calls runtime.Goexit ends
// neither the scrape nor later collections.
func TestForeignCallbackEndsItsGoroutine(t *testing.T) {
	var log logged
	e := newExporter(t, log.option())
	calls := 0
	must[metric.Int64ObservableGauge](t)(e.Providers().Process.Meter(hostScope).Int64ObservableGauge("host.depth",
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			if calls++; calls == 1 {
				runtime.Goexit()
			}
			o.Observe(6)
			return nil
		})))
	for _, want := range []int{0, 1} {
		if got := parsed(t, scrape(t, e, "GET", "/metrics")); len(got["host_depth"]) != want || len(got["go_goroutines"]) != 1 {
			t.Errorf("got the families %q, want go_goroutines and %d series of host_depth", got.names(), want)
		}
	}
	if log.count("has ended its goroutine") != 1 {
		t.Errorf("logged:\n%s", log.text.String())
	}
}

// TestForeignInstrumentsByName checks that name[] selects foreign instruments like families
// of the catalogue.
func TestForeignInstrumentsByName(t *testing.T) {
	e := newExporter(t)
	count(t, e.Providers().Process, hostScope, "host.requests")
	count(t, e.Providers().Process, hostScope, "host.jobs")
	count(t, e.Providers().Deployment, hostScope, "host.users")
	for query, want := range map[string][]string{
		"name[]=host_requests_total":                           {"host_requests_total counter"},
		"name[]=host_users_total&name[]=coderd_agents_up":      {"coderd_agents_up gauge", "host_users_total counter"},
		"name[]=coderd_agents_up":                              {"coderd_agents_up gauge"},
		"name[]=host_requests&name[]=otel_scope_name&name[]=x": nil,
	} {
		if got := typesOf(body(t, scrape(t, e, "GET", "/metrics?"+query))); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

// TestForeignInstrumentsAreGathered checks that Gather also returns foreign instruments of
// the groups that this process reports.
func TestForeignInstrumentsAreGathered(t *testing.T) {
	var reports atomic.Bool
	e := newExporter(t, exporters.WithReporter(reports.Load))
	count(t, e.Providers().Process, hostScope, "host.requests")
	count(t, e.Providers().Deployment, hostScope, "host.users")
	for _, reporting := range []bool{false, true} {
		reports.Store(reporting)
		gathered, err := e.Gather()
		if err != nil {
			t.Fatal(err)
		}
		has := make(map[string]bool)
		for _, f := range gathered {
			has[f.GetName()] = true
		}
		if !has["host_requests_total"] || has["host_users_total"] != reporting {
			t.Errorf("process is the reporter: %t; gathered the counter of the process: %t, of the deployment: %t",
				reporting, has["host_requests_total"], has["host_users_total"])
		}
	}
}

// TestForeignInstrumentsBesideAGatherer checks that a metric of the host's registry with the
// name of one of the host's instruments is left out: names in a response are unique, in
// OpenMetrics too.
func TestForeignInstrumentsBesideAGatherer(t *testing.T) {
	registry := prometheus.NewRegistry()
	host := promauto.With(registry)
	host.NewCounter(prometheus.CounterOpts{Name: "host_requests_total"})
	host.NewGauge(prometheus.GaugeOpts{Name: "host_jobs"})
	host.NewCounter(prometheus.CounterOpts{Name: "host_open_total"})
	host.NewGauge(prometheus.GaugeOpts{Name: "host_kept"})
	e := newExporter(t, exporters.WithGatherer(registry))
	count(t, e.Providers().Process, hostScope, "host.requests")
	count(t, e.Providers().Process, hostScope, "host.jobs") // OpenMetrics names the family host_jobs
	must[metric.Float64Gauge](t)(e.Providers().Process.Meter(hostScope).Float64Gauge("host.open")).Record(t.Context(), 1)
	for accept, want := range map[string][]string{
		"text/plain":                   {"host_jobs_total counter", "host_kept gauge", "host_open gauge", "host_open_total counter", "host_requests_total counter"},
		"application/openmetrics-text": {"host_jobs counter", "host_kept gauge", "host_open gauge", "host_open_total unknown", "host_requests counter"},
	} {
		var got []string
		for _, family := range typesOf(body(t, scrape(t, e, "GET", "/metrics", "Accept", accept))) {
			if strings.HasPrefix(family, "host_") {
				got = append(got, family)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", accept, got, want)
		}
	}
	if text := body(t, scrape(t, e, "GET", "/metrics/replica")); strings.Contains(text, "\notelcoder_scrape_errors_total 0\n") {
		t.Error("no scrape error is counted for the metric left out")
	}
}
