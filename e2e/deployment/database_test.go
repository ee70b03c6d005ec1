package deployment

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/e2e/process"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// database is the database of a deployment whose agents report twice per interval.
type database struct {
	url        string // URL for the service, with its own role
	postmaster int    // PID of the server
	reporter   int    // PID of the session on which the agents report
}

// newDatabase starts a server and fills a database with workspaces.
func newDatabase(t *testing.T, workspaces int) *database {
	t.Helper()
	db := pgtest.Start(t).Database(t)
	// Without autovacuum the server uses CPU time only for the service and the reports.
	db.Exec(t, "ALTER SYSTEM SET autovacuum = off")
	db.Exec(t, "SELECT pg_reload_conf()")
	db.Exec(t, fmt.Sprintf("ALTER DATABASE %s SET fleet.workspaces = %d", db.Name(), workspaces))
	db.CloseOwner() // later sessions have the setting
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"meters/coderdb/testdata/schema.sql", "meters/coderdb/testdata/any_fleet.sql", "e2e/deployment/testdata/live.sql"} {
		script, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for statement := range strings.SplitSeq(string(script), ";\n") {
			began := time.Now()
			db.Exec(t, statement)
			if took := time.Since(began); took > time.Second {
				t.Logf("loaded in %v: %.50s", took.Round(100*time.Millisecond), strings.TrimSpace(comment.ReplaceAllString(statement, "")))
			}
		}
	}
	d := &database{url: db.Role(t, func(role string) string { return coderschema.Grants(edition, role) })}
	d.report(t, db.URL)
	return d
}

var comment = regexp.MustCompile(`(?m)^--.*\n`)

const report = `INSERT INTO workspace_agent_stats (created_at, user_id, agent_id, workspace_id, template_id, rx_bytes, tx_bytes, connection_count, connection_median_latency_ms, session_count_ssh)
	SELECT now(), u(1 + n % workspaces()), u(n), u(1 + n % workspaces()), u(1 + (1 + n % workspaces()) % 20), 100, 100, 1, 12, 1
	FROM generate_series(workspaces() * 9 + 1, workspaces() * 10) AS n`

// report inserts a report of every agent twice per interval, until the test ends.
func (d *database) report(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	d.reporter = int(conn.PgConn().PID())
	session, err := stat(d.reporter)
	if err != nil {
		t.Fatal(err)
	}
	d.postmaster = session.parent
	ctx, cancel := context.WithCancel(context.Background())
	var reporting sync.WaitGroup
	reporting.Go(func() {
		defer conn.Close(context.Background())
		ticker := time.NewTicker(*interval / 2)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			if _, err := conn.Exec(context.Background(), report); err != nil {
				t.Errorf("report: %v", err)
				return
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		reporting.Wait()
	})
}

// cpuTime returns the CPU time of the server, without that of the reports.
func (d *database) cpuTime(t *testing.T) time.Duration {
	t.Helper()
	return familyCPUTime(t, d.postmaster) - cpuTime(t, d.reporter)
}
