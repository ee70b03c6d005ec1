package coderdb

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/internal/reporterlock"
)

// newPooler starts a minimal pooler in transaction mode, which forwards each round of a
// client to the next of its size server connections.
func newPooler(t *testing.T, address string, size int) (url string) {
	t.Helper()
	servers := make(chan *pgproto3.Frontend, size)
	for range size {
		conn, err := pgconn.Connect(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close(context.Background()) })
		servers <- conn.Frontend()
	}
	l := pgtest.Listen(t)
	var clients sync.WaitGroup
	clients.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			clients.Go(func() {
				defer client.Close()
				_ = pool(client, servers)
			})
		}
	})
	t.Cleanup(clients.Wait)
	t.Cleanup(func() { l.Close() })
	return pgtest.Through(t, address, l)
}

// pool serves a client until it disconnects.
func pool(conn net.Conn, servers chan *pgproto3.Frontend) error {
	client := pgproto3.NewBackend(conn, conn)
	if _, err := client.ReceiveStartupMessage(); err != nil {
		return err
	}
	client.Send(&pgproto3.AuthenticationOk{})
	client.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{0, 0, 0, 1}})
	client.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	for {
		if err := client.Flush(); err != nil {
			return err
		}
		message, err := client.Receive()
		if err != nil {
			return err
		}
		server := <-servers
		err = round(client, server, message)
		servers <- server
		if err != nil {
			return err
		}
	}
}

// round forwards messages of the client up to the next query or sync, and the responses.
func round(client *pgproto3.Backend, server *pgproto3.Frontend, message pgproto3.FrontendMessage) error {
	for {
		switch message.(type) {
		case *pgproto3.Terminate:
			return net.ErrClosed
		}
		server.Send(message)
		switch message.(type) {
		case *pgproto3.Query, *pgproto3.Sync:
			if err := server.Flush(); err != nil {
				return err
			}
			for {
				answer, err := server.Receive()
				if err != nil {
					return err
				}
				client.Send(answer)
				if _, ready := answer.(*pgproto3.ReadyForQuery); ready {
					return nil
				}
			}
		}
		var err error
		if message, err = client.Receive(); err != nil {
			return err
		}
	}
}

// TestTransactionPooler checks that the lock is refused behind a pooler in transaction mode,
// whether connections share a server process or change between several.
func TestTransactionPooler(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	for size := 1; size <= 5; size++ {
		if err := checkLock(t, newPooler(t, d.URL, size)); !errors.Is(err, reporterlock.ErrTransactionPooler) {
			t.Errorf("%d connections: got error %v, want %v", size, err, reporterlock.ErrTransactionPooler)
		}
	}

	log := new(log)
	r := newReporter(t, newPooler(t, d.URL, 2), log.option())
	compete(t, r)
	log.await(t, `level=WARN msg="no process can report the deployment through this connection" error="`+reporterlock.ErrTransactionPooler.Error()+`"`)
	if r.held() != nil {
		t.Error("the reporter holds the role behind the pooler")
	}
	if err := checkLock(t, d.URL); err != nil {
		t.Errorf("without a pooler: %v", err)
	}
}

// TestPgBouncer checks that collections through PgBouncer in transaction mode succeed with
// any settings of the role, and leave no settings in its sessions. The reporter's role is
// refused in transaction mode, and held in session mode.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql", "fleet.sql", "agentstats.sql", "insights.sql", "events.sql", "scripts.sql")
	want, err := collect(t.Context(), open(t, url))
	if err != nil {
		t.Fatal(err)
	}
	d.Exec(t, "ALTER ROLE "+roleOf(t, url)+" SET DateStyle = 'SQL, DMY'; ALTER ROLE "+roleOf(t, url)+" SET client_encoding = 'LATIN1'")

	pooled := pgtest.NewPgBouncer(t, url, "transaction", 2)
	db := open(t, pooled)
	for range 2 {
		got, err := collect(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		for name := range want {
			if got[name] != want[name] {
				t.Errorf("%s: got\n%s\nwant\n%s", name, got[name], want[name])
			}
		}
	}
	if err := checkLock(t, pooled); !errors.Is(err, reporterlock.ErrTransactionPooler) {
		t.Errorf("got error %v, want %v", err, reporterlock.ErrTransactionPooler)
	}
	conn, err := pgx.Connect(t.Context(), pooled)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	// Excluded: the application name of clients, and the parameters that PgBouncer sets.
	const keptSQL = `SELECT coalesce(string_agg(name, ' '), '') FROM pg_settings
		WHERE source = 'session' AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings')`
	for range 4 {
		var kept string
		if err := conn.QueryRow(t.Context(), keptSQL).Scan(&kept); err != nil || kept != "" {
			t.Errorf("got settings %q of the session, error %v; want none", kept, err)
		}
	}

	inSessions := pgtest.NewPgBouncer(t, url, "session", 3)
	r := newReporter(t, inSessions)
	if err := checkLock(t, inSessions); err != nil {
		t.Errorf("in session mode: %v", err)
	}
	compete(t, r)
	awaitOne(t, r)
}
