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

// ask collects with a time limit of a second.
func ask(t *testing.T, db *DB) error {
	t.Helper()
	began := time.Now()
	// Of a second, as a busy machine leaves of it.
	ctx, cancel := context.WithTimeout(t.Context(), 990*time.Millisecond)
	defer cancel()
	_, err := db.Sources().ActiveUsers.ActiveUsers(ctx)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("a collection limited to a second took %v", took)
	}
	return err
}

// wantFailure asks for an error with this text.
func wantFailure(t *testing.T, db *DB, text string) {
	t.Helper()
	err := ask(t, db)
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want one that says %q", err, text)
	}
}

// wantRecovery asks until there is an answer.
func wantRecovery(t *testing.T, db *DB) {
	t.Helper()
	for began := time.Now(); ; {
		err := ask(t, db)
		if err == nil {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("no recovery: %v", err)
		}
	}
}

// TestFaults of a server, one after the other: each collection ends in time,
// says what is wrong, and works again when it can.
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
		t.Errorf("Close took %v", took)
	}
}

// wantRecoveryOf asks until the error is this one: the first after a cut
// connection is about that.
func wantRecoveryOf(t *testing.T, db *DB, text string) {
	t.Helper()
	for began := time.Now(); ; {
		err := ask(t, db)
		if err != nil && strings.Contains(err.Error(), text) {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("error %v, want one that says %q", err, text)
		}
	}
}

// TestSilentServer accepts connections and says nothing.
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
		t.Errorf("Close took %v", took)
	}
}

// TestSchemaChangesUnderWay: an upgrade or downgrade of Coder costs one failed
// collection at most.
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
	d.Exec(t, coderschema.Grants(instrument.Documented, config.User)) // for the columns that are read instead
	_ = readAll(t.Context(), db)
	if err := readAll(t.Context(), db); err != nil {
		t.Errorf("after the columns have gone: %v", err)
	}
}

// TestDiscardAll, as a pooler sends it between its clients.
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

// TestConnections are two, named, and idle in no transaction.
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
		t.Errorf("connections: %s", got)
	}
}
