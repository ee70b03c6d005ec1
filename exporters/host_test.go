package exporters_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
)

const (
	acceptOpenMetrics = "application/openmetrics-text;version=1.0.0"
	acceptProtobuf    = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

// answer has the samples of each family of a parsed scrape.
type answer map[string][]string

func (a answer) names() []string { return slices.Sorted(maps.Keys(a)) }

// parsed parses a response strictly: families and series must be unique, and samples must
// follow the type of their family.
func parsed(t *testing.T, response *http.Response) answer {
	t.Helper()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", response.Status, body(t, response))
	}
	if response.Header.Get("Content-Encoding") == "gzip" {
		compressed := []byte(body(t, response))
		if length := response.Header.Get("Content-Length"); length != fmt.Sprint(len(compressed)) {
			t.Errorf("body of %d bytes, Content-Length %s", len(compressed), length)
		}
		from := bytes.NewReader(compressed)
		member, err := gzip.NewReader(from)
		if err != nil {
			t.Fatal(err)
		}
		member.Multistream(false) // as curl and zlib
		text, err := io.ReadAll(member)
		if err != nil || from.Len() > 0 {
			t.Fatalf("not a single gzip member: %v, %d bytes follow it", err, from.Len())
		}
		response.Body = io.NopCloser(bytes.NewReader(text))
	}
	text := body(t, response)
	contentType := response.Header.Get("Content-Type")
	switch {
	case strings.HasPrefix(contentType, "application/openmetrics-text"):
		return parsedOpenMetrics(t, text)
	case strings.HasPrefix(contentType, "text/plain"):
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		types := strings.Count(text, "# TYPE ")
		if types != len(families) {
			t.Errorf("%d families have %d TYPE lines", len(families), types)
		}
		return samplesOf(t, slices.Collect(maps.Values(families)))
	}
	var families []*dto.MetricFamily
	decoder := expfmt.NewDecoder(strings.NewReader(text), expfmt.FmtProtoDelim.WithEscapingScheme(model.NoEscaping))
	for {
		var f dto.MetricFamily
		err := decoder.Decode(&f)
		if err == io.EOF {
			return samplesOf(t, families)
		}
		if err != nil {
			t.Fatal(err)
		}
		families = append(families, &f)
	}
}

func samplesOf(t *testing.T, families []*dto.MetricFamily) answer {
	t.Helper()
	a := make(answer)
	for _, f := range families {
		if _, twice := a[f.GetName()]; twice {
			t.Errorf("family %s occurs twice", f.GetName())
		}
		for _, m := range f.Metric {
			series := fmt.Sprint(m.Label)
			if slices.Contains(a[f.GetName()], series) {
				t.Errorf("series %s%s occurs twice", f.GetName(), series)
			}
			a[f.GetName()] = append(a[f.GetName()], series)
		}
	}
	return a
}

// openMetricsSuffixes maps each type of OpenMetrics to the suffixes that its families
// reserve.
var openMetricsSuffixes = map[string][]string{
	"counter": {"", "_total", "_created"}, "gauge": {""}, "unknown": {""},
	"histogram": {"", "_bucket", "_count", "_sum", "_created"}, "summary": {"", "_count", "_sum", "_created"},
}

// parsedOpenMetrics parses OpenMetrics text. It names families as the other formats do.
func parsedOpenMetrics(t *testing.T, text string) answer {
	t.Helper()
	text, ended := strings.CutSuffix(text, "# EOF\n")
	if !ended || strings.Contains(text, "# EOF") {
		t.Errorf("OpenMetrics does not end in one # EOF")
	}
	a := make(answer)
	families := make(map[string]bool)
	samples := make(map[string]string) // name of a sample to its family
	var name, of string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, of, _ = strings.Cut(rest, " ")
			name = strings.Trim(name, `"`)
			if families[name] {
				t.Errorf("family %s occurs twice", name)
			}
			families[name] = true
			for _, suffix := range openMetricsSuffixes[of] {
				if other, taken := samples[name+suffix]; taken {
					t.Errorf("the families %s and %s both use the name %s", other, name, name+suffix)
				}
				samples[name+suffix] = name
			}
			if of == "counter" {
				name += "_total"
			}
			continue
		}
		if rest, ok := strings.CutPrefix(line, "# UNIT "); ok {
			i := strings.LastIndexByte(rest, ' ')
			of := strings.Trim(rest[:i], `"`)
			if unit := rest[i+1:]; !strings.HasSuffix(of, "_"+unit) {
				t.Errorf("the name of the family %s does not end in its unit %s", of, unit)
			}
			continue
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		series, _, _ := strings.Cut(line, " ")
		if strings.HasPrefix(line, `{"`) {
			series = line[2:]
		}
		rest, ok := strings.CutPrefix(series, name)
		if !ok {
			t.Errorf("sample %q does not fit the family %s of type %s", line, name, of)
		}
		a[name] = append(a[name], rest)
	}
	return a
}

// ask scrapes in all formats and encodings.
func ask(t *testing.T, e *exporters.Exporter, path string) map[string]answer {
	t.Helper()
	answers := make(map[string]answer)
	for format, accept := range map[string]string{"text": "text/plain", "openmetrics": acceptOpenMetrics, "protobuf": acceptProtobuf} {
		for _, encoding := range []string{"identity", "gzip"} {
			answers[format+", "+encoding] = parsed(t, scrape(t, e, "GET", path, "Accept", accept, "Accept-Encoding", encoding))
		}
	}
	return answers
}

// registry returns a registry with metrics of each type.
func registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	of := promauto.With(r)
	of.NewCounter(prometheus.CounterOpts{Name: "host_jobs_total", Help: "Jobs."}).Add(3)
	of.NewCounter(prometheus.CounterOpts{Name: "host_restarts", Help: "A counter without _total."}).Inc()
	of.NewGaugeVec(prometheus.GaugeOpts{Name: "host_jobs", Help: "Named as the OpenMetrics family of host_jobs_total."}, []string{"queue"}).WithLabelValues(`a"b`).Set(1)
	of.NewHistogram(prometheus.HistogramOpts{Name: "host_wait_seconds", Help: "Wait.", Buckets: []float64{1, 2}}).Observe(1.5)
	of.NewHistogram(prometheus.HistogramOpts{Name: "host_native_seconds", Help: "Native.", NativeHistogramBucketFactor: 1.1}).Observe(1.5)
	of.NewSummary(prometheus.SummaryOpts{Name: "host_size_bytes", Help: "Size."}).Observe(5)
	return r
}

var registryNames = []string{"host_jobs", "host_jobs_total", "host_native_seconds", "host_restarts", "host_size_bytes", "host_wait_seconds"}

// logged is a log buffer that is safe for concurrent use.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// count returns the number of occurrences of text in the log.
func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

func (l *logged) option() exporters.Option {
	return exporters.WithLogger(slog.New(slog.NewTextHandler(l, nil)))
}

// scrapeErrors returns the value of otelcoder_scrape_errors_total.
func scrapeErrors(t *testing.T, e *exporters.Exporter) string {
	t.Helper()
	_, rest, _ := strings.Cut(body(t, scrape(t, e, "GET", "/metrics/replica")), "\notelcoder_scrape_errors_total ")
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

func TestHostMetricsAreServedBesideOurs(t *testing.T) {
	plain := newExporter(t)
	if got := scrape(t, plain, "GET", "/metrics/host").StatusCode; got != http.StatusNotFound {
		t.Errorf("/metrics/host without a gatherer: status %d, want 404", got)
	}
	var log logged
	e := newExporter(t, exporters.WithGatherer(registry()), log.option())
	for _, path := range []string{"/", "/metrics", "/metrics/deployment", "/metrics/replica", "/metrics/host", "/metrics/host/"} {
		want := []string{}
		if !strings.HasPrefix(path, "/metrics/host") {
			want = parsed(t, scrape(t, plain, "GET", path)).names()
		}
		if path != "/metrics/deployment" && path != "/metrics/replica" {
			want = slices.Sorted(slices.Values(append(want, registryNames...)))
		}
		for as, got := range ask(t, e, path) {
			if !slices.Equal(got.names(), want) {
				t.Errorf("%s as %s: got\n%q, want\n%q", path, as, got.names(), want)
			}
		}
	}
	text := body(t, scrape(t, e, "GET", "/metrics"))
	for _, series := range []string{deploymentSeries, replicaSeries, "host_jobs_total 3\n", "host_restarts 1\n", "# HELP host_jobs_total Jobs.\n"} {
		if !strings.Contains(text, series) {
			t.Errorf("the response lacks %q", series)
		}
	}
	if got := scrapeErrors(t, e); got != "0" {
		t.Errorf("%s scrape errors", got)
	}
	if n := log.count("\n"); n > 0 {
		t.Errorf("logged %d lines:\n%s", n, log.text.String())
	}
}

// TestDefaultGatherer checks that the Go and process metrics, which client_golang's default
// registry has as well, are served once: ours, or with WithoutRuntime the registry's.
func TestDefaultGatherer(t *testing.T) {
	const theirs = "# HELP go_memstats_alloc_bytes_total Total number of bytes allocated in heap until now, even if released already."
	for name, test := range map[string]struct {
		options      []exporters.Option
		ours, theirs bool
	}{
		"ours":       {nil, true, false},
		"the host's": {[]exporters.Option{exporters.WithoutRuntime()}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExporter(t, append(test.options, exporters.WithGatherer(prometheus.DefaultGatherer))...)
			for as, got := range ask(t, e, "/metrics") {
				for _, family := range []string{"go_goroutines", "process_cpu_seconds_total", "go_gc_gogc_percent", "coderd_agents_up"} {
					if len(got[family]) != 1 {
						t.Errorf("as %s: %d series of %s, want 1", as, len(got[family]), family)
					}
				}
			}
			text := body(t, scrape(t, e, "GET", "/metrics"))
			if strings.Contains(text, "# HELP go_memstats_alloc_bytes_total Total number of bytes allocated, even if freed.\n") != test.ours || strings.Contains(text, theirs) != test.theirs {
				t.Errorf("want our help texts: %t, the host's: %t; got\n%s", test.ours, test.theirs, text)
			}
			if got := strings.Contains(text, "promhttp_metric_handler_requests_total"); got != test.ours {
				t.Errorf("promhttp's metrics are served: %t, want %t", got, test.ours)
			}
			if got := scrapeErrors(t, e); got != "0" {
				t.Errorf("%s scrape errors", got)
			}
		})
	}
}

// gauge registers a metric that is always 7.
func gauge(r prometheus.Registerer, name string) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: "The host's."})
	g.Set(7)
	r.MustRegister(g)
	return g
}

func TestNamesOfTheCatalogueAreAnErrorOfNew(t *testing.T) {
	for name, test := range map[string]struct {
		collector prometheus.Collector
		conflict  bool
	}{
		"same name":                     {prometheus.NewGauge(prometheus.GaugeOpts{Name: "coderd_agents_up"}), true},
		"same name, UTF-8":              {prometheus.NewGauge(prometheus.GaugeOpts{Name: "coderd.agents.up"}), true},
		"health":                        {prometheus.NewGauge(prometheus.GaugeOpts{Name: "otelcoder_build_info"}), true},
		"series of our histogram":       {prometheus.NewGauge(prometheus.GaugeOpts{Name: "coderd_api_request_latencies_seconds_count"}), true},
		"series of their summary":       {prometheus.NewSummary(prometheus.SummaryOpts{Name: "coderd_agentstats_connection"}), true},
		"OpenMetrics family of ours":    {prometheus.NewGauge(prometheus.GaugeOpts{Name: "otelcoder_refused"}), true},
		"OpenMetrics family of theirs":  {prometheus.NewCounter(prometheus.CounterOpts{Name: "coderd_agents_up_total"}), false},
		"OpenMetrics sample of theirs":  {prometheus.NewCounter(prometheus.CounterOpts{Name: "coderd_api_workspace_latest_build"}), false},
		"a runtime family":              {prometheus.NewGauge(prometheus.GaugeOpts{Name: "go_goroutines"}), false},
		"another name":                  {prometheus.NewGauge(prometheus.GaugeOpts{Name: "coderd_agents"}), false},
		"the prefix of a catalogue row": {prometheus.NewSummary(prometheus.SummaryOpts{Name: "coderd_agents"}), false},
	} {
		t.Run(name, func(t *testing.T) {
			r := prometheus.NewRegistry()
			r.MustRegister(test.collector)
			e, err := exporters.New(exporters.WithGatherer(r))
			if err == nil {
				defer e.Shutdown(t.Context())
				ask(t, e, "/metrics")
			}
			if (err != nil) != test.conflict {
				t.Fatalf("New: got the error %v, want one: %t", err, test.conflict)
			}
			if err == nil {
				return
			}
			families, _ := r.Gather()
			if want := "rename or unregister " + families[0].GetName(); !strings.Contains(err.Error(), want) {
				t.Errorf("error %q lacks %q", err, want)
			}
		})
	}
}

func TestNamesOfTheCatalogueThatComeLaterAreLeftOut(t *testing.T) {
	var log logged
	r := registry()
	e := newExporter(t, exporters.WithGatherer(r), log.option())
	late := gauge(r, "coderd_agents_up")
	for range 3 {
		text := body(t, scrape(t, e, "GET", "/metrics"))
		if !strings.Contains(text, deploymentSeries) || strings.Contains(text, "coderd_agents_up 7") || !strings.Contains(text, "host_jobs_total 3\n") {
			t.Errorf("our metrics or the host's other metrics are not served:\n%s", text)
		}
	}
	if got := scrapeErrors(t, e); got != "3" {
		t.Errorf("%s scrape errors, want 3", got)
	}
	if log.count("rename or unregister coderd_agents_up") != 1 {
		t.Errorf("not logged once:\n%s", log.text.String())
	}
	another := gauge(r, "coderd_agents_apps")
	scrape(t, e, "GET", "/metrics/host")
	if log.count("rename or unregister coderd_agents_apps, coderd_agents_up") != 1 {
		t.Errorf("the second conflict is not logged once:\n%s", log.text.String())
	}
	r.Unregister(late)
	r.Unregister(another)
	scrape(t, e, "GET", "/metrics")
	scrape(t, e, "GET", "/metrics")
	if log.count("served again") != 1 || log.count("\n") != 3 {
		t.Errorf("the end of the conflicts is not logged once:\n%s", log.text.String())
	}
}

func series(value float64, labels ...string) *dto.Metric {
	m := &dto.Metric{Gauge: &dto.Gauge{Value: &value}}
	for l := range slices.Chunk(labels, 2) {
		m.Label = append(m.Label, &dto.LabelPair{Name: &l[0], Value: &l[1]})
	}
	return m
}

func gauges(name string, metrics ...*dto.Metric) *dto.MetricFamily {
	return &dto.MetricFamily{Name: &name, Help: new("Help."), Type: dto.MetricType_GAUGE.Enum(), Metric: metrics}
}

func native(h *dto.Histogram) *dto.MetricFamily {
	h.SampleCount, h.SampleSum, h.Schema = new(uint64(1)), new(1.0), new(int32(3))
	return &dto.MetricFamily{Name: new("native"), Type: dto.MetricType_HISTOGRAM.Enum(), Metric: []*dto.Metric{{Histogram: h}}}
}

func counterWith(e *dto.Exemplar) *dto.MetricFamily {
	return &dto.MetricFamily{Name: new("c_total"), Type: dto.MetricType_COUNTER.Enum(), Metric: []*dto.Metric{{Counter: &dto.Counter{Value: new(1.0), Exemplar: e}}}}
}

func exemplar(name, value string) *dto.Exemplar {
	return &dto.Exemplar{Value: new(1.0), Label: []*dto.LabelPair{{Name: &name, Value: &value}}}
}

// TestBrokenGatherers checks that a broken gatherer affects only its own metrics.
func TestBrokenGatherers(t *testing.T) {
	good := gauges("good", series(1))
	for name, test := range map[string]struct {
		gather func() ([]*dto.MetricFamily, error)
		want   []string // names of the served families
		log    string
	}{
		"error":             {func() ([]*dto.MetricFamily, error) { return nil, errors.New("boom") }, nil, "boom"},
		"error and metrics": {func() ([]*dto.MetricFamily, error) { return []*dto.MetricFamily{good}, errors.New("boom") }, []string{"good"}, "boom"},
		"many errors": {func() ([]*dto.MetricFamily, error) {
			return nil, prometheus.MultiError{errors.New("boom"), errors.New("bang")}
		}, nil, "boom, and 1 more"},
		"panic":           {func() ([]*dto.MetricFamily, error) { panic("boom") }, nil, "boom"},
		"nothing":         {func() ([]*dto.MetricFamily, error) { return nil, nil }, nil, ""},
		"nil":             {families(nil, good, gauges("nil", (*dto.Metric)(nil))), []string{"good"}, `"\" is not the name of a metric, and 1 more"`},
		"no series":       {families(gauges("none"), good), []string{"good"}, ""},
		"no name":         {families(gauges("", series(1)), good), []string{"good"}, "is not the name of a metric"},
		"invalid name":    {families(gauges("bad\xff", series(1)), good), []string{"good"}, "is not the name of a metric"},
		"invalid help":    {families(&dto.MetricFamily{Name: new("help"), Help: new("bad\xff"), Unit: new("\xff"), Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{series(1)}}, good), []string{"good", "help"}, ""},
		"invalid label":   {families(gauges("label", series(1, "a", "\xff"), series(2, "a", "b")), good), []string{"good", "label"}, "label: the value of a label a is invalid UTF-8"},
		"label names":     {families(gauges("label", series(1, "\xff", "a"), series(2, "", "b"), series(3, "__name__", "x")), good), []string{"good"}, "and 2 more"},
		"a label twice":   {families(gauges("label", series(1, "a", "x", "b", "y", "a", "x")), good), []string{"good"}, "two labels named a"},
		"unsorted labels": {families(gauges("label", series(1, "b", "x", "a", "y"), series(1, "a", "y", "b", "x")), good), []string{"good", "label"}, "a series occurs twice"},
		"a series twice":  {families(gauges("twice", series(1, "a", "b"), series(2, "a", "b")), good), []string{"good", "twice"}, "twice: a series occurs twice"},
		"a family twice":  {families(gauges("twice", series(1)), gauges("twice", series(2)), good), []string{"good", "twice"}, "twice: another metric has the same name"},
		"other type":      {families(&dto.MetricFamily{Name: new("typed"), Type: dto.MetricType_COUNTER.Enum(), Metric: []*dto.Metric{series(1)}}, good), []string{"good"}, "no value of type COUNTER"},
		"unknown type":    {families(&dto.MetricFamily{Name: new("typed"), Type: dto.MetricType(99).Enum(), Metric: []*dto.Metric{series(1)}}, good), []string{"good"}, "type 99 is not supported"},
		"no type":         {families(&dto.MetricFamily{Name: new("typed_total"), Metric: []*dto.Metric{{Counter: &dto.Counter{Value: new(1.0)}}}}, good), []string{"good", "typed_total"}, ""},
		"le": {families(&dto.MetricFamily{Name: new("h"), Type: dto.MetricType_HISTOGRAM.Enum(), Metric: []*dto.Metric{{
			Label: series(1, "le", "1").Label, Histogram: &dto.Histogram{},
		}}}, good), []string{"good"}, `h: a series has a label named \"le\"`},
		"series of a summary": {families(&dto.MetricFamily{Name: new("s"), Type: dto.MetricType_SUMMARY.Enum(), Metric: []*dto.Metric{{
			Summary: &dto.Summary{SampleCount: new(uint64(1)), SampleSum: new(1.0)},
		}}}, gauges("s_count", series(1)), good), []string{"good", "s"}, "s_count: another metric"},
		"spans":             {families(native(&dto.Histogram{PositiveSpan: []*dto.BucketSpan{{Offset: new(int32(0)), Length: new(uint32(2))}}, PositiveDelta: []int64{1}}), good), []string{"good"}, "native: a native histogram"},
		"a large span":      {families(native(&dto.Histogram{NegativeSpan: []*dto.BucketSpan{{Length: new(uint32(1))}, {Offset: new(int32(1 << 30)), Length: new(uint32(1))}}, NegativeDelta: []int64{1, 1}}), good), []string{"good"}, "native: a native histogram"},
		"a negative offset": {families(native(&dto.Histogram{PositiveSpan: []*dto.BucketSpan{{Length: new(uint32(1))}, {Offset: new(int32(-1)), Length: new(uint32(1))}}, PositiveDelta: []int64{1, 1}}), good), []string{"good"}, "native: a native histogram"},
		"float buckets":     {families(native(&dto.Histogram{PositiveSpan: []*dto.BucketSpan{{Length: new(uint32(1))}}, PositiveCount: []float64{1}}), good), []string{"good"}, "native: a native histogram"},
		"invalid exemplar":  {families(counterWith(exemplar("trace_id", "\xff")), good), []string{"good"}, "c_total: a series has an invalid exemplar"},
		"long exemplar":     {families(counterWith(exemplar("trace_id", strings.Repeat("é", 121))), good), []string{"good"}, "c_total: a series has an invalid exemplar"},
		"exemplar":          {families(counterWith(exemplar("trace_id", strings.Repeat("é", 120))), good), []string{"c_total", "good"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var log logged
			var readers []exporters.ReaderConfig
			e := newExporter(t, log.option(), exporters.WithGatherer(prometheus.GathererFunc(test.gather)),
				exporters.WithReader(func(c exporters.ReaderConfig) (sdk.Reader, error) {
					readers = append(readers, c)
					return sdk.NewManualReader(), nil
				}))
			for as, got := range ask(t, e, "/metrics") {
				if len(got["coderd_agents_up"]) != 1 || len(got["go_goroutines"]) != 1 {
					t.Errorf("as %s: our metrics are not served", as)
				}
			}
			for as, got := range ask(t, e, "/metrics/host") {
				if !slices.Equal(got.names(), test.want) {
					t.Errorf("as %s: %q, want %q", as, got.names(), test.want)
				}
			}
			pushed, err := readers[1].Gatherer.Gather()
			if err != nil {
				t.Errorf("the reader's gatherer: %v", err)
			}
			var names []string
			for _, f := range pushed {
				if _, ours := instrument.Documented.Lookup(f.GetName()); !ours {
					names = append(names, f.GetName())
				}
			}
			if !slices.Equal(names, test.want) {
				t.Errorf("pushed the families %q, want %q", names, test.want)
			}
			// New, each scrape and the reader gather once.
			wantErrors, wantLines := "14", 1
			if test.log == "" {
				wantErrors, wantLines = "0", 0
			}
			if got := scrapeErrors(t, e); got != wantErrors {
				t.Errorf("%s scrape errors, want %s", got, wantErrors)
			}
			if log.count("level=") != wantLines || log.count(test.log) == 0 && test.log != "" {
				t.Errorf("got %d lines, want %d with %q:\n%s", log.count("level="), wantLines, test.log, log.text.String())
			}
		})
	}
}

func families(all ...*dto.MetricFamily) func() ([]*dto.MetricFamily, error) {
	return func() ([]*dto.MetricFamily, error) { return all, nil }
}

// TestGathererHangs checks that only one scrape waits for a gatherer that hangs.
func TestGathererHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logged
		var calls int
		hang := make(chan struct{})
		e, err := exporters.New(log.option(), exporters.WithGatherer(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			if calls++; calls == 2 {
				<-hang
			}
			return []*dto.MetricFamily{gauges("host", series(1))}, nil
		})))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for range 3 {
			got := parsed(t, scrape(t, e, "GET", "/metrics"))
			if len(got["host"]) != 0 || len(got["go_goroutines"]) != 1 {
				t.Errorf("got the families %q, want go_goroutines and no host", got.names())
			}
		}
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("three scrapes waited %v, want 5s", waited)
		}
		close(hang)
		synctest.Wait()
		for range 2 {
			if got := parsed(t, scrape(t, e, "GET", "/metrics")); len(got["host"]) != 1 {
				t.Error("the host's metric is not served after the gatherer has returned")
			}
		}
		if got := scrapeErrors(t, e); got != "3" {
			t.Errorf("%s scrape errors, want 3", got)
		}
		if log.count("has not returned within 5s") != 1 || log.count("served again") != 1 || log.count("level=") != 2 {
			t.Errorf("logged:\n%s", log.text.String())
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestGathererHangsForever checks that Shutdown returns at its deadline although a gatherer
// hangs.
func TestGathererHangsForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		e, err := exporters.New(exporters.WithGatherer(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			<-hang
			return nil, nil
		})), exporters.WithReader(func(c exporters.ReaderConfig) (sdk.Reader, error) {
			if c.Gatherer == nil {
				return nil, nil
			}
			return sdk.NewPeriodicReader(discard{}, sdk.WithProducer(gathering{c.Gatherer})), nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err = e.Shutdown(ctx)
		if took := time.Since(began); took > time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown took %v: %v", took, err)
		}
		close(hang)
	})
}

// TestGathererEndsItsGoroutine checks that a gatherer that calls runtime.Goexit affects only
// one scrape.
func TestGathererEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logged
		calls := 0
		e, err := exporters.New(log.option(), exporters.WithGatherer(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			if calls++; calls == 2 {
				runtime.Goexit()
			}
			return []*dto.MetricFamily{gauges("host", series(1))}, nil
		})))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for _, want := range []int{0, 1, 1} {
			if got := parsed(t, scrape(t, e, "GET", "/metrics")); len(got["host"]) != want {
				t.Errorf("%d series of host, want %d", len(got["host"]), want)
			}
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the scrapes waited %v, want 0s", waited)
		}
		if log.count("the gatherer has ended its goroutine") != 1 || log.count("served again") != 1 {
			t.Errorf("logged:\n%s", log.text.String())
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestShutdownWithoutADeadline checks that Shutdown waits five seconds for a gatherer
// that hangs, and that a second call returns nil at once.
func TestShutdownWithoutADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		hangs := false
		e, err := exporters.New(exporters.WithGatherer(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			if hangs {
				<-hang
			}
			return nil, nil
		})))
		if err != nil {
			t.Fatal(err)
		}
		hangs = true
		go scrape(t, e, "GET", "/metrics")
		synctest.Wait()
		began := time.Now()
		err = e.Shutdown(context.Background())
		if took := time.Since(began); took != 5*time.Second || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the gatherer has not returned") {
			t.Errorf("Shutdown took %v: %v", took, err)
		}
		if err := e.Shutdown(context.Background()); err != nil {
			t.Errorf("second Shutdown: %v, want nil", err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("second Shutdown took %v, want 0s", took-5*time.Second)
		}
		close(hang)
	})
}

// TestSeveralGatherers checks that the metrics of all gatherers are served, except those of
// a gatherer that panics.
func TestSeveralGatherers(t *testing.T) {
	var log logged
	first, second := prometheus.NewRegistry(), prometheus.NewRegistry()
	gauge(first, "host_a")
	gauge(second, "host_b")
	e := newExporter(t, log.option(), exporters.WithGatherer(first),
		exporters.WithGatherer(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { panic("boom") })),
		exporters.WithGatherer(second))
	gauge(second, "host_a") // served from the first
	text := body(t, scrape(t, e, "GET", "/metrics/host"))
	if got, want := typesOf(text), []string{"host_a gauge", "host_b gauge"}; !slices.Equal(got, want) {
		t.Errorf("got the families %q, want %q", got, want)
	}
	if log.count("boom") != 2 || log.count("host_a: another metric has the same name") != 1 {
		t.Errorf("logged:\n%s", log.text.String())
	}
}

// TestConcurrentScrapesShareAGathering checks that scrapes during a Gather wait for its
// result.
func TestConcurrentScrapesShareAGathering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		e, err := exporters.New(exporters.WithGatherer(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			calls++
			time.Sleep(time.Second)
			return []*dto.MetricFamily{gauges("host", series(1))}, nil
		})))
		if err != nil {
			t.Fatal(err)
		}
		var scrapes sync.WaitGroup
		for range 10 {
			scrapes.Go(func() {
				if text := body(t, scrape(t, e, "GET", "/metrics/host")); !strings.Contains(text, "\nhost 1\n") {
					t.Errorf("got %q, want the line \"host 1\"", text)
				}
			})
		}
		scrapes.Wait()
		if calls != 2 {
			t.Errorf("New and ten scrapes gathered %d times, want 2", calls)
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestUnitsOfTheHost checks that a family has a UNIT line only if its name ends in the unit.
// An OpenMetrics parser refuses a response with any other unit.
func TestUnitsOfTheHost(t *testing.T) {
	with := func(name, unit string, of dto.MetricType) *dto.MetricFamily {
		f := gauges(name, series(1))
		if of == dto.MetricType_COUNTER {
			f = counterWith(nil)
		}
		f.Name, f.Unit = &name, &unit
		return f
	}
	e := newExporter(t, exporters.WithGatherer(prometheus.GathererFunc(families(
		with("host_latency", "seconds", dto.MetricType_GAUGE),
		with("host_wait_seconds", "seconds", dto.MetricType_GAUGE),
		with("seconds", "seconds", dto.MetricType_GAUGE),
		with("ha.s", "s", dto.MetricType_GAUGE),
		with("hb.x_s", "s", dto.MetricType_GAUGE),
		with("hc.x_s {}", "s {}", dto.MetricType_GAUGE),
		with("host_cpu_seconds_total", "seconds", dto.MetricType_COUNTER),
		with("host_age_seconds", "seconds", dto.MetricType_COUNTER),
		with("host_up_seconds", "seconds", dto.MetricType_GAUGE),
		with("host_up_seconds_total", "seconds", dto.MetricType_COUNTER), // of type unknown
	))))
	for _, escaping := range []string{"underscores", "allow-utf-8", "dots", "values"} {
		response := scrape(t, e, "GET", "/metrics/host", "Accept", acceptOpenMetrics+";escaping="+escaping)
		text := body(t, response)
		response.Body = io.NopCloser(strings.NewReader(text))
		parsed(t, response)
		for _, unit := range []string{"host_wait_seconds seconds", "host_cpu_seconds seconds", "host_age_seconds seconds", "host_up_seconds seconds"} {
			if !strings.Contains(text, "# UNIT "+unit+"\n") {
				t.Errorf("%s: no unit %s in\n%s", escaping, unit, text)
			}
		}
	}
}

// TestSampleNamesOfOpenMetrics checks that no family has the name of a sample of another
// family, since a strict parser would refuse the response. A counter gets the type unknown
// instead.
func TestSampleNamesOfOpenMetrics(t *testing.T) {
	r := prometheus.NewRegistry()
	host := promauto.With(r)
	host.NewHistogram(prometheus.HistogramOpts{Name: "host_wait"}).Observe(1)
	host.NewCounter(prometheus.CounterOpts{Name: "host_wait_sum_total"})
	host.NewCounter(prometheus.CounterOpts{Name: "host_jobs_total"})
	host.NewGauge(prometheus.GaugeOpts{Name: "host_jobs_created"})
	host.NewCounter(prometheus.CounterOpts{Name: "host_users_total"})
	host.NewCounter(prometheus.CounterOpts{Name: "coderd_api_request_latencies_seconds_sum_total"})
	e := newExporter(t, exporters.WithGatherer(r))
	must[metric.Float64Histogram](t)(e.Providers().Process.Meter(hostScope).Float64Histogram("host.size")).Record(t.Context(), 1)
	must[metric.Float64Gauge](t)(e.Providers().Process.Meter(hostScope).Float64Gauge("host.size.created")).Record(t.Context(), 1)
	must[metric.Float64Gauge](t)(e.Providers().Process.Meter(hostScope).Float64Gauge("coderd.api.requests.processed.created")).Record(t.Context(), 1)
	latencies := must[instrument.HistogramInstrument](t)(e.Providers().Histogram(instrument.APIRequestLatencies))
	latencies.Record(t.Context(), 1, instrument.Documented.Labels(instrument.APIRequestLatencies, instrument.APIRequest{}))
	response := scrape(t, e, "GET", "/metrics", "Accept", acceptOpenMetrics)
	text := body(t, response)
	response.Body = io.NopCloser(strings.NewReader(text))
	parsed(t, response)
	for _, want := range []string{"host_wait histogram", "host_wait_sum_total unknown", "host_jobs_total unknown", "host_users counter", "host_jobs_created gauge",
		"coderd_api_request_latencies_seconds_sum_total unknown", "host_size histogram"} {
		if !slices.Contains(typesOf(text), want) {
			t.Errorf("the response lacks the family %q", want)
		}
	}
	if n := refusedCount(t, e, "name"); n != "2" {
		t.Errorf("%s refusals, want 2", n)
	}
	gauge(r, "coderd_api_requests_processed_created")
	if _, err := exporters.New(exporters.WithGatherer(r)); err == nil || !strings.Contains(err.Error(), "coderd_api_requests_processed_created") {
		t.Errorf("New: got the error %v, want coderd_api_requests_processed_created in it", err)
	}
}

func TestUTF8NamesOfTheHost(t *testing.T) {
	var log logged
	e := newExporter(t, log.option(), exporters.WithGatherer(prometheus.GathererFunc(families(
		gauges("host.a", series(1, "http.method", "GET")),
		gauges("host.b", series(1)),
		gauges("host_b", series(2)),
		gauges("labels", series(1, "a.b", "x", "aZ", "y", "a_b", "z")),
	))))
	for escaping, want := range map[string][]string{
		"":                       {"host_a", "host_b"},
		";escaping=underscores":  {"host_a", "host_b"},
		";escaping=allow-utf-8":  {"host.a", "host.b", "host_b", "labels"},
		";escaping=dots":         {"host_dot_a", "host_dot_b", "host_b", "labels"},
		";escaping=values":       {"U__host_2e_a", "U__host_2e_b", "host_b", "labels"},
		";escaping=unknown":      {"host_a", "host_b"},
		";escaping=\"allow-utf8": {"host_a", "host_b"},
	} {
		slices.Sort(want)
		for _, accept := range []string{"text/plain;version=0.0.4", acceptOpenMetrics, acceptProtobuf} {
			got := parsed(t, scrape(t, e, "GET", "/metrics/host", "Accept", accept+escaping))
			if !slices.Equal(got.names(), want) {
				t.Errorf("%s%s: %q, want %q", accept, escaping, got.names(), want)
			}
		}
	}
	if log.count("left out of an answer") != 1 {
		t.Errorf("logged:\n%s", log.text.String())
	}
}

// TestAHostThatGathersTheExporter uses a gatherer that gathers the exporter itself.
func TestAHostThatGathersTheExporter(t *testing.T) {
	var e *exporters.Exporter
	e = newExporter(t, exporters.WithGatherer(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		if e == nil {
			return nil, nil
		}
		return prometheus.Gatherers{registry(), e}.Gather()
	})))
	got := parsed(t, scrape(t, e, "GET", "/metrics"))
	if len(got["coderd_agents_up"]) != 1 || len(got["host_jobs"]) != 1 {
		t.Errorf("got the families %q, want coderd_agents_up and host_jobs once", got.names())
	}
}

// gathering is a producer that gathers and produces nothing.
type gathering struct{ prometheus.Gatherer }

func (g gathering) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	g.Gather()
	return nil, nil
}
