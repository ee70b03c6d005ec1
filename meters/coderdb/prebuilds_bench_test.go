package coderdb

import (
	"fmt"
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// BenchmarkPrebuilds measures a collection of prebuilt workspaces, which are a tenth of the
// workspaces, and a count of creations in a history of ten builds per workspace, with and
// without the index on initiators. Versions of Coder before 2026 lack that index.
func BenchmarkPrebuilds(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("workspaces=%d", n), func(b *testing.B) { benchmarkPrebuilds(b, n) })
	}
}

func benchmarkPrebuilds(b *testing.B, n int) {
	d, url := newPrebuildsOf(b, n)
	sources := open(b, url, WithEdition(instrument.Coder), always).Sources()
	b.Run("prebuilds", func(b *testing.B) {
		for b.Loop() {
			found, err := sources.Prebuilds.Prebuilds(b.Context())
			if err != nil || len(found.Presets) != 20 || found.Presets[0].Eligible != n/200 {
				b.Fatal(found.Presets, err)
			}
		}
	})
	creations := func(b *testing.B) {
		for b.Loop() {
			if _, err := sources.Creations.Creations(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("creations", creations)
	d.Exec(b, "DROP INDEX workspace_builds_initiator_id_idx")
	b.Run("creations without index", creations)
}

// newPrebuildsOf makes n workspaces with ten builds each. A tenth of them are prebuilt.
func newPrebuildsOf(b testing.TB, n int) (*pgtest.Database, string) {
	b.Helper()
	d := pgtest.New(b)
	d.Exec(b, read(b, "schema.sql"))
	d.Exec(b, fmt.Sprintf("SET fleet.workspaces = %d;", n)+`
		CREATE FUNCTION workspaces() RETURNS int LANGUAGE sql RETURN current_setting('fleet.workspaces')::int;
		CREATE FUNCTION maker(w int) RETURNS uuid LANGUAGE sql RETURN CASE WHEN w < workspaces() / 10 THEN 'c42fdf75-3097-471c-8c33-fb52454d81c0' ELSE u(w) END;
		INSERT INTO templates (id, name, active_version_id) SELECT u(n), 'template' || n, u(n) FROM generate_series(0, 19) AS n;
		INSERT INTO template_version_presets (id, template_version_id, name, desired_instances) SELECT u(n), u(n), 'small', 500 FROM generate_series(0, 19) AS n;
		INSERT INTO workspaces (id, owner_id, template_id, name) SELECT u(n), maker(n), u(n % 20), 'w' || n FROM generate_series(0, workspaces() - 1) AS n;
		INSERT INTO provisioner_jobs (id, started_at, completed_at) SELECT u(n), '2025-08-01', '2025-08-01 00:01' FROM generate_series(0, workspaces() * 10 - 1) AS n;
		INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id, initiator_id, template_version_preset_id)
			SELECT u(n), '2025-08-01', u(n % workspaces()), u(n % 20), 1 + n / workspaces(), 'start', u(n), maker(n % workspaces()), u(n % 20)
			FROM generate_series(0, workspaces() * 10 - 1) AS n;
		INSERT INTO workspace_resources (id, job_id) SELECT u(n), u(n) FROM generate_series(0, workspaces() * 10 - 1) AS n;
		INSERT INTO workspace_agents (id, resource_id, name, created_at, lifecycle_state) SELECT u(n), u(n), 'main', '2025-08-01', 'ready' FROM generate_series(0, workspaces() * 10 - 1) AS n`)
	d.Exec(b, "INSERT INTO licenses (jwt) VALUES ($1)", premium)
	d.Exec(b, "VACUUM ANALYZE")
	return d, d.Role(b, func(role string) string { return coderschema.Grants(instrument.Coder, role) })
}
