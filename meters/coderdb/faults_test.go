package coderdb

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/internal/postgres"
)

// patience is how long a recovery may take on a loaded machine.
const patience = 30 * time.Second

// ask collects the active users with a time limit of one second.
func ask(t *testing.T, db *DB) error {
	t.Helper()
	began := time.Now()
	// 990 ms is what remains of one second on a busy machine.
	ctx, cancel := context.WithTimeout(t.Context(), 990*time.Millisecond)
	defer cancel()
	_, err := db.Sources().ActiveUsers.ActiveUsers(ctx)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("a collection with a time limit of 1s took %v, want at most 3s", took)
	}
	return err
}

// wantFailure checks that a collection fails with an error that contains text.
func wantFailure(t *testing.T, db *DB, text string) {
	t.Helper()
	err := ask(t, db)
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got error %v, want %q", err, text)
	}
}

// wantRecovery collects until a collection succeeds.
func wantRecovery(t *testing.T, db *DB) {
	t.Helper()
	for began := time.Now(); ; {
		err := ask(t, db)
		if err == nil {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("no recovery within %v: %v", patience, err)
		}
	}
}

// TestFaults checks, for one fault of the server after another, that collections end in
// time, return an error that describes the fault, and succeed again afterwards.
func TestFaults(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t)
	d := s.Database(t)
	schema := read(t, "schema.sql")
	d.Exec(t, schema)
	url := d.Role(t, grants)
	db, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	wantRecovery(t, db)

	s.Freeze(t)
	wantFailure(t, db, "read active users: the database has not answered within 1s")
	wantFailure(t, db, "the database has not answered within 1s")
	s.Thaw(t)
	wantRecovery(t, db)

	s.Stop(t)
	wantFailure(t, db, "")
	wantFailure(t, db, "failed to connect")
	s.Restart(t)
	wantRecovery(t, db)

	d.Disconnect(t)
	wantRecovery(t, db)

	config, err := postgres.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	role := config.User
	d.Empty(t)
	wantRecoveryOf(t, db, `relation "api_keys" does not exist`)
	wantFailure(t, db, "is this the database of a Coder deployment")
	d.Exec(t, schema)
	wantFailure(t, db, `GRANT SELECT ("user_id", "last_used") ON "public"."api_keys" TO "`+role+`"`)
	d.Exec(t, coderschema.Grants(instrument.Documented, role))
	wantRecovery(t, db)

	d.Exec(t, "ALTER TABLE api_keys RENAME TO elsewhere")
	wantFailure(t, db, `relation "api_keys" does not exist`)
	if _, err := db.Sources().LatestBuilds.LatestBuilds(t.Context()); err != nil {
		t.Errorf("another source fails too: %v", err)
	}
	d.Exec(t, "ALTER TABLE elsewhere RENAME TO api_keys")
	wantRecovery(t, db)

	d.Exec(t, "ALTER ROLE "+role+" PASSWORD 'changed'")
	d.Disconnect(t)
	wantRecoveryOf(t, db, "password authentication failed")
	if err := ask(t, db); strings.Contains(err.Error(), config.Password) {
		t.Errorf("the error shows the password: %v", err)
	}
	d.Exec(t, "ALTER ROLE "+role+" PASSWORD '"+config.Password+"'")
	wantRecovery(t, db)

	s.Freeze(t)
	wantFailure(t, db, "the database has not answered")
	began := time.Now()
	db.Close()
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("Close took %v, want at most 4s", took)
	}
}

// wantRecoveryOf collects until a collection fails with an error that contains text. The
// first error after a cut connection is another one.
func wantRecoveryOf(t *testing.T, db *DB, text string) {
	t.Helper()
	for began := time.Now(); ; {
		err := ask(t, db)
		if err != nil && strings.Contains(err.Error(), text) {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("got error %v after %v, want %q", err, patience, text)
		}
	}
}

// TestSilentServer checks that a collection times out, and Close returns, if the server
// accepts connections and sends nothing.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	db, err := Open(t.Context(), "postgres://otelcoder:hunter2@"+l.Addr().String()+"/coder?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	wantFailure(t, db, "the database has not answered within 1s")
	began := time.Now()
	db.Close()
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("Close took %v, want at most 4s", took)
	}
}

// TestSchemaChangesUnderWay checks that an upgrade or downgrade of Coder fails at most one
// collection.
func TestSchemaChangesUnderWay(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	db := open(t, url)
	if err := readAll(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	d.Exec(t, read(t, "without.sql"))
	config, err := postgres.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	d.Exec(t, coderschema.Grants(instrument.Documented, config.User)) // for the columns that are now read instead
	_ = readAll(t.Context(), db)
	if err := readAll(t.Context(), db); err != nil {
		t.Errorf("after the removal of columns: %v", err)
	}
}

// TestDiscardAll checks that collections succeed after DISCARD ALL, which a pooler sends
// between clients.
func TestDiscardAll(t *testing.T) {
	_, url := newDatabase(t, "schema.sql")
	db := open(t, url)
	for range 3 {
		if err := readAll(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		if _, err := db.pool.Exec(t.Context(), "DISCARD ALL"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestConnections checks that the pool keeps two connections, with the application name and
// without an open transaction.
func TestConnections(t *testing.T) {
	d, url := newDatabase(t, "schema.sql")
	db := open(t, url)
	errs := make(chan error)
	for range 4 {
		go func() { errs <- readAll(t.Context(), db) }()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	got := pgtest.Value[string](t, d, `SELECT string_agg(application_name || ' ' || state, ', ')
		FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	if got != "otelcoder idle, otelcoder idle" {
		t.Errorf("got connections %s, want otelcoder idle, otelcoder idle", got)
	}
}
