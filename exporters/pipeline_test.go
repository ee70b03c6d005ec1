package exporters_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
)

// TestLargeFamily checks that a family that is converted in pieces has one HELP and TYPE
// line, and all its series in order.
func TestLargeFamily(t *testing.T) {
	const series = exporters.PieceSize + 1
	e := newExporter(t)
	_, err := e.Providers().Observe(func(o instrument.Observer) {
		for i := range series {
			o.Observe(instrument.AgentsUp, instrument.Documented.Labels(instrument.AgentsUp, instrument.WorkspaceAgents{WorkspaceName: fmt.Sprintf("%06d", i)}), float64(i))
		}
	}, instrument.AgentsUp)
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("# HELP coderd_agents_up The number of active agents per workspace.\n# TYPE coderd_agents_up gauge\n")
	for i := range series {
		fmt.Fprintf(&want, "coderd_agents_up{template_name=\"\",username=\"\",workspace_name=\"%06d\"} %d\n", i, i)
	}
	want.WriteString(deploymentSeries)
	text := body(t, scrape(t, e, "GET", "/metrics/deployment"))
	if text != want.String() {
		t.Errorf("text differs: %d bytes, want %d", len(text), want.Len())
	}

	text = body(t, scrape(t, e, "GET", "/metrics/deployment", "Accept", "application/openmetrics-text;version=1.0.0"))
	if n := strings.Count(text, "coderd_agents_up{"); n != series+1 || strings.Count(text, "# TYPE coderd_agents_up gauge\n") != 1 || strings.Count(text, "# HELP") != 1 {
		t.Errorf("OpenMetrics has %d series, want %d and one HELP and TYPE: %.200s", n, series+1, text)
	}

	text = body(t, scrape(t, e, "GET", "/metrics/deployment", "Accept",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"))
	decoder := expfmt.NewDecoder(strings.NewReader(text), expfmt.NewFormat(expfmt.TypeProtoDelim))
	var family dto.MetricFamily
	if err := decoder.Decode(&family); err != nil {
		t.Fatal(err)
	}
	if n := len(family.Metric); n != series+1 || family.GetHelp() == "" {
		t.Errorf("protobuf has %d series, help %q, want %d series with a help text", n, family.GetHelp(), series+1)
	}
	for i, m := range family.Metric[:series] {
		if got, want := m.Label[2].GetValue(), fmt.Sprintf("%06d", i); got != want || m.Gauge.GetValue() != float64(i) {
			t.Fatalf("series %d in protobuf is %s, value %g, want %s, value %d", i, got, m.Gauge.GetValue(), want, i)
		}
	}
}

// TestUnchangedFamiliesAreKept checks that only the changed one of three families is
// converted again.
func TestUnchangedFamiliesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newExporter(t)
		agent := instrument.Agent{AgentName: "main", Username: "ann", WorkspaceName: "dev"}
		observe(t, e, instrument.AgentsApps, instrument.Documented.Labels(instrument.AgentsApps, instrument.AgentApp{Agent: agent, AppName: "app", Health: "healthy"}), 1)
		var users atomic.Int64
		observation, err := e.Providers().Observe(func(o instrument.Observer) {
			o.Observe(instrument.APIActiveUsers, instrument.Documented.Labels(instrument.APIActiveUsers, instrument.NoLabels{}), float64(users.Load()))
		}, instrument.APIActiveUsers)
		if err != nil {
			t.Fatal(err)
		}
		var conversions atomic.Int64
		e.OnConversion(func() { conversions.Add(1) })
		get := func() string {
			synctest.Wait()
			return body(t, scrape(t, e, "GET", "/metrics/deployment"))
		}
		first := get()
		if n := conversions.Load(); n != 3 {
			t.Errorf("%d conversions of three families, want 3", n)
		}
		time.Sleep(6 * time.Second)
		users.Store(1)
		observation.Changed()
		want := strings.Replace(first, "\ncoderd_api_active_users_duration_hour 0\n", "\ncoderd_api_active_users_duration_hour 1\n", 1)
		if got := get(); got != want || got == first {
			t.Errorf("got\n%swant\n%s", got, want)
		}
		if n := conversions.Load(); n != 4 {
			t.Errorf("%d conversions after one family has changed, want 1", n-3)
		}
		// A new format needs a full rendering.
		if text := body(t, scrape(t, e, "GET", "/metrics/deployment", "Accept", "application/openmetrics-text")); strings.Count(text, "# TYPE ") != 3 {
			t.Errorf("OpenMetrics lacks families:\n%s", text)
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestIncompleteFamilyStaysIncomplete checks that a family with an invalid series counts as
// a scrape error in each rendering, even if only another family has changed.
func TestIncompleteFamilyStaysIncomplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		e := newExporter(t, exporters.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		f := instrument.AgentsApps
		agent := instrument.Agent{AgentName: "main", Username: "ann", WorkspaceName: "dev"}
		bad, err := e.Providers().Observe(func(o instrument.Observer) {
			o.Observe(f, instrument.Documented.Labels(f, instrument.AgentApp{Agent: agent, AppName: "bad \xff", Health: "healthy"}), 1)
			o.Observe(f, instrument.Documented.Labels(f, instrument.AgentApp{Agent: agent, AppName: "worse \xff", Health: "healthy"}), 1)
			o.Observe(f, instrument.Documented.Labels(f, instrument.AgentApp{Agent: agent, AppName: "good", Health: "healthy"}), 1)
		}, f)
		if err != nil {
			t.Fatal(err)
		}
		other, err := e.Providers().Observe(func(instrument.Observer) {}, instrument.APIActiveUsers)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			scrape(t, e, "GET", "/metrics/deployment")
			time.Sleep(6 * time.Second)
			other.Changed()
			synctest.Wait()
		}
		if text := body(t, scrape(t, e, "GET", "/metrics/replica")); !strings.Contains(text, "\notelcoder_scrape_errors_total 3\n") {
			t.Errorf("want 3 scrape errors after three renderings, got\n%s", text)
		}
		if text := log.String(); strings.Count(text, "scrape is incomplete") != 1 || !strings.Contains(text, "and 1 more") || strings.Contains(text, "complete again") {
			t.Error(text)
		}
		if err := bad.Unregister(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if text := log.String(); strings.Count(text, "scrape is complete again") != 1 {
			t.Error(text)
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestCallbackPanics checks that a callback that panics or fails affects only its own
// observations, in scrapes and other readers, and is counted and logged.
func TestCallbackPanics(t *testing.T) {
	boom := errors.New("boom")
	groups := map[string]func(instrument.Providers) (metric.MeterProvider, instrument.Family){
		"deployment": func(p instrument.Providers) (metric.MeterProvider, instrument.Family) {
			return p.Deployment, instrument.AgentsApps
		},
		"workspaces": func(p instrument.Providers) (metric.MeterProvider, instrument.Family) {
			return p.Workspaces, instrument.WorkspaceBuilds
		},
		"process": func(p instrument.Providers) (metric.MeterProvider, instrument.Family) {
			return p.Process, instrument.OAuth2Requests
		},
	}
	callbacks := map[string]func(metric.Meter, string) error{
		"int64 counter": func(m metric.Meter, name string) error {
			_, err := m.Int64ObservableCounter(name, metric.WithInt64Callback(func(context.Context, metric.Int64Observer) error { panic(boom) }))
			return err
		},
		"int64 up-down counter": func(m metric.Meter, name string) error {
			_, err := m.Int64ObservableUpDownCounter(name, metric.WithInt64Callback(func(context.Context, metric.Int64Observer) error { panic(boom) }))
			return err
		},
		"int64 gauge": func(m metric.Meter, name string) error {
			_, err := m.Int64ObservableGauge(name, metric.WithInt64Callback(func(context.Context, metric.Int64Observer) error { panic(boom) }))
			return err
		},
		"float64 counter": func(m metric.Meter, name string) error {
			_, err := m.Float64ObservableCounter(name, metric.WithFloat64Callback(func(context.Context, metric.Float64Observer) error { panic(boom) }))
			return err
		},
		"float64 up-down counter": func(m metric.Meter, name string) error {
			_, err := m.Float64ObservableUpDownCounter(name, metric.WithFloat64Callback(func(context.Context, metric.Float64Observer) error { panic(boom) }))
			return err
		},
		"float64 gauge": func(m metric.Meter, name string) error {
			_, err := m.Float64ObservableGauge(name, metric.WithFloat64Callback(func(context.Context, metric.Float64Observer) error { panic(boom) }))
			return err
		},
		"several instruments": func(m metric.Meter, name string) error {
			gauge, err := m.Float64ObservableGauge(name)
			if err != nil {
				return err
			}
			_, err = m.RegisterCallback(func(context.Context, metric.Observer) error { panic(boom) }, gauge)
			return err
		},
		"an error": func(m metric.Meter, name string) error {
			_, err := m.Float64ObservableGauge(name, metric.WithFloat64Callback(func(context.Context, metric.Float64Observer) error { return boom }))
			return err
		},
	}
	for group, of := range groups {
		for name, register := range callbacks {
			t.Run(group+"/"+name, func(t *testing.T) {
				var log strings.Builder
				var readers []*sdk.ManualReader
				e := newExporter(t, exporters.WithLogger(slog.New(slog.NewTextHandler(&log, nil))),
					exporters.WithReader(func(c exporters.ReaderConfig) (sdk.Reader, error) {
						var options []sdk.ManualReaderOption
						if c.Producer != nil {
							options = append(options, sdk.WithProducer(c.Producer))
						}
						readers = append(readers, sdk.NewManualReader(options...))
						return readers[len(readers)-1], nil
					}))
				provider, f := of(e.Providers())
				if err := register(provider.Meter(instrument.ScopeName), instrument.Documented.Info(f).Instrument); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					response := scrape(t, e, "GET", "/metrics")
					text := body(t, response)
					for _, series := range []string{deploymentSeries, workspacesSeries, replicaSeries} {
						if response.StatusCode != http.StatusOK || !strings.Contains(text, series) {
							t.Errorf("status %s, the response lacks %q", response.Status, series)
						}
					}
				}
				if text := body(t, scrape(t, e, "GET", "/metrics")); strings.Contains(text, "\notelcoder_scrape_errors_total 0\n") {
					t.Error("the panic or error is not counted as a scrape error")
				}
				if text := log.String(); strings.Count(text, "scrape is incomplete") != 1 || !strings.Contains(text, "boom") || strings.Contains(text, "complete again") {
					t.Errorf("logged:\n%s", text)
				}
				for _, reader := range readers {
					var collected metricdata.ResourceMetrics
					if err := reader.Collect(t.Context(), &collected); err != nil || len(collected.ScopeMetrics) == 0 {
						t.Errorf("another reader: got %d scopes and the error %v, want scopes", len(collected.ScopeMetrics), err)
					}
				}
			})
		}
	}
}

// TestGathererPanics checks that a panic during the conversion, outside of callbacks,
// affects only one group.
func TestGathererPanics(t *testing.T) {
	e := newExporter(t)
	e.OnConversion(func() { panic("boom") })
	text := body(t, scrape(t, e, "GET", "/metrics"))
	if !strings.Contains(text, replicaSeries) || strings.Contains(text, "\notelcoder_scrape_errors_total 0\n") {
		t.Errorf("the other families are not served, or no scrape error is counted:\n%s", text)
	}
}

// TestShutdownStopsARendering checks that Shutdown stops a rendering between two pieces of a
// large family.
func TestShutdownStopsARendering(t *testing.T) {
	e := newExporter(t)
	_, err := e.Providers().Observe(func(o instrument.Observer) {
		for i := range 2 * exporters.PieceSize {
			o.Observe(instrument.AgentsUp, instrument.Documented.Labels(instrument.AgentsUp, instrument.WorkspaceAgents{WorkspaceName: fmt.Sprint(i)}), 1)
		}
	}, instrument.AgentsUp)
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{}, 10)
	goOn := make(chan struct{})
	e.OnConversion(func() {
		begun <- struct{}{}
		<-goOn
	})
	answer := make(chan *http.Response)
	go func() { answer <- scrape(t, e, "GET", "/metrics/deployment") }()
	<-begun
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Shutdown(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown during a conversion: %v, want %v", err, context.Canceled)
	}
	close(goOn)
	if r := <-answer; r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("waiting scrape: status %s, want 503", r.Status)
	}
	if n := len(begun); n != 0 {
		t.Errorf("%d conversions after Shutdown, want 0", n)
	}
}

func TestNoMetricsAfterShutdown(t *testing.T) {
	e := newExporter(t)
	paths := []string{"/", "/metrics", "/metrics/deployment", "/metrics/replica"}
	for _, path := range paths {
		if r := scrape(t, e, "GET", path); r.StatusCode != http.StatusOK {
			t.Fatalf("GET %s: status %s, want 200", path, r.Status)
		}
	}
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		for _, method := range []string{"GET", "HEAD"} {
			response := scrape(t, e, method, path)
			if text := body(t, response); response.StatusCode != http.StatusServiceUnavailable || strings.Contains(text, "coderd_") {
				t.Errorf("%s %s after Shutdown: status %s, want 503 without metrics\n%s", method, path, response.Status, text)
			}
		}
	}
}
