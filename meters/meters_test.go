package meters

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// TestSeriesAppearWithUse checks that each recorder exposes its initial families when it is
// created, and not before.
func TestSeriesAppearWithUse(t *testing.T) {
	for _, test := range []struct {
		name string
		use  func(*Meters)
		want string // families, and origins of refusals
	}{
		{"New", func(*Meters) {}, ""},
		{"API", func(m *Meters) { m.API() }, "coderd_api_concurrent_requests coderd_api_concurrent_websockets api"},
		{"Builds", func(m *Meters) { m.Builds() }, "builds"},
		{"Jobs", func(m *Meters) { m.Jobs() }, "coderd_provisionerd_jobs_current jobs"},
		{"JobTimings", func(m *Meters) { m.JobTimings() }, "jobs"},
		{"OAuth2", func(m *Meters) { m.OAuth2() }, "oauth2"},
		{"Forwarded", func(m *Meters) { m.Forwarded() }, "agent"},
		{"Scripts", func(m *Meters) { m.Scripts() }, "scripts"},
		{"EventsHealth", func(m *Meters) { m.EventsHealth() }, ""},
		{"Poll", func(m *Meters) { m.Poll(Sources{}) }, "source"},
	} {
		t.Run(test.name, func(t *testing.T) {
			meter, m := newMeters(t)
			test.use(m)
			var got []string
			for name, family := range meter.Families(t) {
				if name != "otelcoder_refused_total" {
					got = append(got, name)
					continue
				}
				for _, series := range family.GetMetric() {
					if origin := series.GetLabel()[0].GetValue(); !slices.Contains(got, origin) {
						got = append(got, origin)
					}
				}
			}
			want := strings.Fields(test.want)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// TestJobsAndJobTimingsAreOne checks that both recorders record into the same series.
func TestJobsAndJobTimingsAreOne(t *testing.T) {
	meter, m := newMeters(t)
	m.JobTimings().Record("cloud", Succeeded, 1)
	m.Jobs().Start("cloud")
	wantValue(t, meter, `otelcoder_refused_total{origin="jobs",reason="provisioner"}`, 2)
	if jobs := m.Jobs(); jobs != m.Jobs() || jobs.JobTimings != m.JobTimings() {
		t.Error("Jobs or JobTimings returns a new recorder at the second call")
	}
}

// TestJobsReplaceTheirSource checks that Jobs replaces a JobsSource, in either order of use.
func TestJobsReplaceTheirSource(t *testing.T) {
	source := Sources{Jobs: runningJobsFunc(answers(map[Provisioner]int{Terraform: 5, Echo: 5}))}
	synctest.Test(t, func(t *testing.T) {
		meter, m := newMeters(t)
		m.Poll(source)
		synctest.Wait()
		wantJobs(t, meter, 5, 5)
		wantAnnounced(t, meter, true)
		m.Jobs()
		wantAnnounced(t, meter, true)
		m.Jobs().Start(Terraform)
		wantJobs(t, meter, 1, 0)
	})
	synctest.Test(t, func(t *testing.T) {
		meter, m := newMeters(t)
		m.Jobs().Start(Terraform)
		m.Poll(source)
		synctest.Wait()
		wantJobs(t, meter, 1, 0)
	})
}

// TestForwardedReplacesScripts checks that the agents' reports replace the counts of Scripts.
func TestForwardedReplacesScripts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meter, m := newMeters(t)
		m.Scripts().Executed(anAgent, true)
		meter.Expect(t, someScripts(0, 1), instrument.AgentScriptsExecuted)
		agent := m.Forwarded().Agent(anAgent)
		meter.Expect(t, "", instrument.AgentScriptsExecuted)
		agent.Report([]ForwardedMetric{scriptsExecuted("false", 3), scriptsExecuted("true", 4)})
		m.Scripts().Executed(anAgent, true)
		meter.Expect(t, someScripts(3, 4), instrument.AgentScriptsExecuted)
	})
}

// TestPollTwice checks that a second call of Poll panics.
func TestPollTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := poll(t, meterstest.NewReader(t), Sources{})
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		m.Poll(Sources{})
	})
}

func TestGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, m := newMeters(t)
		ended := false
		m.Go(func(ctx context.Context) {
			<-ctx.Done()
			time.Sleep(time.Second)
			ended = true
		})
		short, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if err := m.Shutdown(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a shutdown that times out: got error %v, want %v", err, context.DeadlineExceeded)
		}
		if err := m.Shutdown(t.Context()); err != nil || !ended {
			t.Errorf("got ended %v, error %v; want true, nil", ended, err)
		}
		m.Go(func(context.Context) { t.Error("the function runs after Shutdown") })
		synctest.Wait()
	})
}

// TestShutdownEndsMeasuring uses all recorders and sources before and after Shutdown:
// only histogram series remain, no value changes, and later timers notify and log
// nothing. The end of the bubble checks that all goroutines have returned.
func TestShutdownEndsMeasuring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := new(log)
		meter, m := newMeters(t, l.option(), WithMaxPaths(1), WithMaxSeries(2, slices.Collect(instrument.Documented.All())...))
		agent := m.Forwarded().Agent(anAgent)
		build := m.Builds().Start(aBuild)
		job := m.Jobs().Start(Terraform)
		request := m.API().Start(false)
		use := func() {
			for _, record := range []func(*Meters) error{recordAPI, recordBuilds, recordForwarded, recordJobs, recordJobTimings, recordOAuth2, recordScripts} {
				if err := record(m); err != nil {
					t.Error(err)
				}
			}
			m.EventsHealth().Report(time.Second, errors.New("gone"))
			m.Builds().Start(Build{Action: "explode"}).End(Failed)
			m.Jobs().Start("cloud").End(Failed)
			m.JobTimings().Record(Terraform, Failed, -1)
			agent.Report([]ForwardedMetric{scriptsExecuted("true", 1), scriptsExecuted("false", -1)})
		}
		use()
		m.Poll(manyRows())
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		m.JobTimings().Record(Terraform, Succeeded, 1)

		if err := m.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		left := meter.Text(t)
		for line := range strings.Lines(left) {
			if strings.HasPrefix(line, "# TYPE") && !strings.HasSuffix(line, " histogram\n") {
				t.Errorf("after Shutdown: got %s, want only histograms", line)
			}
		}
		wantAnnounced(t, meter, true)
		l.Take()

		time.Sleep(2 * time.Hour) // refusals could be logged again
		use()
		build.End(Succeeded)
		job.End(Succeeded)
		request.End(t.Context(), m.API().Path("/late"), http.MethodGet, 200)
		agent.Close()
		time.Sleep(48 * time.Hour)
		wantAnnounced(t, meter, false)
		if got := meter.Text(t); got != left {
			t.Errorf("after use after Shutdown: got\n%s\nwant\n%s", got, left)
		}
		l.want(t)
		if err := m.Shutdown(t.Context()); err != nil {
			t.Errorf("second Shutdown: %v", err)
		}
	})
}

// TestFirstUseAfterShutdown checks that recorders created after Shutdown measure nothing.
func TestFirstUseAfterShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meter, m := newMeters(t)
		if err := m.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantAnnounced(t, meter, true)
		for _, record := range []func(*Meters) error{recordAPI, recordBuilds, recordForwarded, recordJobs, recordJobTimings, recordOAuth2, recordScripts} {
			if err := record(m); err != nil {
				t.Error(err)
			}
		}
		m.Poll(Sources{ActiveUsers: activeUsersFunc(func(context.Context) (int, error) {
			t.Error("the source was collected")
			return 0, nil
		})})
		wantAnnounced(t, meter, false)
		meter.Expect(t, "")
	})
}

// TestZeroProviders checks that recorders and sources work without providers.
func TestZeroProviders(t *testing.T) {
	m, err := New(instrument.Providers{})
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range []func(*Meters) error{recordAPI, recordBuilds, recordForwarded, recordJobs, recordJobTimings, recordOAuth2, recordScripts} {
		if err := record(m); err != nil {
			t.Error(err)
		}
	}
	asked := make(chan struct{}, 1)
	m.Poll(Sources{ActiveUsers: activeUsersFunc(func(context.Context) (int, error) {
		asked <- struct{}{}
		return 1, nil
	})})
	<-asked
	if err := m.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// refusing is a meter provider that returns an error for the instrument called name.
type refusing struct {
	metric.MeterProvider
	name string
}

func (r refusing) Meter(name string, options ...metric.MeterOption) metric.Meter {
	return refusingMeter{r.MeterProvider.Meter(name, options...), r.name}
}

type refusingMeter struct {
	metric.Meter
	name string
}

var errRefused = errors.New("refused")

func (m refusingMeter) Float64Histogram(name string, options ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	if name == m.name {
		return nil, errRefused
	}
	return m.Meter.Float64Histogram(name, options...)
}

func (m refusingMeter) Float64ObservableGauge(name string, options ...metric.Float64ObservableGaugeOption) (metric.Float64ObservableGauge, error) {
	if name == m.name {
		return nil, errRefused
	}
	return m.Meter.Float64ObservableGauge(name, options...)
}

// TestNewTwice checks that New refuses providers that already have a Meters until its
// Shutdown: a second Meters would add to the counters of the first, and replace its gauges.
func TestNewTwice(t *testing.T) {
	exporter, err := exporters.New()
	if err != nil {
		t.Fatal(err)
	}
	defer exporter.Shutdown(t.Context())
	for name, providers := range map[string]func() instrument.Providers{
		"exporter": exporter.Providers, "meterstest": meterstest.NewReader(t).Providers,
	} {
		first, err := New(providers())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		const want = "create the meters: the Process provider already has a Meters: a second one can be created after Shutdown of the first"
		for range 2 {
			if _, err := New(providers()); err == nil || err.Error() != want {
				t.Errorf("%s: second Meters: got error %v, want %s", name, err, want)
			}
		}
		for range 2 { // Shutdown may be called repeatedly
			if err := first.Shutdown(t.Context()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		second, err := New(providers())
		if err != nil {
			t.Fatalf("%s: after Shutdown of the first: %v", name, err)
		}
		if err := first.Shutdown(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := New(providers()); err == nil {
			t.Errorf("%s: a later Shutdown of the first Meters releases the providers of the second", name)
		}
		if err := second.Shutdown(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNewAfterFailure checks that a failed New leaves the providers free for another Meters.
func TestNewAfterFailure(t *testing.T) {
	r := meterstest.NewReader(t)
	broken := r.Providers()
	broken.Workspaces = refusing{noop.NewMeterProvider(), instrument.Documented.Info(instrument.ProvisionerdJobTimings).Instrument}
	if _, err := New(broken); err == nil {
		t.Fatal("New returns no error for a provider that fails")
	}
	newMetersOn(t, r)
}

// TestNewReturnsErrorsOfProviders checks that New fails if an instrument of any kind cannot
// be created.
func TestNewReturnsErrorsOfProviders(t *testing.T) {
	for _, f := range []instrument.Family{instrument.ProvisionerdJobTimings, instrument.AgentsUp, instrument.HealthSourceUp} {
		p := refusing{noop.NewMeterProvider(), instrument.Documented.Info(f).Instrument}
		_, err := New(instrument.Providers{Deployment: p, Workspaces: p, Process: p})
		if !errors.Is(err, errRefused) || !strings.HasPrefix(err.Error(), "create the meters: ") || !strings.Contains(err.Error(), f.String()) {
			t.Errorf("%s: got error %v, want %v", f, err, errRefused)
		}
	}
}

// TestOAuth2PassesThroughAfterShutdown checks that a transport passes calls after Shutdown.
func TestOAuth2PassesThroughAfterShutdown(t *testing.T) {
	_, m := newMeters(t)
	transport := m.OAuth2().Transport("github", OAuth2Exchange, respond(http.StatusTeapot, nil))
	if err := m.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(httptest.NewRequest(http.MethodGet, "http://provider.example.com/user", nil))
	if err != nil || response.StatusCode != http.StatusTeapot {
		t.Errorf("got response %v, error %v; want status %d", response, err, http.StatusTeapot)
	}
}
