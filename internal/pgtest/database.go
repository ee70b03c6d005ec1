package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Database is a database of one test. It is dropped when the test ends.
type Database struct {
	// URL connects to the database as its owner, a superuser on a server of [Start].
	URL   string
	name  string
	owner session
}

// numbers makes the names of databases and roles unique within a test binary.
var numbers atomic.Int64

func newName(prefix string) string {
	return fmt.Sprintf("%s_%d_%d", prefix, os.Getpid(), numbers.Add(1))
}

// create creates a database with an encoding on the server that admin connects to.
func create(t testing.TB, admin, encoding string) *Database {
	t.Helper()
	name := newName("otelcoder_test")
	run(t, admin, "CREATE DATABASE "+name+" TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C' ENCODING '"+encoding+"'")
	d := &Database{URL: withDatabase(t, admin, name), name: name}
	t.Cleanup(func() {
		d.CloseOwner()
		// The test may have stopped the server or replaced the database.
		_ = execute(admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	})
	return d
}

// Exec runs SQL as the owner: one statement with arguments, or any number of statements
// without arguments.
func (d *Database) Exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	must(t, sql, d.owner.do(d.URL, statement(sql, args...)))
}

// Try runs SQL as the owner and returns its error.
func (d *Database) Try(sql string) error { return d.owner.do(d.URL, statement(sql)) }

// Name returns the name of the database.
func (d *Database) Name() string { return d.name }

// Value returns the only column of the only row of a query's result.
func Value[T any](t testing.TB, d *Database, sql string, args ...any) T {
	t.Helper()
	var v T
	must(t, sql, d.owner.do(d.URL, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, sql, args...).Scan(&v)
	}))
	return v
}

// Role creates a role that may log in and has only the grants of the script. The returned URL
// connects as this role.
func (d *Database) Role(t testing.TB, grants func(role string) string) string {
	t.Helper()
	name := newName("otelcoder_role")
	const password = "correct horse/battery?staple"
	d.Exec(t, "CREATE ROLE "+name+" LOGIN PASSWORD '"+verifier(password)+"'")
	t.Cleanup(func() { _ = d.Try("DROP OWNED BY " + name + "; DROP ROLE " + name) })
	if script := grants(name); strings.TrimSpace(script) != "" {
		d.Exec(t, script)
	}
	u := parse(t, d.URL)
	u.User = url.UserPassword(name, password)
	return u.String()
}

// Empty replaces the database by an empty one of the same name, like a failed restore. It
// cuts open connections.
func (d *Database) Empty(t testing.TB) {
	t.Helper()
	admin := withDatabase(t, d.URL, "postgres")
	run(t, admin, "DROP DATABASE "+d.name+" WITH (FORCE)")
	run(t, admin, "CREATE DATABASE "+d.name+" TEMPLATE template0 ENCODING 'UTF8'")
}

// Disconnect cuts every other connection to the database.
func (d *Database) Disconnect(t testing.TB) {
	t.Helper()
	d.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
}

// CloseOwner closes the owner's connection until the next call, since it counts towards
// connection limits.
func (d *Database) CloseOwner() { d.owner.close() }

func withDatabase(t testing.TB, address, name string) string {
	u := parse(t, address)
	u.Path = "/" + name
	return u.String()
}

func parse(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal("the URL of the test database cannot be parsed: use postgres://user:password@host/database")
	}
	return u
}

// At returns the database of a URL, which is not dropped when the test ends.
func At(t testing.TB, address string) *Database {
	d := &Database{URL: address}
	t.Cleanup(d.CloseOwner)
	return d
}
