package pgtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/internal/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main(m)) }

func TestDatabasesAreSeparate(t *testing.T) {
	a, b := pgtest.New(t), pgtest.New(t)
	a.Exec(t, "CREATE TABLE x (n int); INSERT INTO x VALUES (1)")
	b.Exec(t, "CREATE TABLE x (n int)")
	if got := pgtest.Value[int](t, a, "SELECT count(*) FROM x"); got != 1 {
		t.Errorf("got %d rows in a, want 1", got)
	}
	a.Empty(t)
	if got := pgtest.Value[bool](t, a, "SELECT to_regclass('x') IS NULL"); !got {
		t.Error("the table still exists after Empty")
	}
}

func TestRoleMayDoWhatIsGranted(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE x (open int, secret int); INSERT INTO x VALUES (1, 2)")
	url := db.Role(t, func(role string) string { return "GRANT SELECT (open) ON x TO " + role })
	if err := query(t, url, "SELECT open FROM x"); err != nil {
		t.Errorf("the granted column cannot be read: %v", err)
	}
	if err := query(t, url, "SELECT secret FROM x"); err == nil {
		t.Error("the column without a grant can be read")
	}
}

func TestServerStopsFreezesAndRestarts(t *testing.T) {
	s := pgtest.Start(t)
	db := s.Database(t)
	db.Exec(t, "CREATE TABLE x (n int)")
	if err := query(t, db.URL, "SELECT * FROM x"); err != nil {
		t.Fatal(err)
	}
	s.Freeze(t)
	if err := query(t, db.URL, "SELECT * FROM x"); err == nil {
		t.Error("a query of the frozen server succeeds")
	}
	s.Thaw(t)
	if err := query(t, db.URL, "SELECT * FROM x"); err != nil {
		t.Errorf("after the thaw: %v", err)
	}
	s.Stop(t)
	if err := query(t, db.URL, "SELECT * FROM x"); err == nil {
		t.Error("a query of the stopped server succeeds")
	}
	s.Restart(t)
	if err := query(t, db.URL, "SELECT * FROM x"); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}

// query runs SQL with a time limit, since a frozen server does not respond.
func query(t *testing.T, url, sql string) error {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	_, err = c.Exec(ctx, sql)
	return err
}
