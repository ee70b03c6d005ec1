package endurance

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/e2e/collector"
	"github.com/otelcoder/otelcoder/e2e/process"
	"github.com/otelcoder/otelcoder/e2e/service"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// warmUp is the time in which a process grows to its normal size. Sizes are compared only
// after it.
const warmUp = 10 * time.Second

// TestSoak runs the example under full load, pushing to a collector that comes and goes,
// and the service with a database that fails at random. Both are scraped every second.
// The test fails if either grows.
func TestSoak(t *testing.T) {
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	receiver := collector.New(t, filepath.Join(root, "examples/collector/config.yaml"))
	example := program.StartWith(t, []string{"OTEL_METRIC_EXPORT_INTERVAL=1000"}, "--load", "1000", "--otlp-endpoint", receiver.HTTP)
	db := pgtest.Start(t).Database(t)
	service.Deployment(t, db)
	database := pgtest.NewProxy(t, db.Role(t, grants))
	beside := otelcoder.Start(t, database.URL, "--interval", "1s", "--insights-interval", "1s")

	ctx, cancel := context.WithTimeout(t.Context(), warmUp+*soakTime)
	defer cancel()
	var failing sync.WaitGroup
	failing.Go(func() { comeAndGo(ctx, t, receiver) })
	failing.Go(func() { failAtRandom(ctx, database) })
	scrapers := []*scraper{scrapeEachSecond(t, "example", example.Metrics), scrapeEachSecond(t, "service", beside.Metrics)}

	ticks := time.NewTicker(max(*soakTime/20, 5*time.Second))
	defer ticks.Stop()
	for began := time.Now(); ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case <-ticks.C:
		}
		for _, s := range scrapers {
			now, _ := s.newest()
			t.Logf("%4.0f s  %-8s %v", time.Since(began).Seconds(), s.name, now)
		}
	}
	failing.Wait()
	for _, s := range scrapers {
		s.steady()
	}
}

// comeAndGo starts and stops a collector repeatedly.
func comeAndGo(ctx context.Context, t *testing.T, c *collector.Collector) {
	for ctx.Err() == nil {
		c.Start(t)
		pause(ctx, 2*time.Second+rand.N(8*time.Second))
		c.Stop(t)
		pause(ctx, rand.N(5*time.Second))
	}
}

// failAtRandom cuts the connections to a database, or silences it, at random times.
func failAtRandom(ctx context.Context, p *pgtest.Proxy) {
	for ctx.Err() == nil {
		pause(ctx, rand.N(10*time.Second))
		if rand.N(2) == 0 {
			p.Cut()
			continue
		}
		speak := p.Silence()
		pause(ctx, rand.N(5*time.Second))
		speak()
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// steady fails the test if the process has grown from the first third of the scrapes
// after the warm-up to the last. It compares medians, so that short peaks are allowed.
func (s *scraper) steady() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	warm := slices.IndexFunc(s.all, func(v vitals) bool { return v.at.Sub(s.all[0].at) > warmUp })
	if warm < 0 || len(s.all)-warm < 6 {
		s.t.Fatalf("%s: got %d scrapes, want at least 6 after the warm-up", s.name, len(s.all))
	}
	third := (len(s.all) - warm) / 3
	first, last := s.all[warm:warm+third], s.all[len(s.all)-third:]
	for _, of := range []struct {
		what   string
		value  func(vitals) float64
		factor float64
		more   float64
	}{
		{"resident memory", func(v vitals) float64 { return v.memory }, 1.2, 10e6},
		{"heap in use", func(v vitals) float64 { return v.heap }, 1.3, 5e6},
		{"goroutines", func(v vitals) float64 { return v.goroutines }, 1.1, 20},
		{"open files", func(v vitals) float64 { return v.files }, 1.1, 20},
		{"scrape time", func(v vitals) float64 { return v.took.Seconds() }, 2, 0.02},
		{"series of the API", func(v vitals) float64 { return float64(v.series) }, 1.2, 50},
	} {
		was, is := median(first, of.value), median(last, of.value)
		if is > of.factor*was+of.more {
			s.t.Errorf("%s: %s grew from %.4g to %.4g", s.name, of.what, was, is)
		}
	}
}

func median(all []vitals, value func(vitals) float64) float64 {
	values := make([]float64, len(all))
	for i, v := range all {
		values[i] = value(v)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
