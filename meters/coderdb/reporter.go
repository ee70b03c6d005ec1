package coderdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcoder/otelcoder/internal/postgres"
	"github.com/otelcoder/otelcoder/internal/reporterlock"
	"github.com/otelcoder/otelcoder/meters"
)

// reporterTiming is the timing of the role. Two processes never report at the same
// time, even if they are stopped, frozen or cut off:
//
//   - a process reports for at most serve after a successful touch, and only the session
//     that holds the lock can be touched;
//   - a process that acquires the lock waits for settle >= serve, until the previous
//     reporter has stopped, and reports after the next successful touch; it does not wait
//     within settle of its own last touch as the reporter;
//   - the server ends a session that was not touched for idle > serve, so that a frozen
//     process does not keep the lock.
//
// A takeover takes at most idle + try + settle after the last touch.
type reporterTiming struct {
	try           time.Duration // between two attempts to acquire the lock
	touch         time.Duration // between two touches of the session that holds it
	serve         time.Duration
	idle          time.Duration
	settle        time.Duration
	standByExpiry time.Duration // how long a process seen standing by counts as present
	peers         time.Duration // between two queries for the addresses of the other processes
}

var defaultReporterTiming = reporterTiming{
	try:           time.Second,
	touch:         2 * time.Second,
	serve:         6 * time.Second,
	idle:          7 * time.Second,
	settle:        6 * time.Second,
	standByExpiry: time.Minute,
	peers:         10 * time.Second,
}

// Reporter competes with the other processes of its edition ([WithEdition]) at the same
// database for the role of the reporter, which alone reports the deployment. The role is a
// session-level advisory lock on a connection of its own. Nothing is written.
type Reporter struct {
	config
	target target
	timing reporterTiming
	as13   bool // for tests: limit the idle time as on PostgreSQL 13

	term        atomic.Pointer[lockTerm]
	turn        atomic.Pointer[context.CancelFunc] // ends the current connection
	unreachable atomic.Bool                        // the latest connection failed
	role        roleState

	peersRefused bool // the server refuses to list other processes; for the goroutine of Run
}

// NewReporter returns a Reporter for the database at url. It must be the primary, even
// if the deployment is read from a standby; of several hosts, the Reporter uses the
// primary. [Reporter.Run] makes it compete. The error of an invalid url does not
// contain the url.
func NewReporter(url string, options ...Option) (*Reporter, error) {
	config, err := postgres.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	c, err := newOptions(options)
	if err != nil {
		return nil, fmt.Errorf("create the reporter: %w", err)
	}
	r := &Reporter{config: c, timing: defaultReporterTiming}
	r.target = newTarget(config, r.readURL)
	return r, nil
}

// Reports reports whether this process may report now, for
// [github.com/otelcoder/otelcoder/exporters.WithReporter]. Call it when the response
// is written: a process that was frozen in between must not serve old values.
func (r *Reporter) Reports() bool { return r.reporting() != nil }

// Term implements [Role].
func (r *Reporter) Term() (Term, bool) {
	term := r.reporting()
	if term == nil {
		return Term{}, false
	}
	return Term{Number: term.epoch, lock: term}, true
}

// reporting returns the current term if this process may report now.
func (r *Reporter) reporting() *lockTerm {
	if term := r.term.Load(); term != nil && term.mayReport(time.Now()) {
		return term
	}
	return nil
}

// Reconnect ends the connection of the role, so that [Reporter.Run] opens a new one. A
// process that holds the role gives it up and competes for it again. Reconnect returns
// an error as [DB.Reconnect] does.
func (r *Reporter) Reconnect(ctx context.Context) error {
	if _, err := r.target(ctx); err != nil {
		return err
	}
	if end := r.turn.Load(); end != nil {
		(*end)()
	}
	return nil
}

// Run competes for the role until ctx ends, and then gives it up.
func (r *Reporter) Run(ctx context.Context) {
	log := newStateLog(r.logger)
	var past tenure
	for ctx.Err() == nil {
		began := time.Now()
		turn, end := context.WithCancel(ctx)
		r.turn.Store(&end)
		conn, err := r.connect(turn)
		r.unreachable.Store(postgres.NoConnection(err))
		if turn.Err() == nil {
			err = r.tried(r, err)
		}
		if err == nil {
			err = r.compete(turn, conn, &past, &log)
			conn.End(ctx)
		}
		if turn.Err() == nil {
			r.role.failed(err)
		}
		switch logged := new(meters.LoggedError); {
		case turn.Err() != nil:
			log.state = "" // canceled, not failed
		case !errors.As(err, &logged):
			log.failed(err)
		}
		// No delay after a long session, to regain the role before another process
		// acquires it.
		sleep(turn, r.timing.try-time.Since(began))
		end()
	}
}

// connect opens the connection of the lock. The server ends its session if it is not
// touched in time.
func (r *Reporter) connect(ctx context.Context) (*reporterlock.Session, error) {
	if r.database != nil {
		release, err := r.database.reserve(ctx) // for the second connection, which detects a pooler
		if err != nil {
			return nil, err
		}
		defer release()
	}
	ctx, cancel := context.WithTimeout(ctx, r.timing.serve)
	defer cancel()
	return reporterlock.Connect(ctx, reporterlock.KeysOf(r.edition), r.target, r.timing.idle, r.as13)
}

// compete acquires the lock, and holds it until the connection fails or ctx ends. past
// is kept between connections.
func (r *Reporter) compete(ctx context.Context, conn *reporterlock.Session, past *tenure, log *stateLog) error {
	pid, err := r.acquire(ctx, conn, past, log)
	if err != nil {
		return err
	}
	now := time.Now()
	term := past.begin(r.timing, now)
	r.logger.Debug("the role is taken", "resumed", term.resumed)
	r.term.Store(term)
	defer func() {
		r.term.Store(nil)
		r.logger.Debug("the role is lost or given up")
	}()
	var settling []any // empty if the term does not settle
	if in := term.from.Sub(now); in > 0 {
		settling = append(settling, "in", in)
	}
	log.change(slog.LevelInfo, "reporting the deployment", settling...)
	var others peers
	for {
		t, err := r.touch(ctx, conn)
		if err != nil {
			return err
		}
		if t.PID != pid {
			return reporterlock.ErrTransactionPooler
		}
		past.extend(term, &lease{sent: t.Sent, clock: t.Clock}, t.StandBy)
		r.role.reporting(term)
		if !t.StandBy {
			r.role.setPeers(nil)
		} else if err := others.look(ctx, r, conn, conn.Keys.StandBys); err != nil {
			return err
		}
		wait := r.timing.touch
		if settling := time.Until(term.from); settling > 0 {
			wait = min(wait, settling)
		}
		if err := r.idle(ctx, conn, wait); err != nil {
			return err
		}
	}
}

// The attempts to acquire the two locks. They return null on a standby, where no
// process acquires them.
const (
	trySQL         = `SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_try_advisory_lock($1, $2) END, pg_backend_pid()`
	tryStandBysSQL = `SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_try_advisory_lock_shared($1, $2) END, pg_backend_pid()`
)

// acquire waits until this session has the lock, and returns the server process of the
// session.
func (r *Reporter) acquire(ctx context.Context, conn *reporterlock.Session, past *tenure, log *stateLog) (pid int, err error) {
	var others peers
	for standing := false; ; {
		won, err := r.try(ctx, conn, &pid, trySQL, conn.Keys.Role)
		if won || err != nil {
			return pid, err
		}
		past.refused(r.timing, time.Now())
		log.change(slog.LevelInfo, "standing by: another process reports the deployment")
		r.role.standingBy()
		if err := others.look(ctx, r, conn, conn.Keys.Role); err != nil {
			return 0, err
		}
		if !standing {
			standing, err = r.try(ctx, conn, &pid, tryStandBysSQL, conn.Keys.StandBys)
			if err != nil {
				return 0, err
			}
		}
		if err := r.idle(ctx, conn, r.timing.try); err != nil {
			return 0, err
		}
	}
}

func (r *Reporter) try(ctx context.Context, conn *reporterlock.Session, pid *int, sql string, lock int32) (got bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.timing.serve)
	defer cancel()
	var tried *bool
	if err = conn.QueryRow(ctx, sql, reporterlock.Class, lock).Scan(&tried, pid); err != nil {
		return false, fmt.Errorf("try to acquire the reporter's lock: %w", err)
	}
	if tried == nil {
		return false, reporterlock.ErrStandby
	}
	return *tried, nil
}

// touch verifies that the session, and with it the lock, still exists.
func (r *Reporter) touch(ctx context.Context, conn *reporterlock.Session) (reporterlock.Touch, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timing.serve)
	defer cancel()
	return conn.Touch(ctx)
}

// idle waits for d. It reads from the connection meanwhile, so that a closed
// connection is noticed at once and not at the next touch.
func (r *Reporter) idle(ctx context.Context, conn *reporterlock.Session, d time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for {
		_, err := conn.WaitForNotification(waiting)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			continue // not expected: the session listens to no channel
		case waiting.Err() != nil && pgconn.Timeout(err):
			return nil
		}
		return fmt.Errorf("the reporter's session ended: %w", err)
	}
}
