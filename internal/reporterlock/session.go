// Package reporterlock opens, touches and checks the database sessions that hold the
// reporter's lock.
package reporterlock

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/postgres"
)

// Class is the class of the advisory locks, whose keys cannot collide with Coder's: those
// are a single integer.
const Class int32 = 0x6f74656c // "otel"

// Keys are the keys of the advisory locks of an edition, in the class [Class].
type Keys struct {
	Role     int32 // the role of the reporter
	StandBys int32 // shared by the processes that stand by
}

// KeysOf returns the keys of an edition. Each edition has a reporter of its own, so that
// processes of two editions can report one database.
func KeysOf(e instrument.Edition) Keys {
	first := 2 * int32(e)
	return Keys{Role: first + 1, StandBys: first + 2}
}

// ErrTransactionPooler means that the connection leads through a pooler in transaction
// mode, in which no session keeps a lock.
var ErrTransactionPooler = errors.New("a connection pooler in transaction mode is in between: " +
	"give the address of PostgreSQL itself, or of a pool in session mode")

// ErrConnectionLimit means that the role or the database allows fewer connections
// than a process needs.
var ErrConnectionLimit = errors.New("too few connections are allowed")

// ErrStandby means that the server is in recovery. Locks are local to a server, so
// that a process at a standby would report beside one at the primary.
var ErrStandby = errors.New("the server is a standby, whose locks no process at the primary sees: " +
	"give the reporter the URL of the primary (--postgres-reporter-url)")

// Session is a dedicated connection to the primary. Its sockets are closed when it
// ends.
type Session struct {
	*pgx.Conn
	Keys    Keys // of the locks
	sockets *postgres.Sockets
}

// Connect opens a session for the locks with these keys at a target, whose configuration
// it changes. It returns [ErrStandby] or [ErrTransactionPooler] if the lock cannot be held
// there. The server ends the session after it has been idle for idle. as13 uses the
// settings of PostgreSQL 13 for that, on any version.
func Connect(ctx context.Context, keys Keys, target func(context.Context) (*pgx.ConnConfig, error), idle time.Duration, as13 bool) (*Session, error) {
	s, err := open(ctx, target)
	if errors.Is(err, ErrStandby) {
		return nil, ErrStandby
	}
	if err != nil {
		return nil, err
	}
	s.Keys = keys
	if err = s.refusePooler(ctx, target); err == nil {
		err = s.prepare(ctx, idle, as13)
	}
	if err != nil {
		s.End(ctx)
		return nil, err
	}
	return s, nil
}

func open(ctx context.Context, target func(context.Context) (*pgx.ConnConfig, error)) (*Session, error) {
	config, err := target(ctx)
	if err != nil {
		return nil, err
	}
	s := &Session{sockets: postgres.NewSockets()}
	// Each query in one round trip: a pooler may serve two round trips by two server
	// processes.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.ValidateConnect = validatePrimary
	config.DialFunc = s.sockets.Dial(config.DialFunc)
	if s.Conn, err = pgx.ConnectConfig(ctx, config); err != nil {
		s.sockets.Close()
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return s, nil
}

// validatePrimary returns an error for a server in recovery, so that the next host is
// tried.
func validatePrimary(ctx context.Context, conn *pgconn.PgConn) error {
	answer := conn.ExecParams(ctx, "SELECT pg_is_in_recovery()", nil, nil, nil, nil).Read()
	switch {
	case answer.Err != nil:
		return fmt.Errorf("ask whether the server is a standby: %w", answer.Err)
	case len(answer.Rows) != 1 || string(answer.Rows[0][0]) != "f":
		return ErrStandby
	}
	return nil
}

func (s *Session) prepare(ctx context.Context, idle time.Duration, as13 bool) error {
	var version string
	if err := s.QueryRow(ctx, "SHOW server_version_num").Scan(&version); err != nil {
		return fmt.Errorf("ask for the server's version: %w", err)
	}
	number, err := strconv.Atoi(version)
	if err != nil {
		return fmt.Errorf("read the server's version %q: %w", version, err)
	}
	as13 = as13 || number < 14_00_00
	limit := strconv.FormatInt(idle.Milliseconds(), 10)
	settings := append(postgres.Settings(), "statement_timeout = 0", "default_transaction_isolation = 'read committed'")
	if as13 {
		// PostgreSQL 13 ends idle transactions, but not idle sessions.
		settings = append(settings, "idle_in_transaction_session_timeout = "+limit)
	} else {
		settings = append(settings, "idle_session_timeout = "+limit)
	}
	statements := postgres.Set("SET", settings...)
	if as13 {
		statements += "BEGIN"
	}
	if _, err := s.Exec(ctx, statements); err != nil {
		return fmt.Errorf("set up the reporter's session: %w", err)
	}
	return nil
}

// refusePooler returns an error behind a pooler in transaction mode. There, two
// connections share a server process, or the server process of a connection changes.
func (s *Session) refusePooler(ctx context.Context, target func(context.Context) (*pgx.ConnConfig, error)) error {
	other, err := open(ctx, target)
	if err != nil {
		return err
	}
	defer other.End(ctx)
	pids := make(map[*Session]int)
	// Repeated in an irregular order: a few answers may look right by chance.
	for _, c := range []*Session{s, other, s, s, other, other, s, other} {
		var pid int
		if err := c.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
			return fmt.Errorf("ask for the server process: %w", err)
		}
		if was, asked := pids[c]; asked && pid != was {
			return ErrTransactionPooler
		}
		pids[c] = pid
	}
	if pids[s] == pids[other] {
		return ErrTransactionPooler
	}
	return nil
}

// touchSQL returns whether other processes stand by: their lock cannot be acquired
// exclusively then.
const touchSQL = `
SELECT pg_is_in_recovery(), pg_backend_pid(), clock_timestamp(),
	CASE WHEN pg_try_advisory_lock($1, $2) THEN NOT pg_advisory_unlock($1, $2) ELSE true END`

// Touch is the answer to a touch of a session.
type Touch struct {
	Sent    time.Time // by this process's clock
	Clock   time.Time // of the database, when it answered
	PID     int       // the server process of the session
	StandBy bool      // another process stands by
}

// Touch verifies that the session, and with it the lock, still exists.
func (s *Session) Touch(ctx context.Context) (Touch, error) {
	t := Touch{Sent: time.Now()}
	var standby bool
	if err := s.QueryRow(ctx, touchSQL, Class, s.Keys.StandBys).Scan(&standby, &t.PID, &t.Clock, &t.StandBy); err != nil {
		return t, fmt.Errorf("touch the reporter's session: %w", err)
	}
	if standby {
		return t, ErrStandby
	}
	return t, nil
}

// endTimeout is how long End waits for the server.
const endTimeout = time.Second

// End closes the session, waiting at most a second for the server, even after ctx has
// ended.
func (s *Session) End(ctx context.Context) {
	defer s.sockets.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	s.Close(ctx)
	select {
	case <-s.PgConn().CleanupDone():
	case <-ctx.Done():
	}
}
