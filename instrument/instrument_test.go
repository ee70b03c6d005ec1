package instrument_test

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcoder/otelcoder/instrument"
)

func TestObserveRefuses(t *testing.T) {
	p, r := providers()
	for _, test := range []struct {
		families []instrument.Family
		want     string
	}{
		{nil, "observe: no family given"},
		{
			[]instrument.Family{instrument.AgentsUp, instrument.APIConcurrentRequests},
			"observe coderd_api_concurrent_requests: coderd_agents_up is in another group",
		},
		{
			[]instrument.Family{instrument.APIRequestLatencies},
			"observe coderd_api_request_latencies_seconds: a histogram is recorded, not observed",
		},
		{
			[]instrument.Family{instrument.GoGoroutines},
			"observe go_goroutines: defined by the runtime, not by an instrument",
		},
	} {
		registration, err := p.Observe(func(instrument.Observer) { t.Error("the callback is called although Observe refused it") }, test.families...)
		if registration != nil || err == nil || err.Error() != test.want {
			t.Errorf("observe %v: got the error %v, want %q", test.families, err, test.want)
		}
	}
	for s := range r {
		r.collect(t, s)
	}
}

func TestHistogramRefuses(t *testing.T) {
	p, _ := providers()
	for f, want := range map[instrument.Family]string{
		instrument.AgentsUp:            "histogram coderd_agents_up: the family is a gauge",
		instrument.WorkspaceBuilds:     "histogram coderd_workspace_builds_total: the family is a counter",
		instrument.GoGCDurationSeconds: "histogram go_gc_duration_seconds: the family is a summary",
	} {
		if _, err := p.Histogram(f); err == nil || err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestObserve checks that several callers can observe one family, that a gauge keeps the last
// value of equal labels, and that Unregister removes the caller's series.
func TestObserve(t *testing.T) {
	p, r := providers()
	observe := func(template string, values ...float64) func() {
		labels := instrument.Documented.Labels(instrument.InsightsTemplatesActiveUsers, instrument.TemplateUsers{TemplateName: template})
		registration, err := p.Observe(func(o instrument.Observer) {
			for _, v := range values {
				o.Observe(instrument.InsightsTemplatesActiveUsers, labels, v)
			}
		}, instrument.InsightsTemplatesActiveUsers)
		if err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := registration.Unregister(); err != nil {
				t.Error(err)
			}
		}
	}
	series := func() map[string]float64 {
		got := map[string]float64{}
		gauge, _ := r.collect(t, instrument.Deployment)["coderd_insights_templates_active_users"].Data.(metricdata.Gauge[float64])
		for _, point := range gauge.DataPoints {
			template, _ := point.Attributes.Value("template_name")
			got[template.AsString()] = point.Value
		}
		return got
	}

	observe("docker", 2)
	unregister := observe("kubernetes", 3, 5)
	if got := series(); len(got) != 2 || got["docker"] != 2 || got["kubernetes"] != 5 {
		t.Errorf("got %v, want docker 2 and kubernetes 5", got)
	}
	unregister()
	if got := series(); len(got) != 1 || got["docker"] != 2 {
		t.Errorf("got %v, want only docker 2", got)
	}
}

// TestObserveAddsCounters checks that values of a counter with equal labels are added.
func TestObserveAddsCounters(t *testing.T) {
	p, r := providers()
	labels := instrument.Documented.Labels(instrument.HealthRefused, instrument.Refusal{Origin: "agent", Reason: "type"})
	_, err := p.Observe(func(o instrument.Observer) {
		o.Observe(instrument.HealthRefused, labels, 3)
		o.Observe(instrument.HealthRefused, labels, 4)
	}, instrument.HealthRefused)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		sum := r.collect(t, instrument.Process)["otelcoder_refused_total"].Data.(metricdata.Sum[float64])
		if len(sum.DataPoints) != 1 || sum.DataPoints[0].Value != 7 {
			t.Errorf("got %+v, want one series of value 7", sum.DataPoints)
		}
	}
}

// TestLabelsAreAttributes checks that a collected series has the labels as attributes.
func TestLabelsAreAttributes(t *testing.T) {
	p, r := providers()
	labels := instrument.Documented.Labels(instrument.OAuth2Requests, instrument.OAuth2Request{Name: "github", Source: "Exchange", StatusCode: 200})
	if _, err := p.Observe(func(o instrument.Observer) { o.Observe(instrument.OAuth2Requests, labels, 1) }, instrument.OAuth2Requests); err != nil {
		t.Fatal(err)
	}
	got := r.collect(t, instrument.Process)["coderd_oauth2_external_requests_total"].Data.(metricdata.Sum[float64]).DataPoints[0].Attributes
	want := attribute.NewSet(attribute.String("name", "github"), attribute.String("source", "Exchange"), attribute.String("status_code", "200"))
	if !got.Equals(&want) {
		t.Errorf("got %s, want %s", got.Encoded(attribute.DefaultEncoder()), want.Encoded(attribute.DefaultEncoder()))
	}
}

// TestMeasuringAllocatesNothing checks that measuring with prepared labels does not allocate.
func TestMeasuringAllocatesNothing(t *testing.T) {
	p, _ := providers()
	h, err := p.Histogram(instrument.APIRequestLatencies)
	if err != nil {
		t.Fatal(err)
	}
	labels := instrument.Documented.Labels(instrument.APIRequestLatencies, instrument.APIRequest{Method: "GET", Path: "/"})
	h.Record(t.Context(), 0.01, labels)
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { h.Record(ctx, 0.01, labels) }); n != 0 {
		t.Errorf("%g allocations, want none", n)
	}
}

// TestProviders checks that a family is created on the provider of its group and no other.
func TestProviders(t *testing.T) {
	for f, want := range map[instrument.Family]string{
		instrument.AgentsUp:              "deployment",
		instrument.APIConcurrentRequests: "process",
		instrument.HealthReporter:        "process",
		instrument.WorkspaceBuilds:       "workspaces",
	} {
		for _, working := range []string{"deployment", "process", "workspaces"} {
			p, r := providers()
			none := noop.NewMeterProvider()
			if working != "deployment" {
				p.Deployment = none
			}
			if working != "process" {
				p.Process = none
			}
			if working != "workspaces" {
				p.Workspaces = none
			}
			labels := instrument.Documented.Labels(f, instrument.Documented.Info(f).Measured)
			if _, err := p.Observe(func(o instrument.Observer) { o.Observe(f, labels, 1) }, f); err != nil {
				t.Fatal(err)
			}
			streams := len(r.collect(t, instrument.Deployment)) + len(r.collect(t, instrument.Workspaces)) + len(r.collect(t, instrument.Process))
			if (streams == 1) != (working == want) {
				t.Errorf("%s with only the %s provider: got %d streams, want one of the %s provider", f, working, streams, want)
			}
		}
	}
}

// notified is a provider that implements Notifier.
type notified struct {
	metric.MeterProvider
	changes []time.Time
}

func (n *notified) Changed(from time.Time) { n.changes = append(n.changes, from) }

func TestChangesAreAnnouncedToTheProvider(t *testing.T) {
	p, r := providers()
	n := &notified{MeterProvider: p.Workspaces}
	p.Workspaces = n
	began := time.Now()
	labels := instrument.Documented.Labels(instrument.ProvisionerdJobsCurrent, instrument.ProvisionerJob{Provisioner: "terraform"})
	observation, err := p.Observe(func(o instrument.Observer) {
		o.Observe(instrument.ProvisionerdJobsCurrent, labels, 1)
		o.Expires(began.Add(time.Hour))
		o.Expires(time.Time{}) // never
	}, instrument.ProvisionerdJobsCurrent)
	if err != nil {
		t.Fatal(err)
	}
	timings, err := p.Histogram(instrument.ProvisionerdJobTimings)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name     string
		do       func()
		from, to time.Duration // since the test began
	}{
		{"a change", observation.Changed, 0, time.Minute},
		{"an observation of a histogram", func() {
			timings.Record(t.Context(), 1, instrument.Documented.Labels(instrument.ProvisionerdJobTimings, instrument.ProvisionerJob{Provisioner: "echo", Status: "failed"}))
		}, 0, time.Minute},
		{"a collection of what expires", func() { r.collect(t, instrument.Workspaces) }, time.Hour, time.Hour},
		{"the end", func() {
			if err := observation.Unregister(); err != nil {
				t.Error(err)
			}
		}, 0, time.Minute},
	} {
		n.changes = nil
		test.do()
		if len(n.changes) != 1 || n.changes[0].Before(began.Add(test.from)) || n.changes[0].After(began.Add(test.to)) {
			t.Errorf("%s: announced %v, want one change", test.name, n.changes)
		}
	}
}

// TestZeroProviders checks that the zero Providers measures nothing.
func TestZeroProviders(t *testing.T) {
	var p instrument.Providers
	observation, err := p.Observe(func(instrument.Observer) { t.Error("the callback is called") }, instrument.AgentsUp)
	if err != nil {
		t.Fatal(err)
	}
	observation.Changed()
	h, err := p.Histogram(instrument.APIRequestLatencies)
	if err != nil {
		t.Fatal(err)
	}
	h.Record(t.Context(), 1, instrument.Documented.Labels(instrument.APIRequestLatencies, instrument.APIRequest{Method: "GET", Path: "/"}))
	if err := observation.Unregister(); err != nil {
		t.Error(err)
	}
}
