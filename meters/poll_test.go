package meters

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/logged"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// Functions that implement the sources.
type (
	activeUsersFunc  func(context.Context) (int, error)
	latestBuildsFunc func(context.Context) ([]LatestBuilds, error)
	agentsFunc       func(context.Context) ([]Workspace, error)
	agentStatsFunc   func(context.Context) ([]AgentStats, error)
	insightsFunc     func(context.Context) (Insights, error)
	licenseFunc      func(context.Context) (License, error)
	runningJobsFunc  func(context.Context) (map[Provisioner]int, error)
	usersFunc        func(context.Context) (map[UserStatus]int, error)
	daemonsFunc      func(context.Context) (int, error)
	prebuildsFunc    func(context.Context) (Prebuilds, error)
	creationsFunc    func(context.Context) (Creations, error)
)

func (f activeUsersFunc) ActiveUsers(ctx context.Context) (int, error) { return f(ctx) }

func (f latestBuildsFunc) LatestBuilds(ctx context.Context) ([]LatestBuilds, error) { return f(ctx) }

func (f agentsFunc) Agents(ctx context.Context) ([]Workspace, error) { return f(ctx) }

func (f agentStatsFunc) AgentStats(ctx context.Context) ([]AgentStats, error) { return f(ctx) }

func (f insightsFunc) Insights(ctx context.Context) (Insights, error) { return f(ctx) }

func (f licenseFunc) License(ctx context.Context) (License, error) { return f(ctx) }

func (f runningJobsFunc) RunningJobs(ctx context.Context) (map[Provisioner]int, error) { return f(ctx) }

func (f usersFunc) Users(ctx context.Context) (map[UserStatus]int, error) { return f(ctx) }

func (f daemonsFunc) Daemons(ctx context.Context) (int, error)           { return f(ctx) }
func (f prebuildsFunc) Prebuilds(ctx context.Context) (Prebuilds, error) { return f(ctx) }

func (f creationsFunc) Creations(ctx context.Context) (Creations, error) { return f(ctx) }

// answers returns a source function that returns answer at each call.
func answers[T any](answer T) func(context.Context) (T, error) {
	return func(context.Context) (T, error) { return answer, nil }
}

// variable is a value that a test can change while a source reads it.
type variable[T any] struct {
	mu    sync.Mutex
	value T
}

func (v *variable[T]) get() T {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.value
}

func (v *variable[T]) set(value T) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.value = value
}

// log records log lines without their time.
type log struct{ logged.Log }

func (l *log) option() Option { return WithLogger(l.Logger()) }

// want fails the test unless exactly these lines were logged since the last call.
func (l *log) want(t *testing.T, lines ...string) {
	t.Helper()
	if got := l.Take(); got != strings.Join(append(lines, ""), "\n") {
		t.Errorf("got log %q, want %q", slices.Collect(strings.Lines(got)), lines)
	}
}

// poll polls the sources until the test ends, and returns after their first collections.
// The test must run in a bubble.
func poll(t *testing.T, m *meterstest.Reader, s Sources, options ...Option) *Meters {
	t.Helper()
	meters := newMetersOn(t, m, options...)
	meters.Poll(s)
	synctest.Wait()
	return meters
}

func wantValue(t *testing.T, m *meterstest.Reader, sample string, want float64) {
	t.Helper()
	if got, ok := m.Samples(t)[sample]; got != want || !ok {
		t.Errorf("at %s: %s: got %v (exists: %v), want %v", time.Now().Format(time.TimeOnly), sample, got, ok, want)
	}
}

func wantAnnounced(t *testing.T, m *meterstest.Reader, want bool) {
	t.Helper()
	synctest.Wait()
	select {
	case <-m.Changed():
		if !want {
			t.Error("a change was announced, want none")
		}
		m.Text(t) // a reader that renders ahead reads again after each change
	default:
		if want {
			t.Error("no change was announced")
		}
	}
}

func TestPollAsksOnTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var users, insights []string
		poll(t, meterstest.NewReader(t), Sources{
			ActiveUsers: activeUsersFunc(func(context.Context) (int, error) {
				users = append(users, time.Since(start).String())
				time.Sleep(7 * time.Second) // does not delay the next collection
				return 1, nil
			}),
			Insights: insightsFunc(func(context.Context) (Insights, error) {
				insights = append(insights, time.Since(start).String())
				return Insights{}, nil
			}),
		})
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		if want := strings.Fields("0s 1m0s 2m0s 3m0s 4m0s 5m0s 6m0s 7m0s 8m0s 9m0s 10m0s"); !slices.Equal(users, want) {
			t.Errorf("got collections of active users at %v, want %v", users, want)
		}
		if want := strings.Fields("0s 5m0s 10m0s"); !slices.Equal(insights, want) {
			t.Errorf("got collections of insights at %v, want %v", insights, want)
		}
	})
}

func TestPollOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var users, insights []string
		poll(t, meterstest.NewReader(t), Sources{
			ActiveUsers: activeUsersFunc(func(context.Context) (int, error) {
				users = append(users, time.Since(start).String())
				return 1, nil
			}),
			Insights: insightsFunc(func(context.Context) (Insights, error) {
				insights = append(insights, time.Since(start).String())
				return Insights{}, nil
			}),
		}, WithInterval(20*time.Second), WithInsightsInterval(30*time.Second))
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := strings.Fields("0s 20s 40s 1m0s"); !slices.Equal(users, want) {
			t.Errorf("got collections of active users at %v, want %v", users, want)
		}
		if want := strings.Fields("0s 30s 1m0s"); !slices.Equal(insights, want) {
			t.Errorf("got collections of insights at %v, want %v", insights, want)
		}
	})
	for _, option := range []Option{WithInterval(0), WithInsightsInterval(-time.Second)} {
		if _, err := New(meterstest.NewReader(t).Providers(), option); err == nil {
			t.Error("no error for an interval that is not positive")
		}
	}
}

func TestPollBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var queried []string
		poll(t, meterstest.NewReader(t), Sources{ActiveUsers: activeUsersFunc(func(context.Context) (int, error) {
			queried = append(queried, time.Since(start).String())
			if since := time.Since(start); since == 2*time.Minute+3*time.Second {
				return 1, nil // a success resets the back-off
			}
			return 0, errors.New("down")
		})})
		time.Sleep(3*time.Minute + 10*time.Second)
		synctest.Wait()
		want := strings.Fields("0s 1s 3s 7s 15s 31s 1m3s 2m3s 3m3s 3m4s 3m6s 3m10s")
		if !slices.Equal(queried, want) {
			t.Errorf("got collections at %v, want %v", queried, want)
		}
	})
}

func TestPollFailureWithdrawalRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		var down variable[error]
		m := meterstest.NewReader(t)
		poll(t, m, Sources{ActiveUsers: activeUsersFunc(func(context.Context) (int, error) {
			time.Sleep(250 * time.Millisecond)
			return 7, down.get()
		})}, l.option())
		health := []instrument.Family{instrument.HealthSourceUp, instrument.HealthSourceSeries,
			instrument.HealthSourceDuration, instrument.HealthSourceInterval, instrument.HealthSourceLastSuccess}

		// No source has returned yet.
		m.Expect(t, "", instrument.APIActiveUsers)
		m.Expect(t, `# TYPE otelcoder_source_collection_duration_seconds gauge
otelcoder_source_collection_duration_seconds{source="active_users"} 0
# TYPE otelcoder_source_interval_seconds gauge
otelcoder_source_interval_seconds{source="active_users"} 60
# TYPE otelcoder_source_last_success_timestamp_seconds gauge
otelcoder_source_last_success_timestamp_seconds{source="active_users"} 0
# TYPE otelcoder_source_series gauge
otelcoder_source_series{source="active_users"} 0
# TYPE otelcoder_source_up gauge
otelcoder_source_up{source="active_users"} 0
`, health...)
		wantAnnounced(t, m, false)

		const series = `# TYPE coderd_api_active_users_duration_hour gauge
coderd_api_active_users_duration_hour 7
`
		time.Sleep(250 * time.Millisecond)
		wantAnnounced(t, m, true)
		m.Expect(t, series, instrument.APIActiveUsers)
		m.Expect(t, `# TYPE otelcoder_source_collection_duration_seconds gauge
otelcoder_source_collection_duration_seconds{source="active_users"} 0.25
# TYPE otelcoder_source_interval_seconds gauge
otelcoder_source_interval_seconds{source="active_users"} 60
# TYPE otelcoder_source_last_success_timestamp_seconds gauge
otelcoder_source_last_success_timestamp_seconds{source="active_users"} 9.4668480025e+08
# TYPE otelcoder_source_series gauge
otelcoder_source_series{source="active_users"} 1
# TYPE otelcoder_source_up gauge
otelcoder_source_up{source="active_users"} 1
`, health...)
		l.want(t)

		// The source fails; its series are kept.
		down.set(errors.New("connection refused"))
		time.Sleep(5*time.Minute - time.Nanosecond)
		m.Expect(t, series, instrument.APIActiveUsers)
		wantValue(t, m, `otelcoder_source_up{source="active_users"}`, 0)
		wantValue(t, m, `otelcoder_source_series{source="active_users"}`, 1)
		wantAnnounced(t, m, false)
		l.want(t, `level=WARN msg="source fails" source=active_users error="connection refused"`)

		// After five intervals, the series are withdrawn.
		time.Sleep(time.Nanosecond)
		wantAnnounced(t, m, true)
		m.Expect(t, "", instrument.APIActiveUsers)
		wantValue(t, m, `otelcoder_source_up{source="active_users"}`, 0)
		wantValue(t, m, `otelcoder_source_series{source="active_users"}`, 0)
		wantValue(t, m, `otelcoder_source_last_success_timestamp_seconds{source="active_users"}`, 946684800.25)
		l.want(t, `level=WARN msg="series of source withdrawn" source=active_users last_success=2000-01-01T00:00:00.250Z`)
		time.Sleep(time.Hour)
		wantAnnounced(t, m, false)
		l.want(t)

		// The source recovers, and the next retry restores the series.
		down.set(nil)
		time.Sleep(time.Minute + time.Second)
		wantAnnounced(t, m, true)
		m.Expect(t, series, instrument.APIActiveUsers)
		wantValue(t, m, `otelcoder_source_up{source="active_users"}`, 1)
		wantValue(t, m, `otelcoder_source_series{source="active_users"}`, 1)
		l.want(t, `level=INFO msg="source recovered" source=active_users`)
	})
}

// TestPollPartialError checks that a source which fails for some of its families serves the
// others as long as it returns their rows, though it is not up.
func TestPollPartialError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		m := meterstest.NewReader(t)
		poll(t, m, Sources{
			Agents: agentsFunc(func(context.Context) ([]Workspace, error) {
				return []Workspace{{Name: "dev", Username: "ann", Template: "go"}}, &PartialError{errors.New("no apps")}
			}),
			Insights: insightsFunc(func(context.Context) (Insights, error) {
				return Insights{ActiveUsers: []TemplateUsers{{Template: "go", Users: 3}}}, fmt.Errorf("read: %w", &PartialError{errors.New("no parameters")})
			}),
		}, l.option())
		for range 2 {
			wantAnnounced(t, m, true)
			wantValue(t, m, `coderd_agents_up{template_name="go",username="ann",workspace_name="dev"}`, 0)
			wantValue(t, m, `coderd_insights_templates_active_users{template_name="go"}`, 3)
			wantValue(t, m, `otelcoder_source_up{source="agents"}`, 0)
			wantValue(t, m, `otelcoder_source_up{source="insights"}`, 0)
			wantValue(t, m, `otelcoder_source_last_success_timestamp_seconds{source="insights"}`, 0)
			wantValue(t, m, `otelcoder_source_series{source="insights"}`, 1)
			time.Sleep(time.Hour)
		}
		if got := l.Take(); strings.Count(got, "\n") != 2 || !strings.Contains(got, `level=WARN msg="source fails" source=agents error="no apps"`) {
			t.Errorf("got log %q, want one failure of each source", got)
		}
	})
}

func TestPollNoAnswerAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		m := meterstest.NewReader(t)
		poll(t, m, Sources{ActiveUsers: activeUsersFunc(func(context.Context) (int, error) {
			return 0, errors.New("no such table")
		})}, l.option())
		time.Sleep(time.Hour)
		wantAnnounced(t, m, false)
		m.Expect(t, "", instrument.APIActiveUsers)
		l.want(t, `level=WARN msg="source fails" source=active_users error="no such table"`)
	})
}

// TestPollTimeLimit checks that a source which respects its context returns at its time
// limit, and that its own error is logged.
func TestPollTimeLimit(t *testing.T) {
	for _, test := range []struct {
		interval time.Duration
		limit    time.Duration
	}{
		{time.Minute, 30 * time.Second},
		{10 * time.Second, 10 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var l log
			start := time.Now()
			var gaveUp time.Duration
			poll(t, meterstest.NewReader(t), Sources{ActiveUsers: activeUsersFunc(func(ctx context.Context) (int, error) {
				<-ctx.Done()
				if gaveUp == 0 {
					gaveUp = time.Since(start)
				}
				return 0, errors.New("canceling statement")
			})}, WithInterval(test.interval), l.option())
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			if gaveUp != test.limit {
				t.Errorf("interval %s: got a timeout after %s, want %s", test.interval, gaveUp, test.limit)
			}
			l.want(t, `level=WARN msg="source fails" source=active_users error="canceling statement"`)
		})
	}
}

// TestPollHungSource checks a source that ignores its context: it cannot be stopped, but its
// series are withdrawn, and Shutdown does not wait for it beyond the context of Shutdown.
func TestPollHungSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		var hang variable[bool]
		release := make(chan struct{})
		m := meterstest.NewReader(t)
		p, err := New(m.Providers(), l.option())
		if err != nil {
			t.Fatal(err)
		}
		p.Poll(Sources{
			ActiveUsers: activeUsersFunc(func(context.Context) (int, error) {
				if hang.get() {
					<-release
				}
				return 7, nil
			}),
			License: licenseFunc(answers(License{})),
		})
		wantAnnounced(t, m, true)
		hang.set(true)

		time.Sleep(time.Minute + 30*time.Second)
		synctest.Wait()
		wantValue(t, m, `otelcoder_source_up{source="active_users"}`, 1)
		time.Sleep(time.Second)
		synctest.Wait()
		wantValue(t, m, `otelcoder_source_up{source="active_users"}`, 0)
		wantValue(t, m, `coderd_api_active_users_duration_hour`, 7)
		l.want(t, `level=WARN msg="source fails" source=active_users error="no answer within 30s"`)

		time.Sleep(5*time.Minute - 91*time.Second)
		wantAnnounced(t, m, true)
		m.Expect(t, "", instrument.APIActiveUsers)
		wantValue(t, m, `otelcoder_source_series{source="active_users"}`, 0)
		wantValue(t, m, `otelcoder_source_up{source="license"}`, 1) // the other source is still collected
		l.want(t, `level=WARN msg="series of source withdrawn" source=active_users last_success=2000-01-01T00:00:00.000Z`)

		hang.set(false)
		release <- struct{}{}
		wantAnnounced(t, m, true)
		wantValue(t, m, `coderd_api_active_users_duration_hour`, 7)
		wantValue(t, m, `otelcoder_source_up{source="active_users"}`, 1)
		l.want(t, `level=INFO msg="source recovered" source=active_users`)

		hang.set(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := p.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "active_users") {
			t.Errorf("shutdown with a hung source: got error %v, want %v", err, context.DeadlineExceeded)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("shutdown took %s, want 5s", took)
		}
		m.Expect(t, "")

		close(release)
		if err := p.Shutdown(t.Context()); err != nil {
			t.Errorf("shutdown after the source has returned: %v", err)
		}
		l.want(t)
	})
}

func TestPollShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		m := meterstest.NewReader(t)
		queried := 0
		p, err := New(m.Providers(), l.option())
		if err != nil {
			t.Fatal(err)
		}
		p.Poll(Sources{
			ActiveUsers: activeUsersFunc(func(ctx context.Context) (int, error) {
				if queried++; queried == 1 {
					return 7, nil
				}
				<-ctx.Done()
				time.Sleep(10 * time.Millisecond) // clean-up after the cancellation
				return 0, ctx.Err()
			}),
			LatestBuilds: latestBuildsFunc(answers([]LatestBuilds{})),
		})
		time.Sleep(time.Minute + time.Second) // the second collection is running
		wantAnnounced(t, m, true)
		wantValue(t, m, "coderd_api_active_users_duration_hour", 7)

		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		wantAnnounced(t, m, true)
		m.Expect(t, "")
		l.want(t) // a canceled collection is not a failure
		time.Sleep(time.Hour)
		if queried != 2 {
			t.Errorf("got %d collections, want 2", queried)
		}
		if err := p.Shutdown(t.Context()); err != nil {
			t.Errorf("second shutdown: %v", err)
		}

		// New Meters can use the same providers.
		poll(t, m, Sources{ActiveUsers: activeUsersFunc(answers(8))})
		wantValue(t, m, "coderd_api_active_users_duration_hour", 8)
		m.Expect(t, `# TYPE otelcoder_refused_total counter
otelcoder_refused_total{origin="source",reason="length"} 0
otelcoder_refused_total{origin="source",reason="limit"} 0
otelcoder_refused_total{origin="source",reason="undocumented"} 0
otelcoder_refused_total{origin="source",reason="value"} 0
`, instrument.HealthRefused)
	})
}

func TestPollPanickingSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		var fixed variable[bool]
		m := meterstest.NewReader(t)
		poll(t, m, Sources{ActiveUsers: activeUsersFunc(func(context.Context) (int, error) {
			if !fixed.get() {
				panic("index out of range")
			}
			return 7, nil
		})}, l.option())
		wantValue(t, m, `otelcoder_source_up{source="active_users"}`, 0)
		l.want(t, `level=WARN msg="source fails" source=active_users error="panic: index out of range"`)
		fixed.set(true)
		time.Sleep(time.Second)
		synctest.Wait()
		wantValue(t, m, `coderd_api_active_users_duration_hour`, 7)
		l.want(t, `level=INFO msg="source recovered" source=active_users`)
	})
}

func TestPollWithoutSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := meterstest.NewReader(t)
		poll(t, m, Sources{})
		m.Expect(t, `# TYPE otelcoder_refused_total counter
otelcoder_refused_total{origin="source",reason="length"} 0
otelcoder_refused_total{origin="source",reason="limit"} 0
otelcoder_refused_total{origin="source",reason="undocumented"} 0
otelcoder_refused_total{origin="source",reason="value"} 0
`)
	})
}

// TestPollAnnouncesOnce checks that changes between two reads are announced once.
func TestPollAnnouncesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := meterstest.NewReader(t)
		poll(t, m, Sources{
			ActiveUsers: activeUsersFunc(answers(1)),
			License:     licenseFunc(answers(License{})),
		})
		time.Sleep(10*time.Minute + time.Second)
		wantAnnounced(t, m, true)
		wantAnnounced(t, m, false)
	})
}

// TestPollConsistentUnderConcurrentCollections checks that all families of a source come from
// the same snapshot in each scrape.
func TestPollConsistentUnderConcurrentCollections(t *testing.T) {
	m := meterstest.NewReader(t)
	bytes := int64(0)
	p, err := New(m.Providers(), WithInterval(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	p.Poll(Sources{AgentStats: agentStatsFunc(func(context.Context) ([]AgentStats, error) {
		bytes++
		return []AgentStats{{AgentName: "main", Username: "alice", Workspace: "dev", RxBytes: bytes, TxBytes: bytes}}, nil
	})})
	<-m.Changed()
	var collectors sync.WaitGroup
	for range 4 {
		collectors.Go(func() {
			for range 100 {
				families := m.Families(t)
				rx := families["coderd_agentstats_rx_bytes"].GetMetric()
				tx := families["coderd_agentstats_tx_bytes"].GetMetric()
				if len(rx) != len(tx) {
					t.Errorf("got %d series of received and %d of sent bytes, want equal numbers", len(rx), len(tx))
				}
				// rx may be empty: on a busy machine, series expire at this interval.
				for i := range rx {
					if rx[i].GetGauge().GetValue() != tx[i].GetGauge().GetValue() {
						t.Errorf("got received %s and sent %s, want equal values", rx[i], tx[i])
					}
				}
			}
		})
	}
	collectors.Wait()
	if err := p.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestUnreachableSourcesAreNotUp checks that unreachable sources are not up even after a
// success, and that their series are kept.
func TestUnreachableSourcesAreNotUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := meterstest.NewReader(t)
		var reachable variable[bool]
		poll(t, m, Sources{
			ActiveUsers: activeUsersFunc(answers(7)),
			License:     licenseFunc(answers(License{})),
		}, WithInterval(time.Hour), WithReachable(reachable.get))
		for _, up := range []float64{0, 1, 0, 1} {
			reachable.set(up == 1)
			wantValue(t, m, `otelcoder_source_up{source="active_users"}`, up)
			wantValue(t, m, `otelcoder_source_up{source="license"}`, up)
			wantValue(t, m, "coderd_api_active_users_duration_hour", 7)
		}
	})
}
