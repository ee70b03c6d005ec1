package coderdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/instrument/health"
	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/internal/postgres"
	"github.com/otelcoder/otelcoder/internal/reporterlock"
)

func roleHealth(r *Reporter) health.Role {
	var report health.Report
	r.Health(&report)
	return report.Role
}

func TestRoleNamesTheOthers(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	tcp := server.ListenTCP(t)
	db := server.Database(t)
	db.Exec(t, read(t, "schema.sql"))
	url := tcp(db.Role(t, grants))
	stranger := tcp(db.Role(t, grants)) // cannot see the sessions of the first role
	began := time.Now()
	newReporter := func(url string) *Reporter {
		r := newReporter(t, url)
		r.timing.peers = hasty.touch
		r.timing.idle = time.Hour // the role is given up, never taken by the server
		return r
	}
	one := newReporter(url)
	if got := roleHealth(one); got.State != health.TakingOver {
		t.Errorf("before the first connection: got %+v", got)
	}
	stop := compete(t, one)
	awaitOne(t, one)
	if got := roleHealth(one); got.State != health.Reporting || got.Since.Before(began) || got.Since.After(time.Now()) || len(got.StandBys) != 0 || got.Problem != nil {
		t.Errorf("the only process: got %+v", got)
	}

	same, other := newReporter(url), newReporter(stranger)
	compete(t, same)
	compete(t, other)
	await(t, "the reporter knows its standbys", func() bool {
		return slices.Equal(roleHealth(one).StandBys, []string{"", "127.0.0.1"})
	})
	await(t, "the standby knows the reporter", func() bool {
		role := roleHealth(same)
		return role.State == health.StandingBy && role.Reporter == "127.0.0.1" && !role.Since.Before(began)
	})
	await(t, "the stranger stands by", func() bool { return roleHealth(other).State == health.StandingBy })
	if got := roleHealth(other); got.Reporter != "" {
		t.Errorf("the stranger: got reporter %q, want none", got.Reporter)
	}

	stopped := time.Now()
	stop()
	successor, _ := awaitOne(t, same, other)
	if got := roleHealth(successor); got.State != health.Reporting || got.Since.Before(stopped) {
		t.Errorf("the successor: got %+v", got)
	}
}

func TestRoleWhileUnreachable(t *testing.T) {
	t.Parallel()
	l := pgtest.Listen(t)
	l.Close()
	r := newReporter(t, "postgres://otelcoder:hunter2@"+l.Addr().String()+"/coder?sslmode=disable")
	began := time.Now()
	compete(t, r)
	await(t, "the database is unreachable", func() bool { return roleHealth(r).State == health.Unreachable })
	first := roleHealth(r)
	time.Sleep(3 * hasty.try)
	got := roleHealth(r)
	if p := got.Problem; p == nil || !strings.Contains(p.Error, "connection refused") || strings.Contains(p.Error, "hunter2") ||
		!strings.Contains(p.Remedy, "Check that PostgreSQL runs") || p.Runbook != "OtelcoderDatabaseDown" || p.Since.Before(began) || !p.Since.Equal(first.Since) {
		t.Errorf("got problem %+v, want it since %v", p, first.Since)
	}
}

// TestRunbookWhileUnreachable checks that the runbook of an unreachable database is the one
// of its alert, whether the server refuses connections or does not respond.
func TestRunbookWhileUnreachable(t *testing.T) {
	var r Reporter
	r.role.failed(fmt.Errorf("connect: %w", context.DeadlineExceeded))
	if got := roleHealth(&r); got.State != health.Unreachable || got.Problem == nil || got.Problem.Runbook != "OtelcoderDatabaseDown" {
		t.Errorf("got %+v, problem %+v", got, got.Problem)
	}
	_, err := pgx.Connect(t.Context(), "postgres://me@127.0.0.1:1/coder?sslmode=disable")
	if got := remedy(err); got.Runbook != "OtelcoderDatabaseDown" {
		t.Errorf("%v: got %+v", err, got)
	}
	if got := remedy(errors.New("canceling statement due to statement timeout")); got.Runbook != "OtelcoderSourceDown" {
		t.Errorf("a slow query: got %+v", got)
	}
}

func TestRoleOnAStandbyServer(t *testing.T) {
	var r Reporter
	r.role.failed(fmt.Errorf("connect: %w", reporterlock.ErrStandby))
	got := roleHealth(&r)
	if got.State != health.NoReporter || got.Problem == nil || got.Problem.Runbook != "OtelcoderNoReporter" || !strings.Contains(got.Problem.Remedy, "--postgres-reporter-url") {
		t.Errorf("got %+v, problem %+v", got, got.Problem)
	}
}

func TestDatabaseIsNamedWithoutSecrets(t *testing.T) {
	for url, want := range map[string]health.Database{
		"postgres://otelcoder:hunter2@db.example:6432/coder?sslmode=disable":      {Address: "db.example:6432", Name: "coder"},
		"host=db user=otelcoder password=hunter2 dbname=coder":                    {Address: "db:5432", Name: "coder"},
		"postgres://otelcoder:hunter2@a:1,b:2/coder?sslmode=prefer":               {Address: "a:1,b:2", Name: "coder"},
		"postgres://otelcoder:hunter2@[::1]:5432/coder?sslmode=disable&user=x":    {Address: "[::1]:5432", Name: "coder"},
		"postgres:///coder?host=/var/run/postgresql&user=otelcoder&password=oops": {Address: "/var/run/postgresql:5432", Name: "coder"},
	} {
		db := open(t, url)
		var r health.Report
		db.Health(&r)
		if *r.Database != want {
			t.Errorf("%s: got %+v, want %+v", url, *r.Database, want)
		}
	}
}

func TestDeniedTableHasACommand(t *testing.T) {
	t.Parallel()
	db, url := newDatabase(t, "schema.sql", "fleet.sql")
	d := open(t, url)
	if _, err := d.Sources().License.License(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.forget()
	role := d.user
	db.Exec(t, "REVOKE ALL ON licenses FROM "+postgres.Quote(role))
	_, err := d.Sources().License.License(t.Context())
	if err == nil {
		t.Fatal("the collection succeeds without the right to read its table")
	}
	p := health.NewProblem(err, time.Now())
	if want := `otelcoder grants --role ` + role + ` | psql "$OWNER_URL"`; p.Command != want || p.Remedy == "" {
		t.Errorf("got command %q, want %q; remedy %q; error %v", p.Command, want, p.Remedy, err)
	}
	if explained := new(explainedError); !errors.As(err, &explained) {
		t.Errorf("got error %T, want %T", err, explained)
	}
}
