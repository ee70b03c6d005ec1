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

// newFleetOf makes n workspaces with ten builds each, an agent, an app, a row of
// statistics in the window, one of earlier, and a peer each.
func newFleetOf(t testing.TB, n int) (*pgtest.Database, string) {
	t.Helper()
	d := pgtest.New(t)
	d.Exec(t, read(t, "schema.sql"))
	d.Exec(t, fmt.Sprintf(`
		SET timezone = 'UTC';
		INSERT INTO users (id, username, email, status) SELECT u(n), 'user' || n, 'user' || n || '@example.com', 'active' FROM generate_series(1, %[1]d) AS n;
		INSERT INTO api_keys (id, user_id, last_used) SELECT n, u(n), '2025-09-01 12:00:00' FROM generate_series(1, %[1]d) AS n;
		INSERT INTO templates (id, name) SELECT u(n), 'template' || n FROM generate_series(1, 20) AS n;
		INSERT INTO template_versions (id, template_id, name) SELECT u(n), u(n), 'v1' FROM generate_series(1, 20) AS n;
		INSERT INTO template_version_parameters (template_version_id, name, type) SELECT u(n), 'region', 'string' FROM generate_series(1, 20) AS n;
		INSERT INTO workspaces (id, owner_id, template_id, name) SELECT u(n), u(n), u(1 + n %% 20), 'workspace' || n FROM generate_series(1, %[1]d) AS n;
		INSERT INTO provisioner_jobs (id, started_at, completed_at) SELECT u(n), '2025-08-01', '2025-08-01 00:01' FROM generate_series(1, %[1]d * 10) AS n;
		INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id)
			SELECT u(n), CASE WHEN n > %[1]d * 9 THEN '2025-09-01 12:00:00'::timestamptz ELSE '2025-08-01' END,
				u(1 + n %% %[1]d), u(1 + (1 + n %% %[1]d) %% 20), 1 + (n - 1) / %[1]d, 'start', u(n)
			FROM generate_series(1, %[1]d * 10) AS n;
		INSERT INTO workspace_build_parameters (workspace_build_id, name, value) SELECT u(n), 'region', 'eu' FROM generate_series(1, %[1]d * 10) AS n;
		INSERT INTO workspace_resources (id, job_id) SELECT u(n), u(n) FROM generate_series(1, %[1]d * 10) AS n;
		INSERT INTO workspace_agents (id, resource_id, name, created_at, first_connected_at, last_connected_at, connection_timeout_seconds, lifecycle_state, started_at, ready_at)
			SELECT u(n), u(n), 'main', '2025-08-01', '2025-08-01', '2025-09-01 12:00:20', 120, 'ready', '2025-08-01', '2025-08-01 00:00:10'
			FROM generate_series(1, %[1]d * 10) AS n;
		INSERT INTO workspace_apps (agent_id, display_name, slug, health) SELECT u(n), 'code-server', 'code', 'healthy' FROM generate_series(1, %[1]d * 10) AS n;
		INSERT INTO workspace_agent_stats (created_at, user_id, agent_id, workspace_id, template_id, rx_bytes, tx_bytes, connection_count, connection_median_latency_ms, session_count_ssh)
			SELECT '2025-09-01 12:00:00'::timestamptz - m * interval '1 hour', u(1 + n %% %[1]d), u(n), u(1 + n %% %[1]d), u(1 + (1 + n %% %[1]d) %% 20), 100, 100, 1, 12, 1
			FROM generate_series(%[1]d * 9 + 1, %[1]d * 10) AS n, generate_series(0, 9) AS m;
		INSERT INTO workspace_app_stats (user_id, workspace_id, agent_id, slug_or_port, session_started_at, session_ended_at)
			SELECT u(1 + n %% %[1]d), u(1 + n %% %[1]d), u(n), 'code', '2025-09-01 11:57:00', '2025-09-01 11:59:00' FROM generate_series(%[1]d * 9 + 1, %[1]d * 10) AS n;
		INSERT INTO tailnet_peers (id, coordinator_id, updated_at, node)
			SELECT u(n), u(1), '2025-09-01 12:00:00', '\x08b42412036162631d010203042801320f0a04312d763411000000000000e03f320f0a04312d763611000000000000d03f320f0a04322d763411000000000000c03f32110a063939392d763411000000000000f03f'
			FROM generate_series(%[1]d * 9 + 1, %[1]d * 10) AS n;
	`, n))
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
			db := open(b, url, func(c *config) { c.tracer = &sent })
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
		db := open(t, url, func(c *config) { c.tracer = &count })
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
		"agents": 7, "agentstats": 4, "insights": 6, "latestbuilds": 4, "activeusers": 4, "license": 5, "jobs": 4, "events": 5,
	}
	for name, got := range sent {
		if got[0] != want[name] || got[1] != want[name] {
			t.Errorf("%s: %d queries for 10 workspaces and %d for 300, want %d", name, got[0], got[1], want[name])
		}
	}
}
