package coderdb

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/meters"
)

// queries counts the queries that are sent.
type queries struct{ n atomic.Int64 }

func (q *queries) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	q.n.Add(1)
	return ctx
}

func (q *queries) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// newFleetOf makes n workspaces with ten builds each.
func newFleetOf(t testing.TB, n int) (*pgtest.Database, string) {
	t.Helper()
	d := pgtest.New(t)
	d.Exec(t, read(t, "schema.sql"))
	d.Exec(t, fmt.Sprintf("SET fleet.workspaces = %d;", n)+read(t, "any_fleet.sql"))
	d.Exec(t, "ANALYZE")
	return d, d.Role(t, Grants)
}

// collections are what the sources are asked, one by one.
var collections = []struct {
	name    string
	collect func(context.Context, *DB, meters.Sources) (rows int, err error)
}{
	{"agents", func(ctx context.Context, _ *DB, s meters.Sources) (int, error) {
		rows, err := s.Agents.Agents(ctx)
		return len(rows), err
	}},
	{"agentstats", func(ctx context.Context, db *DB, _ meters.Sources) (int, error) {
		rows, err := db.Sources().AgentStats.AgentStats(ctx) // each time the first window
		return len(rows), err
	}},
	{"insights", func(ctx context.Context, _ *DB, s meters.Sources) (int, error) {
		i, err := s.Insights.Insights(ctx)
		return len(i.Applications), err
	}},
	{"latestbuilds", func(ctx context.Context, _ *DB, s meters.Sources) (int, error) {
		rows, err := s.LatestBuilds.LatestBuilds(ctx)
		return len(rows), err
	}},
	{"activeusers", func(ctx context.Context, _ *DB, s meters.Sources) (int, error) {
		return s.ActiveUsers.ActiveUsers(ctx)
	}},
	{"license", func(ctx context.Context, _ *DB, s meters.Sources) (int, error) {
		_, err := s.License.License(ctx)
		return 0, err
	}},
	{"jobs", func(ctx context.Context, _ *DB, s meters.Sources) (int, error) {
		rows, err := s.Jobs.RunningJobs(ctx)
		return len(rows), err
	}},
	{"events", func(ctx context.Context, db *DB, _ meters.Sources) (int, error) {
		e, err := db.Events().Next(ctx)
		return len(e.Running), err
	}},
}

// BenchmarkCollection shows how long one collection takes with the database
// beside it, and that its queries are as many for 10 workspaces as for 10,000.
func BenchmarkCollection(b *testing.B) {
	for _, n := range []int{10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("workspaces=%d", n), func(b *testing.B) {
			_, url := newFleetOf(b, n)
			var sent queries
			db := open(b, url, traced(&sent))
			sources := db.Sources()
			for _, c := range collections {
				b.Run(c.name, func(b *testing.B) {
					before := sent.n.Load()
					rows := 0
					for b.Loop() {
						var err error
						if rows, err = c.collect(b.Context(), db, sources); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(sent.n.Load()-before)/float64(b.N), "queries/op")
					b.ReportMetric(float64(rows), "rows")
				})
			}
		})
	}
}

// TestQueriesDoNotGrow with the deployment.
func TestQueriesDoNotGrow(t *testing.T) {
	sent := make(map[string][2]int64)
	for i, n := range [2]int{10, 300} {
		_, url := newFleetOf(t, n)
		var count queries
		db := open(t, url, traced(&count))
		sources := db.Sources()
		for _, c := range collections {
			if _, err := c.collect(t.Context(), db, sources); err != nil { // looks at the schema
				t.Fatal(err)
			}
			before := count.n.Load()
			if _, err := c.collect(t.Context(), db, sources); err != nil {
				t.Fatal(err)
			}
			both := sent[c.name]
			both[i] = count.n.Load() - before
			sent[c.name] = both
		}
	}
	// BEGIN, now() and COMMIT are three of them.
	want := map[string]int64{
		"agents": 7, "agentstats": 4, "insights": 6, "latestbuilds": 4, "activeusers": 4, "license": 5, "jobs": 4, "events": 6,
	}
	for name, got := range sent {
		if got[0] != want[name] || got[1] != want[name] {
			t.Errorf("%s: %d queries for 10 workspaces and %d for 300, want %d", name, got[0], got[1], want[name])
		}
	}
}
