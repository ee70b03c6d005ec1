package coderdb

import (
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// BenchmarkPrebuilds shows how long a collection takes with 10,000 prebuilt workspaces, and
// a count of history with 100,000 workspaces of 10 builds each; and without the index on
// initiators, which versions of Coder before 2026 lack.
func BenchmarkPrebuilds(b *testing.B) {
	d := pgtest.New(b)
	d.Exec(b, read(b, "schema.sql"))
	d.Exec(b, `
		INSERT INTO templates (id, name, active_version_id) SELECT u(n), 'template' || n, u(n) FROM generate_series(0, 19) AS n;
		INSERT INTO template_version_presets (id, template_version_id, name, desired_instances) SELECT u(n), u(n), 'small', 500 FROM generate_series(0, 19) AS n;
		INSERT INTO workspaces (id, owner_id, template_id, name)
			SELECT u(n), CASE WHEN n < 10000 THEN 'c42fdf75-3097-471c-8c33-fb52454d81c0' ELSE u(n) END, u(n % 20), 'w' || n FROM generate_series(0, 99999) AS n;
		INSERT INTO provisioner_jobs (id, started_at, completed_at) SELECT u(n), '2025-08-01', '2025-08-01 00:01' FROM generate_series(0, 999999) AS n;
		INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id, initiator_id, template_version_preset_id)
			SELECT u(n), '2025-08-01', u(n % 100000), u(n % 20), 1 + n / 100000, 'start', u(n),
				CASE WHEN n % 100000 < 10000 THEN 'c42fdf75-3097-471c-8c33-fb52454d81c0' ELSE u(n % 100000) END, u(n % 20)
			FROM generate_series(0, 999999) AS n;
		INSERT INTO workspace_resources (id, job_id) SELECT u(n), u(n) FROM generate_series(0, 999999) AS n;
		INSERT INTO workspace_agents (id, resource_id, name, created_at, lifecycle_state) SELECT u(n), u(n), 'main', '2025-08-01', 'ready' FROM generate_series(0, 999999) AS n`)
	d.Exec(b, "INSERT INTO licenses (jwt) VALUES ($1)", premium)
	d.Exec(b, "VACUUM ANALYZE")
	url := d.Role(b, func(role string) string { return coderschema.Grants(instrument.Coder, role) })
	sources := open(b, url, WithEdition(instrument.Coder), always).Sources()
	b.Run("prebuilds", func(b *testing.B) {
		for b.Loop() {
			found, err := sources.Prebuilds.Prebuilds(b.Context())
			if err != nil || len(found.Presets) != 20 || found.Presets[0].Eligible != 500 {
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
	b.Run("creations/without index", creations)
}
