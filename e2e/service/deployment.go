package service

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/e2e/process"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// Deployment fills a database with a running Coder deployment. Its agent reports every
// half second until the test ends.
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
	ctx, cancel := context.WithCancel(context.Background())
	var reporting sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		reporting.Wait()
	})
	reporting.Go(func() { keepReporting(ctx, db.URL) })
}

// keepReporting reports for the agent until ctx ends. It connects again after a test has
// stopped the server.
func keepReporting(ctx context.Context, url string) {
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	var conn *pgx.Conn
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			if conn != nil {
				closing, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				conn.Close(closing)
			}
			return
		}
		if conn == nil || conn.IsClosed() {
			var err error
			if conn, err = pgx.Connect(ctx, url); err != nil {
				conn = nil
				continue
			}
		}
		_, _ = conn.Exec(ctx, report) // a lost connection is closed; other errors are caused by tests
	}
}

// report inserts a report of the agent at the current time.
const report = `INSERT INTO workspace_agent_stats (created_at, user_id, agent_id, workspace_id, template_id, rx_bytes, tx_bytes,
	connection_count, connection_median_latency_ms, session_count_vscode, session_count_ssh)
VALUES (now(), u(1), u(501), u(31), u(11), 10, 20, 1, 12.5, 1, 2)`
