package coderversions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/internal/coderversions"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main(m)) }

func Example() {
	const table, column = "users", "is_system"
	for _, v := range coderversions.All() {
		if v.Has(table, column) {
			fmt.Printf("%s.%s since %s, migration %d\n", table, column, v.Date, v.Migration)
			break
		}
	}
	// Output:
	// users.is_system since 2025-04-16, migration 317
}

// columnsSQL is the query of the columns of all tables on the server.
const columnsSQL = `
SELECT coalesce(string_agg(table_name || '.' || column_name, ' ' ORDER BY table_name::text COLLATE "C", column_name::text COLLATE "C"), '')
FROM information_schema.columns WHERE table_schema = 'public'`

// TestVersions checks that each version can be created and filled by a script for all
// versions, and that Tables returns its columns.
func TestVersions(t *testing.T) {
	const rows = `
		INSERT INTO users (username, email, is_system, theme_preference, is_service_account) VALUES ('ann', 'ann@example.com', true, 'dark', false);
		INSERT INTO template_version_presets (name, desired_instances, prebuild_status) VALUES ('small', 2, 'healthy');
		INSERT INTO provisioner_jobs (started_at, canceled_at) VALUES (now(), now());`
	for _, v := range coderversions.All() {
		t.Run(v.Date, func(t *testing.T) {
			t.Parallel()
			plain, filled := pgtest.New(t), pgtest.New(t)
			plain.Exec(t, v.SQL())
			filled.Exec(t, v.With(rows))
			want := pgtest.Value[string](t, plain, columnsSQL)
			if got := pgtest.Value[string](t, filled, columnsSQL); got != want {
				t.Errorf("filled database: got columns\n%s\nwant\n%s", got, want)
			}
			var own []string
			for _, table := range v.Tables() {
				for _, c := range table.Columns {
					own = append(own, table.Name+"."+c)
				}
			}
			slices.Sort(own)
			if got := strings.Join(own, " "); got != want {
				t.Errorf("Tables: got columns\n%s\nwant\n%s", got, want)
			}
			if status := pgtest.Value[string](t, filled, "SELECT job_status::text FROM provisioner_jobs"); status != "canceling" {
				t.Errorf("got job status %s, want canceling", status)
			}
			if v.Has("users", "is_system") && !pgtest.Value[bool](t, filled, "SELECT is_system FROM users") {
				t.Error("the user is not a system user")
			}
		})
	}
}
