// Package reporterlock has the sessions that the lock of the reporter is held in: how
// one is opened, touched and checked.
package reporterlock

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcoder/otelcoder/internal/postgres"
)

// The keys of the advisory locks, of the class Class: Role is the role of the
// reporter, and StandBys is shared by the processes that stand by. Coder's own locks
// have keys of one integer, so that those of two integers never meet them.
const (
	Class    int32 = 0x6f74656c // "otel"
	Role     int32 = 1
	StandBys int32 = 2
)

// ErrTransactionPooler means that a pooler in transaction mode stands between this
// process and the database: no session holds a lock that is taken through it.
var ErrTransactionPooler = errors.New("a connection pooler in transaction mode is in between: " +
	"give the address of PostgreSQL itself, or of a pool in session mode")

// ErrConnectionLimit means that the role or the database allows fewer connections
// than a process needs.
var ErrConnectionLimit = errors.New("too few connections are allowed")

// ErrStandby means that the server is in recovery. Its locks are its own, so that
// a process there would report beside one at the primary.
var ErrStandby = errors.New("the server is a standby, whose locks no process at the primary sees: " +
	"give the reporter the URL of the primary (--postgres-reporter-url)")

// Session is a connection of its own to the primary, which leaves nothing behind
// when it ends.
type Session struct {
	*pgx.Conn
	sockets *postgres.Sockets
}

// Connect opens a session at a target, whose configuration it changes. It returns
// [ErrStandby] or [ErrTransactionPooler] where the lock cannot be held. The server ends
// the session if it is not used for idle: as13 does so by the settings of PostgreSQL 13
// on any version.
func Connect(ctx context.Context, target func(context.Context) (*pgx.ConnConfig, error), idle time.Duration, as13 bool) (*Session, error) {
	s, err := open(ctx, target)
	if errors.Is(err, ErrStandby) {
		return nil, ErrStandby
	}
	if err != nil {
		return nil, err
	}
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
	// In one round each: a pooler serves two by two server processes.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.ValidateConnect = validatePrimary
	config.DialFunc = s.sockets.Dial(config.DialFunc)
	if s.Conn, err = pgx.ConnectConfig(ctx, config); err != nil {
		s.sockets.Close()
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return s, nil
}

// validatePrimary refuses a server in recovery, so that the next host is tried.
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

// refusePooler looks for a pooler in transaction mode: behind one, two
// connections share a server process, or one of them changes it.
func (s *Session) refusePooler(ctx context.Context, target func(context.Context) (*pgx.ConnConfig, error)) error {
	other, err := open(ctx, target)
	if err != nil {
		return err
	}
	defer other.End(ctx)
	pids := make(map[*Session]int)
	// Several times, in no regular order: a few may look right by chance.
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

// touchSQL tells whether others stand by: then their lock cannot be had alone.
const touchSQL = `
SELECT pg_is_in_recovery(), pg_backend_pid(), clock_timestamp(),
	CASE WHEN pg_try_advisory_lock($1, $2) THEN NOT pg_advisory_unlock($1, $2) ELSE true END`

// Touch is the answer to a touch of a session.
type Touch struct {
	Sent    time.Time // by this process's clock
	Clock   time.Time // of the database, when it answered
	PID     int       // the server process of the session
	Company bool      // another process stands by
}

// Touch proves that the session, and with it the lock, is still there.
func (s *Session) Touch(ctx context.Context) (Touch, error) {
	t := Touch{Sent: time.Now()}
	var standby bool
	if err := s.QueryRow(ctx, touchSQL, Class, StandBys).Scan(&standby, &t.PID, &t.Clock, &t.Company); err != nil {
		return t, fmt.Errorf("touch the reporter's session: %w", err)
	}
	if standby {
		return t, ErrStandby
	}
	return t, nil
}

// endTimeout is how long End waits for the server.
const endTimeout = time.Second

// End gives the server a second to take its leave, also after ctx has ended.
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
