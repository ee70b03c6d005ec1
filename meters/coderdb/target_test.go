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

// rotating is a URL that changes, for [WithURLFunc].
type rotating struct{ url atomic.Pointer[string] }

func (r *rotating) set(url string) { r.url.Store(&url) }

func (r *rotating) read(context.Context) (string, error) {
	if url := *r.url.Load(); url != "" {
		return url, nil
	}
	return "", errors.New("open url: no such file or directory")
}

// rotate gives the role of an address another password and returns the address
// with it.
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

// A password that rotates is used from the next connection on, by collections
// and by the role.
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
		if err = ask(); err == nil { // the first may find a connection that is being cut
			t.Error("the old password is still good")
		}
	}
	current.set("")
	const missing = "read the URL of the database: open url: no such file or directory"
	if err := ask(); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("error %v, want %s", err, missing)
	}
	current.set("mysql://otelcoder:hunter2@host/coder")
	if err := ask(); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
	await(t, "it has lost the role", func() bool { return !reporter.Reports() })
	for _, reconnect := range []func(context.Context) error{db.Reconnect, reporter.Reconnect} {
		if err := reconnect(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("reconnect: error %v", err)
		}
	}
	current.set(second)
	if err := ask(); err != nil {
		t.Error(err)
	}
	awaitOne(t, reporter)
}

// Reconnect replaces the connections of collections and of the role, and nothing
// fails.
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
	reconnect() // before Run and the first collection: to no effect
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
		t.Fatalf("%d sessions, want that of the role and that of the collection", len(before))
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
