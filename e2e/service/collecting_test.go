package service_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/e2e/process"
	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/coderdb"
)

// collecting is a source that records whether a collection is under way, and counts the
// finished ones.
type collecting struct {
	meters.AgentsSource
	under atomic.Bool
	done  atomic.Int64
}

func (c *collecting) Agents(ctx context.Context) ([]meters.Workspace, error) {
	c.under.Store(true)
	defer func() {
		c.under.Store(false)
		c.done.Add(1)
	}()
	return c.AgentsSource.Agents(ctx)
}

// BenchmarkScrapeBesideCollection measures whether scrapes wait for collections. Two
// endpoints serve a deployment of 10,000 workspaces: one collects the agents repeatedly,
// the other, the control, collects them once. They are scraped in turn, so that the CPU
// load of the database and of the collections slows down both. If scrapes of the first
// take longer than those of the control, they wait.
func BenchmarkScrapeBesideCollection(b *testing.B) {
	root, err := process.Root()
	if err != nil {
		b.Fatal(err)
	}
	db := pgtest.Start(b).Database(b)
	for _, path := range []string{"schema.sql", "any_fleet.sql"} {
		script, err := os.ReadFile(filepath.Join(root, "meters/coderdb/testdata", path))
		if err != nil {
			b.Fatal(err)
		}
		db.Exec(b, "SET fleet.workspaces = 10000;"+string(script))
	}
	db.Exec(b, "ANALYZE")
	source, err := coderdb.Open(b.Context(), db.URL)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(source.Close)
	b.Run("every=1s", func(b *testing.B) { benchmarkBesideCollection(b, source, time.Second) })
	// The default interval: -benchtime 3m covers three collections.
	b.Run("every=1m", func(b *testing.B) { benchmarkBesideCollection(b, source, time.Minute) })
}

func benchmarkBesideCollection(b *testing.B, source *coderdb.DB, every time.Duration) {
	agents := &collecting{AgentsSource: source.Sources().Agents}
	collects := newEndpoint(b, agents, every)
	collected := &collecting{AgentsSource: source.Sources().Agents}
	rests := newEndpoint(b, collected, time.Hour)
	for agents.done.Load() < 1 || collected.done.Load() < 1 {
		collects.scrape(b)
		rests.scrape(b)
	}

	var beside, control, apart, all, allOfControl []time.Duration
	turn := false
	for b.Loop() {
		var took, other time.Duration
		before := agents.under.Load()
		if turn = !turn; turn { // take turns: the CPUs are busier at the first scrape
			took = collects.scrape(b)
		} else {
			other = rests.scrape(b)
		}
		between := agents.under.Load()
		if turn {
			other = rests.scrape(b)
		} else {
			took = collects.scrape(b)
		}
		all, allOfControl = append(all, took), append(allOfControl, other)
		switch after := agents.under.Load(); {
		case before && between && after:
			beside, control = append(beside, took), append(control, other)
		case !before && !between && !after:
			apart = append(apart, took)
		}
		time.Sleep(5 * time.Millisecond)
	}
	b.ReportMetric(float64(p99(all))/1e6, "p99-ms")
	b.ReportMetric(float64(p99(all))/float64(p99(allOfControl)), "p99/control")
	if len(beside) >= 100 && len(apart) >= 100 {
		b.ReportMetric(float64(p99(apart))/1e6, "p99-apart-ms")
		b.ReportMetric(float64(p99(beside))/1e6, "p99-beside-ms")
		b.ReportMetric(float64(p99(beside))/float64(p99(control)), "p99-beside/control")
	}
}

// endpoint serves the state of a source of agents.
type endpoint struct{ *httptest.Server }

func newEndpoint(b *testing.B, agents meters.AgentsSource, interval time.Duration) endpoint {
	b.Helper()
	exporter, err := exporters.New()
	if err != nil {
		b.Fatal(err)
	}
	m, err := meters.New(exporter.Providers(), meters.WithInterval(interval))
	if err != nil {
		b.Fatal(err)
	}
	m.Poll(meters.Sources{Agents: agents})
	e := endpoint{httptest.NewServer(exporter.Handler())}
	b.Cleanup(func() {
		e.Close()
		if err := errors.Join(m.Shutdown(context.Background()), exporter.Shutdown(context.Background())); err != nil {
			b.Error(err)
		}
	})
	return e
}

// scrape scrapes as Prometheus does and returns the duration.
func (e endpoint) scrape(b *testing.B) time.Duration {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, e.URL+"/metrics", nil)
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "gzip")
	began := time.Now()
	response, err := e.Client().Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

func p99(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)*99/100]
}
