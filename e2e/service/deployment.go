package service

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/otelcoder/otelcoder/e2e/process"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// Deployment fills a database as a Coder deployment that is alive does.
func Deployment(t testing.TB, db *pgtest.Database) {
	t.Helper()
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"meters/coderdb/testdata/schema.sql", "cmd/otelcoder/testdata/live.sql"} {
		script, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		db.Exec(t, string(script))
	}
}
