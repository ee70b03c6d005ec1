package coderdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// queries is a tracer that counts the sent queries that contain a text.
type queries struct {
	of string
	n  atomic.Int64
}

func (q *queries) TraceQueryStart(ctx context.Context, _ *pgx.Conn, sent pgx.TraceQueryStartData) context.Context {
	if strings.Contains(sent.SQL, q.of) {
		q.n.Add(1)
	}
	return ctx
}

func (q *queries) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// newFleetOf makes n workspaces with ten builds each.
func newFleetOf(t testing.TB, n int) (*pgtest.Database, string) {
	t.Helper()
	d := pgtest.New(t)
	d.Exec(t, read(t, "schema.sql"))
	d.Exec(t, fmt.Sprintf("SET fleet.workspaces = %d;", n)+read(t, "any_fleet.sql"))
	d.Exec(t, "INSERT INTO licenses (jwt) VALUES ($1)", premium)
	d.Exec(t, "ANALYZE")
	return d, d.Role(t, func(role string) string { return grants(role) + grantsOf(instrument.Coder)(role) })
}

// BenchmarkCollection measures the time and the number of queries of one collection from a
// local database, for 10 to 10,000 workspaces.
func BenchmarkCollection(b *testing.B) {
	for _, n := range []int{10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("workspaces=%d", n), func(b *testing.B) {
			_, url := newFleetOf(b, n)
			for _, c := range collections {
				b.Run(c.name+"/documented", func(b *testing.B) { benchmarkCollection(b, url, c, instrument.Documented) })
				b.Run(c.name+"/coder", func(b *testing.B) { benchmarkCollection(b, url, c, instrument.Coder) })
			}
			for _, c := range coderCollections {
				b.Run(c.name+"/coder", func(b *testing.B) { benchmarkCollection(b, url, c, instrument.Coder) })
			}
		})
	}
}

func benchmarkCollection(b *testing.B, url string, c collection, e instrument.Edition) {
	var sent queries
	db := open(b, url, WithEdition(e), traced(&sent))
	sources := db.Sources()
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
}

// BenchmarkAgentStats measures a collection of agent statistics each minute, with 10,000
// agents that report every 30 seconds.
func BenchmarkAgentStats(b *testing.B) {
	d, url := newFleetOf(b, 10_000)
	const reports = `INSERT INTO workspace_agent_stats (created_at, user_id, agent_id, workspace_id, template_id, rx_bytes, tx_bytes, connection_count, connection_median_latency_ms, session_count_ssh)
		SELECT at + n % 30 * interval '1 second' + n * interval '1 microsecond', u(1 + n % 10000), u(n), u(1 + n % 10000), u(1 + (1 + n % 10000) % 20), 100, 100, 1, 12, 1
		FROM generate_series($1::timestamptz, $2, '30 seconds') AS at, generate_series(90001, 100000) AS n`
	d.Exec(b, reports, noon.Add(-70*time.Minute), noon.Add(-30*time.Second))
	d.Exec(b, "VACUUM ANALYZE")
	now := noon
	db := open(b, url, clockOption(func() time.Time { return now }))
	source := db.Sources().AgentStats
	collect := func(b *testing.B) {
		rows, err := source.AgentStats(b.Context())
		if err != nil || len(rows) != 10_000 {
			b.Fatalf("%d rows, error %v", len(rows), err)
		}
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			source = db.Sources().AgentStats
			collect(b)
		}
	})
	b.Run("next", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			d.Exec(b, reports, now, now.Add(30*time.Second))
			now = now.Add(time.Minute)
			b.StartTimer()
			collect(b)
		}
	})
}

// TestQueriesDoNotGrow checks that the number of queries of a collection does not depend on
// the number of workspaces.
func TestQueriesDoNotGrow(t *testing.T) {
	sent := make(map[string][2]int64)
	for i, n := range [2]int{10, 300} {
		_, url := newFleetOf(t, n)
		var count queries
		db := open(t, url, WithEdition(instrument.Coder), traced(&count))
		sources := db.Sources()
		for _, c := range collectionsOf(instrument.Coder) {
			if _, err := c.collect(t.Context(), db, sources); err != nil { // also inspects the schema
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
	// The numbers include BEGIN, now() and COMMIT.
	want := map[string]int64{
		"agents": 7, "agentstats": 5, "insights": 6, "latestbuilds": 4, "activeusers": 4, "license": 5, "jobs": 4, "events": 8,
		"users": 4, "daemons": 4, "prebuilds": 8, "creations": 8,
	}
	for name, got := range sent {
		if got[0] != want[name] || got[1] != want[name] {
			t.Errorf("%s: got %d queries for 10 workspaces and %d for 300, want %d", name, got[0], got[1], want[name])
		}
	}
}

// TestPartialCollectionsAreNotRepeated checks that only the first partial collection repeats
// its query, and that a grant makes the next collection complete.
func TestPartialCollectionsAreNotRepeated(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	role := roleOf(t, url)
	for _, test := range []struct {
		name, of string
		lost     []string
	}{
		{"agents", "JOIN workspace_resources r", []string{"(health) ON workspace_apps"}},
		{"insights", "FROM workspace_app_stats s", []string{"(connection_count) ON workspace_agent_stats"}},
		{"insights", "FROM workspace_app_stats s", []string{"(connection_count) ON workspace_agent_stats", "(value) ON workspace_build_parameters"}},
	} {
		sent := queries{of: test.of}
		db := open(t, url, traced(&sent))
		sources := db.Sources()
		c := collections[slices.IndexFunc(collections, func(c collection) bool { return c.name == test.name })]
		collect := func(whole bool, most int64) {
			t.Helper()
			before := sent.n.Load()
			_, err := c.collect(t.Context(), db, sources)
			if failed(err) || (err == nil) != whole {
				t.Errorf("%s: got error %v, want complete %t", test.name, err, whole)
			}
			if n := sent.n.Load() - before; n < 1 || n > most {
				t.Errorf("%s: got %d queries, want 1 to %d", test.name, n, most)
			}
		}
		collect(true, 1)
		for _, columns := range test.lost {
			d.Exec(t, "REVOKE SELECT "+columns+" FROM "+role)
		}
		collect(false, 2)
		collect(false, 1)
		collect(false, 1)
		for _, columns := range test.lost {
			d.Exec(t, "GRANT SELECT "+columns+" TO "+role)
		}
		collect(true, 1)
		collect(true, 1)
	}
}
