package coderdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The key of the advisory lock that the reporter holds. Coder's own locks have
// keys of one integer, so that one of two integers never meets them.
const (
	lockClass  int32 = 0x6f74656c // "otel"
	lockObject int32 = 1
)

// reporterTiming is how the role is held. No two processes report at a time,
// whatever is stopped, frozen or cut:
//
//   - a process reports for at most serve after a touch that succeeded, and a
//     touch takes the lock's session;
//   - a process that gets the lock reports only after settle >= serve, when
//     whoever had it before has stopped;
//   - the server ends a session that was not touched for idle > serve, so that
//     a frozen process does not hold the lock for ever.
//
// A takeover takes at most idle + try + settle after the last touch.
type reporterTiming struct {
	try    time.Duration // between two tries to get the lock
	touch  time.Duration // between two touches of the session that holds it
	serve  time.Duration
	idle   time.Duration
	settle time.Duration
}

var defaultReporterTiming = reporterTiming{
	try:    time.Second,
	touch:  2 * time.Second,
	serve:  6 * time.Second,
	idle:   7 * time.Second,
	settle: 6 * time.Second,
}

// ErrTransactionPooler says that a pooler in transaction mode stands between
// this process and the database: a session-level lock taken through it belongs
// to nobody in particular.
var ErrTransactionPooler = errors.New("a connection pooler in transaction mode is in between: " +
	"give the address of PostgreSQL itself, or of a pool in session mode")

// Reporter competes with the other processes at the same database for the role
// of the one that reports what all of them see. The role is a session-level
// advisory lock, held on a connection of its own. Nothing is written.
type Reporter struct {
	config *pgx.ConnConfig
	logger *slog.Logger
	timing reporterTiming

	term atomic.Pointer[Term]
}

// Term is a time during which this process holds the role.
type Term struct {
	// Resumed says that no other process is known to have held the role since
	// this one held it last: what is followed goes on where it was. Otherwise
	// it starts afresh, since another process has told of what came between.
	Resumed bool

	from  time.Time                 // reports from then on
	until atomic.Pointer[time.Time] // end of the time that the last touch grants
}

// holds tells whether the last touch still grants the role.
func (t *Term) holds(now time.Time) bool {
	until := t.until.Load()
	return until != nil && now.Before(*until)
}

// NewReporter returns a Reporter for the database at url; [Reporter.Run] makes
// it compete. The error of an invalid url does not contain it.
func NewReporter(url string, options ...Option) (*Reporter, error) {
	config, err := parseConfig(url)
	if err != nil {
		return nil, err
	}
	return &Reporter{config: config, logger: newOptions(options).logger, timing: defaultReporterTiming}, nil
}

// Reports tells whether this process may report now. Ask when the answer is
// written: a process that was frozen in between must not show what it knew.
func (r *Reporter) Reports() bool {
	now := time.Now()
	term := r.term.Load()
	return term != nil && term.holds(now) && now.After(term.from)
}

// Term returns the current term, or nil while another process holds the role or
// none can. A term begins some seconds before [Reporter.Reports].
func (r *Reporter) Term() *Term {
	if term := r.term.Load(); term != nil && term.holds(time.Now()) {
		return term
	}
	return nil
}

// Run competes for the role until ctx ends, and gives it up then.
func (r *Reporter) Run(ctx context.Context) {
	log := stateLog{logger: r.logger}
	resumed := false
	for ctx.Err() == nil {
		conn, err := r.connect(ctx)
		if err == nil {
			err = r.compete(ctx, conn, &resumed, &log)
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			conn.Close(closing)
			cancel()
		}
		if ctx.Err() == nil {
			log.change(slog.LevelWarn, "no process can report the deployment through this connection", "error", err)
		}
		sleep(ctx, r.timing.try)
	}
}

// connect opens the connection of the lock, on which the server ends a session
// that is not touched in time.
func (r *Reporter) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timing.serve)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, r.config)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	if err := r.prepare(ctx, conn); err != nil {
		conn.Close(ctx)
		return nil, err
	}
	return conn, nil
}

func (r *Reporter) prepare(ctx context.Context, conn *pgx.Conn) error {
	if err := r.refusePooler(ctx, conn); err != nil {
		return err
	}
	var version string
	if err := conn.QueryRow(ctx, "SHOW server_version_num").Scan(&version); err != nil {
		return fmt.Errorf("ask for the server's version: %w", err)
	}
	number, err := strconv.Atoi(version)
	if err != nil {
		return fmt.Errorf("read the server's version %q: %w", version, err)
	}
	idle := strconv.FormatInt(r.timing.idle.Milliseconds(), 10)
	statements := []string{"SET idle_session_timeout = " + idle}
	if number < 14_00_00 {
		// PostgreSQL 13 ends idle transactions, but not idle sessions.
		statements = []string{"SET idle_in_transaction_session_timeout = " + idle, "BEGIN"}
	}
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("limit the idle time of the session: %w", err)
		}
	}
	return nil
}

// refusePooler looks for a pooler in transaction mode: behind one, two
// connections share a server process, or one of them changes it.
func (r *Reporter) refusePooler(ctx context.Context, conn *pgx.Conn) error {
	other, err := pgx.ConnectConfig(ctx, r.config)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer other.Close(ctx)
	var pids [3]int
	for i, c := range []*pgx.Conn{conn, other, conn} {
		if err := c.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pids[i]); err != nil {
			return fmt.Errorf("ask for the server process: %w", err)
		}
	}
	if pids[0] == pids[1] || pids[0] != pids[2] {
		return ErrTransactionPooler
	}
	return nil
}

// compete tries to get the lock, and holds it until the connection fails or ctx
// ends. resumed is kept between connections.
func (r *Reporter) compete(ctx context.Context, conn *pgx.Conn, resumed *bool, log *stateLog) error {
	for {
		got, err := r.try(ctx, conn)
		if err != nil {
			return err
		}
		if got {
			break
		}
		*resumed = false
		log.change(slog.LevelInfo, "standing by: another process reports the deployment")
		if err := r.idle(ctx, conn, r.timing.try); err != nil {
			return err
		}
	}
	term := &Term{Resumed: *resumed, from: time.Now().Add(r.timing.settle)}
	r.term.Store(term)
	defer r.term.Store(nil)
	*resumed = true
	log.change(slog.LevelInfo, "reporting the deployment", "in", r.timing.settle)
	for {
		if err := r.touch(ctx, conn, term); err != nil {
			return err
		}
		if err := r.idle(ctx, conn, r.timing.touch); err != nil {
			return err
		}
	}
}

func (r *Reporter) try(ctx context.Context, conn *pgx.Conn) (got bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.timing.serve)
	defer cancel()
	err = conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, $2)", lockClass, lockObject).Scan(&got)
	if err != nil {
		return false, fmt.Errorf("try to get the reporter's lock: %w", err)
	}
	return got, nil
}

// touch proves that the session, and with it the lock, is still there. The time
// that it grants counts from before it was sent.
func (r *Reporter) touch(ctx context.Context, conn *pgx.Conn, term *Term) error {
	until := time.Now().Add(r.timing.serve)
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if _, err := conn.Exec(ctx, "SELECT 1"); err != nil {
		return fmt.Errorf("touch the reporter's session: %w", err)
	}
	term.until.Store(&until)
	return nil
}

// idle lets time pass while it listens to the connection, so that one that is
// cut is noticed at once and not at the next touch.
func (r *Reporter) idle(ctx context.Context, conn *pgx.Conn, d time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for {
		_, err := conn.WaitForNotification(waiting)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			continue // nothing is listened for: whatever it was, it is not for us
		case waiting.Err() != nil && pgconn.Timeout(err):
			return nil
		}
		return fmt.Errorf("the reporter's session ended: %w", err)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
