package coderdb

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/internal/postgres"
)

// rotating is a changing URL for [WithURLFunc].
type rotating struct{ url atomic.Pointer[string] }

func (r *rotating) set(url string) { r.url.Store(&url) }

func (r *rotating) read(context.Context) (string, error) {
	if url := *r.url.Load(); url != "" {
		return url, nil
	}
	return "", errors.New("open url: no such file or directory")
}

// rotate changes the password of the address's role and returns the address with the new one.
func rotate(t *testing.T, db *pgtest.Database, address, password string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	db.Exec(t, "ALTER ROLE "+u.User.Username()+" PASSWORD '"+password+"'")
	u.User = url.UserPassword(u.User.Username(), password)
	return u.String()
}

// TestPasswordRotates checks that the next connections of collections and of the role use a
// rotated password.
func TestPasswordRotates(t *testing.T) {
	t.Parallel()
	server, first := newDatabase(t, "schema.sql")
	var current rotating
	current.set(first)
	db := open(t, first, WithURLFunc(current.read))
	reporter := newReporter(t, first, WithURLFunc(current.read))
	compete(t, reporter)
	awaitOne(t, reporter)
	ask := func() error {
		_, err := db.Sources().ActiveUsers.ActiveUsers(t.Context())
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}

	second := rotate(t, server, first, "second")
	server.Disconnect(t)
	if err := ask(); err == nil {
		if err = ask(); err == nil { // the first collection may still use a connection that is being cut
			t.Error("a connection with the old password succeeds")
		}
	}
	current.set("")
	const missing = "read the URL of the database: open url: no such file or directory"
	if err := ask(); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("got error %v, want %s", err, missing)
	}
	current.set("mysql://otelcoder:hunter2@host/coder")
	if err := ask(); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got error %v, want one without the password", err)
	}
	await(t, "the process has lost the role", func() bool { return !reporter.Reports() })
	for _, reconnect := range []func(context.Context) error{db.Reconnect, reporter.Reconnect} {
		if err := reconnect(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("reconnect: got error %v, want one without the password", err)
		}
	}
	current.set(second)
	if err := ask(); err != nil {
		t.Error(err)
	}
	awaitOne(t, reporter)
}

// TestReconnect checks that Reconnect replaces the connections of collections and of the
// role without a failure.
func TestReconnect(t *testing.T) {
	t.Parallel()
	server, address := newDatabase(t, "schema.sql")
	db := open(t, address)
	reporter := newReporter(t, address, WithLogger(testLogger(t)))
	reconnect := func() {
		t.Helper()
		if err := errors.Join(db.Reconnect(t.Context()), reporter.Reconnect(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	reconnect() // no effect before Run and the first collection
	compete(t, reporter)
	awaitOne(t, reporter)
	ask := func() {
		t.Helper()
		if _, err := db.Sources().ActiveUsers.ActiveUsers(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ask()
	sessions := func() []int32 {
		return pgtest.Value[[]int32](t, server, "SELECT array_agg(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1", postgres.ApplicationName)
	}
	before := sessions()
	if len(before) != 2 {
		t.Fatalf("got %d sessions, want one of the role and one of the collections", len(before))
	}

	reconnect()
	ask()
	await(t, "the old sessions have ended", func() bool {
		for _, pid := range sessions() {
			if pid == before[0] || pid == before[1] {
				return false
			}
		}
		return true
	})
	awaitOne(t, reporter)
}
