package meters_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// board is a meter provider that implements HealthBoard.
type board struct {
	metric.MeterProvider
	mu      sync.Mutex
	reports map[int]func(*health.Report)
	next    int
}

func (b *board) ReportHealth(report func(*health.Report)) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reports == nil {
		b.reports = make(map[int]func(*health.Report))
	}
	n := b.next
	b.next++
	b.reports[n] = report
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.reports, n)
	}
}

func (b *board) report() health.Report {
	var r health.Report
	for _, report := range b.reports {
		report(&r)
	}
	return r
}

func newBoard(t *testing.T) (*board, instrument.Providers) {
	p := meterstest.NewReader(t).Providers()
	b := &board{MeterProvider: p.Process}
	p.Process = b
	return b, p
}

// licenses is a function that implements LicenseSource.
type licenses func() (meters.License, error)

func (l licenses) License(context.Context) (meters.License, error) { return l() }

type denied struct{ error }

func (denied) Remedy() health.Problem { return health.Problem{Remedy: "Grant it.", Command: "grant"} }

func TestPollReportsHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, providers := newBoard(t)
		began := time.Now()
		var takes atomic.Int64
		takes.Store(int64(time.Second))
		var failing atomic.Bool
		m := newMeters(t, providers)
		m.Poll(meters.Sources{License: licenses(func() (meters.License, error) {
			time.Sleep(time.Duration(takes.Load()))
			if failing.Load() {
				return meters.License{}, denied{errors.New("permission denied" + strings.Repeat("!", 10_000))}
			}
			return meters.License{ActiveUsers: 1, Limit: 2}, nil
		})})
		source := func() health.Source {
			t.Helper()
			synctest.Wait()
			r := b.report()
			if len(r.Sources) != 1 {
				t.Fatalf("got %d reported sources, want 1", len(r.Sources))
			}
			return r.Sources[0]
		}

		if s := source(); s.Name != "license" || s.Up || !s.LastSuccess.IsZero() || s.IntervalSeconds != 60 || s.DurationSeconds.Known() || s.P95Seconds.Known() || s.Problem != nil {
			t.Errorf("before the first collection: got %+v", s)
		}
		time.Sleep(time.Second)
		if s := source(); !s.Up || !s.LastSuccess.Equal(began.Add(time.Second)) || s.DurationSeconds != 1 || s.P95Seconds != 1 || s.Series != 3 {
			t.Errorf("after the first collection: got %+v", s)
		}

		takes.Store(int64(3 * time.Second))
		time.Sleep(60 * time.Second)
		takes.Store(int64(time.Second))
		time.Sleep(40 * time.Minute) // 32 collections replace the first duration
		if s := source(); s.DurationSeconds != 1 || s.P95Seconds != 1 {
			t.Errorf("got %+v, want no effect of the old duration", s)
		}
		takes.Store(int64(3 * time.Second))
		time.Sleep(60 * time.Second * 3)
		takes.Store(int64(time.Second))
		time.Sleep(60 * time.Second * 2)
		if s := source(); s.DurationSeconds != 1 || s.P95Seconds != 3 {
			t.Errorf("got %+v, want a P95 of 3 s: of 32 collections two or three took 3 s", s)
		}

		failing.Store(true)
		time.Sleep(62 * time.Second)
		failed := source()
		if failed.Up || failed.Problem == nil || !strings.HasPrefix(failed.Problem.Error, "permission denied!") || failed.Problem.Command != "grant" ||
			failed.Problem.Remedy != "Grant it." || failed.Problem.Runbook != "OtelcoderSourceDown" || failed.Series != 3 || failed.Withdrawn {
			t.Errorf("while the source fails: got %+v, problem %.200v", failed, failed.Problem)
		}
		if n := len(failed.Problem.Error); n > 1100 {
			t.Errorf("got an error of %d bytes, want at most 1100", n)
		}
		time.Sleep(10 * time.Minute)
		if s := source(); !s.Withdrawn || s.Series != 0 || !s.Problem.Since.Equal(failed.Problem.Since) {
			t.Errorf("after five intervals: got %+v, problem since %v, want %v", s, s.Problem.Since, failed.Problem.Since)
		}
		failing.Store(false)
		time.Sleep(2 * time.Minute)
		if s := source(); !s.Up || s.Problem != nil || s.Withdrawn {
			t.Errorf("after the recovery: got %+v", s)
		}

		if err := m.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := b.report(); len(r.Sources)+len(r.Refused) != 0 {
			t.Errorf("after Shutdown: got %+v", r)
		}
	})
}

func TestSourcesAreNotUpWhileUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, providers := newBoard(t)
		reachable := true
		m := newMeters(t, providers, meters.WithReachable(func() bool { return reachable }))
		m.Poll(meters.Sources{License: licenses(func() (meters.License, error) { return meters.License{}, nil })})
		synctest.Wait()
		if r := b.report(); !r.Sources[0].Up {
			t.Errorf("while reachable: got %+v, want the source up", r.Sources)
		}
		reachable = false
		if r := b.report(); r.Sources[0].Up {
			t.Errorf("while unreachable: got %+v, want the source not up", r.Sources)
		}
	})
}

func TestRefusalsAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, providers := newBoard(t)
		builds := newMeters(t, providers).Builds()
		find := func(reason string) health.Refusal {
			for _, r := range b.report().Refused {
				if r.Origin == "builds" && r.Reason == reason {
					return r
				}
			}
			t.Fatalf("no refusal of builds with the reason %s", reason)
			return health.Refusal{}
		}
		if r := find("action"); r.Count != 0 || !r.Last.IsZero() {
			t.Errorf("before the first refusal: got %+v", r)
		}
		builds.Start(meters.Build{Action: "explode"})
		time.Sleep(time.Minute)
		builds.Start(meters.Build{Action: "explode"})
		last := time.Now()
		time.Sleep(time.Minute)
		if r := find("action"); r.Count != 2 || !r.Last.Equal(last) {
			t.Errorf("after two refusals: got %+v, want the last at %v", r, last)
		}
	})
}

func TestEventsHealthIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, providers := newBoard(t)
		h := newMeters(t, providers).EventsHealth()
		if r := b.report(); len(r.Sources) != 0 {
			t.Errorf("before the first report: got %+v, want none", r.Sources)
		}
		h.Report(time.Second, nil)
		succeeded := time.Now()
		if s := b.report().Sources[0]; s.Name != "events" || !s.Up || !s.LastSuccess.Equal(succeeded) || s.DurationSeconds != 1 || s.P95Seconds != 1 || s.Problem != nil {
			t.Errorf("after a success: got %+v", s)
		}
		time.Sleep(time.Minute)
		since := time.Now()
		h.Report(time.Second, errors.New("gone"))
		time.Sleep(time.Minute)
		h.Report(time.Second, errors.New("still gone"))
		if s := b.report().Sources[0]; s.Up || !s.LastSuccess.Equal(succeeded) || s.Problem == nil || s.Problem.Error != "still gone" || !s.Problem.Since.Equal(since) {
			t.Errorf("after failures: got %+v", s)
		}
		h.Withdraw()
		if r := b.report(); len(r.Sources) != 0 {
			t.Errorf("after Withdraw: got %+v, want none", r.Sources)
		}
	})
}
