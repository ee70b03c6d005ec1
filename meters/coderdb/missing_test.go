package coderdb

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// TestLackIsLoggedOnce checks that missing columns and tables are logged once, for any number
// of collections and connections.
func TestLackIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	d, url := newDatabase(t, "schema.sql", "without.sql")
	db := open(t, url, WithLogger(logger))
	for range 2 {
		for range 2 {
			if err := readAll(t.Context(), db); err != nil {
				t.Fatal(err)
			}
		}
		d.Disconnect(t)
		_ = readAll(t.Context(), db) // fails, since the connection was cut
	}
	const want = `
level=WARN msg="the database lacks columns that other versions of Coder have" table=users columns=is_system so="system users count as users"
level=WARN msg="the database lacks columns that other versions of Coder have" table=provisioner_jobs columns=job_status so="the status of a job follows from its times and its error"
level=WARN msg="the database lacks columns that other versions of Coder have" table=workspace_agents columns=deleted so="no agent of a latest build counts as deleted"
level=WARN msg="the database lacks a table that other versions of Coder have" table=workspace_agent_scripts so="agent_scripts_executed_total is not served"
level=WARN msg="the database lacks a table that other versions of Coder have" table=workspace_agent_script_timings so="agent_scripts_executed_total is not served"
level=WARN msg="the database lacks a table that other versions of Coder have" table=tailnet_peers so="tailnet nodes and connection latencies of agents are unknown"
`
	if got := log.String(); got != strings.TrimPrefix(want, "\n") {
		t.Errorf("got log\n%s\nwant%s", got, want)
	}
}

// TestNothingLackingIsNotLogged checks that nothing is logged if the database has every
// column, or is empty.
func TestNothingLackingIsNotLogged(t *testing.T) {
	_, newest := newDatabase(t, "schema.sql")
	for _, url := range []string{newest, pgtest.New(t).URL} {
		var log bytes.Buffer
		db := open(t, url, WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		_ = readAll(t.Context(), db)
		if log.Len() > 0 {
			t.Errorf("got log %s, want none", log.String())
		}
	}
}

// TestSchemaSeenByHalf checks that an inspection of a schema which changed meanwhile is
// repeated: columns of another version, which the role may not read, are queried at most once.
func TestSchemaSeenByHalf(t *testing.T) {
	_, url := newDatabase(t, "schema.sql", "fleet.sql")
	db := open(t, url)
	if _, err := db.follower().next(t.Context()); err != nil {
		t.Fatal(err)
	}
	db.missing.Store(&coderschema.Lacks{"provisioner_jobs.job_status": true})
	if _, err := db.follower().next(t.Context()); err == nil {
		t.Fatal("the columns of another version can be read: the test checks nothing")
	}
	if _, err := db.follower().next(t.Context()); err != nil {
		t.Errorf("the schema is not inspected again: %v", err)
	}
}
