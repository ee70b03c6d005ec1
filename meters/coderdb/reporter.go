package coderdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcoder/otelcoder/internal/postgres"
	"github.com/otelcoder/otelcoder/meters"
)

// The keys of the advisory locks: one is the role, the other is shared by the
// processes that stand by. Coder's own locks have keys of one integer, so that
// those of two integers never meet them.
const (
	lockClass    int32 = 0x6f74656c // "otel"
	lockRole     int32 = 1
	lockStandBys int32 = 2
)

// reporterTiming is how the role is held. No two processes report at a time,
// whatever is stopped, frozen or cut:
//
//   - a process reports for at most serve after a touch that succeeded, and a
//     touch takes the lock's session;
//   - a process that gets the lock reports only after settle >= serve, when the
//     one that had it before has stopped, and after a touch that it sent then and
//     that succeeded; only within settle of its own last touch as the one that
//     reports does it report at once;
//   - the server ends a session that was not touched for idle > serve, so that
//     a frozen process does not hold the lock for ever.
//
// A takeover takes at most idle + try + settle after the last touch.
type reporterTiming struct {
	try     time.Duration // between two tries to get the lock
	touch   time.Duration // between two touches of the session that holds it
	serve   time.Duration
	idle    time.Duration
	settle  time.Duration
	company time.Duration // how long one that stood by counts as still there
	peers   time.Duration // between two looks for the addresses of the others
}

var defaultReporterTiming = reporterTiming{
	try:     time.Second,
	touch:   2 * time.Second,
	serve:   6 * time.Second,
	idle:    7 * time.Second,
	settle:  6 * time.Second,
	company: time.Minute,
	peers:   10 * time.Second,
}

// ErrTransactionPooler says that a pooler in transaction mode stands between
// this process and the database: a session-level lock taken through it belongs
// to nobody in particular.
var ErrTransactionPooler = errors.New("a connection pooler in transaction mode is in between: " +
	"give the address of PostgreSQL itself, or of a pool in session mode")

// ErrConnectionLimit says that the role or the database allows fewer connections
// than a process needs.
var ErrConnectionLimit = errors.New("too few connections are allowed")

// ErrStandby says that the server is in recovery. Its locks are its own, so that
// a process there would report beside one at the primary.
var ErrStandby = errors.New("the server is a standby, whose locks no process at the primary sees: " +
	"give the reporter the URL of the primary (--postgres-reporter-url)")

// Reporter competes with the other processes at the same database for the role
// of the one that reports what all of them see. The role is a session-level
// advisory lock, held on a connection of its own. Nothing is written.
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

// NewReporter returns a Reporter for the database at url, the primary of a
// deployment whose state may be read from a standby; [Reporter.Run] makes it
// compete. Of several hosts it takes the primary. The error of an invalid url does
// not contain it.
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

// Reports tells whether this process may report now, for
// [github.com/otelcoder/otelcoder/exporters.WithReporter]. Ask when the answer is
// written: a process that was frozen in between must not show what it knew.
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
	if term := r.term.Load(); term != nil && term.reports(time.Now()) {
		return term
	}
	return nil
}

// Check tells whether the role can be held through the URL, without competing
// for it: it connects, refuses a standby ([ErrStandby]) and a pooler in
// transaction mode ([ErrTransactionPooler]), touches the session as a holder does,
// and counts the connections that are allowed ([ErrConnectionLimit]). The error is
// one line.
func (r *Reporter) Check(ctx context.Context) error {
	conn, err := r.connect(ctx)
	if err == nil {
		_, err = r.touch(ctx, conn)
		err = errors.Join(err, checkLimits(ctx, conn))
		conn.end(ctx)
	}
	if err != nil {
		e := &explainedError{text: postgres.OneLine(err), err: err, remedy: remedy(err)}
		if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == postgres.TooManyConnections {
			e.cause = ErrConnectionLimit
		}
		return e
	}
	return nil
}

// checkLimits returns [ErrConnectionLimit] if a limit is too low.
func checkLimits(ctx context.Context, conn *session) error {
	limits, err := postgres.ReadLimits(ctx, conn)
	if err != nil {
		return err
	}
	if sql := limits.Raise(); sql != "" {
		return fmt.Errorf("%w: %d, and each process needs %d: run %s, or more for further processes",
			ErrConnectionLimit, limits.Lowest(), Connections, sql)
	}
	return nil
}

// Reconnect ends the connection of the role, so that [Reporter.Run] makes another
// one. A process that holds the role gives it up and competes for it again. Its
// error is that of [DB.Reconnect].
func (r *Reporter) Reconnect(ctx context.Context) error {
	if _, err := r.target(ctx); err != nil {
		return err
	}
	if end := r.turn.Load(); end != nil {
		(*end)()
	}
	return nil
}

// Run competes for the role until ctx ends, and gives it up then.
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
			conn.end(ctx)
		}
		if turn.Err() == nil {
			r.role.failed(err)
		}
		switch logged := new(meters.LoggedError); {
		case turn.Err() != nil:
			log.state = "" // it was told to end
		case !errors.As(err, &logged):
			log.failed(err)
		}
		// Without delay after a session that lasted: the role is regained before
		// another process tries.
		sleep(turn, r.timing.try-time.Since(began))
		end()
	}
}

// connect opens the connection of the lock, on which the server ends a session
// that is not touched in time.
func (r *Reporter) connect(ctx context.Context) (*session, error) {
	if r.database != nil {
		giveBack, err := r.database.lend(ctx) // for the look for a pooler
		if err != nil {
			return nil, err
		}
		defer giveBack()
	}
	ctx, cancel := context.WithTimeout(ctx, r.timing.serve)
	defer cancel()
	conn, err := newSession(ctx, r.target)
	if errors.Is(err, ErrStandby) {
		return nil, ErrStandby
	}
	if err != nil {
		return nil, err
	}
	if err := r.prepare(ctx, conn); err != nil {
		conn.end(ctx)
		return nil, err
	}
	return conn, nil
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

func (r *Reporter) prepare(ctx context.Context, conn *session) error {
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
	session := append(postgres.Settings(), "statement_timeout = 0", "default_transaction_isolation = 'read committed'")
	if number < 14_00_00 || r.as13 {
		// PostgreSQL 13 ends idle transactions, but not idle sessions.
		session = append(session, "idle_in_transaction_session_timeout = "+idle)
	} else {
		session = append(session, "idle_session_timeout = "+idle)
	}
	statements := postgres.Set("SET", session...)
	if number < 14_00_00 || r.as13 {
		statements += "BEGIN"
	}
	if _, err := conn.Exec(ctx, statements); err != nil {
		return fmt.Errorf("set up the reporter's session: %w", err)
	}
	return nil
}

// refusePooler looks for a pooler in transaction mode: behind one, two
// connections share a server process, or one of them changes it.
func (r *Reporter) refusePooler(ctx context.Context, conn *session) error {
	other, err := newSession(ctx, r.target)
	if err != nil {
		return err
	}
	defer other.end(ctx)
	pids := make(map[*session]int)
	// Several times, in no regular order: a few may look right by chance.
	for _, c := range []*session{conn, other, conn, conn, other, other, conn, other} {
		var pid int
		if err := c.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
			return fmt.Errorf("ask for the server process: %w", err)
		}
		if was, asked := pids[c]; asked && pid != was {
			return ErrTransactionPooler
		}
		pids[c] = pid
	}
	if pids[conn] == pids[other] {
		return ErrTransactionPooler
	}
	return nil
}

// compete tries to get the lock, and holds it until the connection fails or ctx
// ends. past is kept between connections.
func (r *Reporter) compete(ctx context.Context, conn *session, past *tenure, log *stateLog) error {
	pid, err := r.win(ctx, conn, past, log)
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
	var settling []any // nothing where the last term is resumed
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
		if t.pid != pid {
			return ErrTransactionPooler
		}
		past.extend(term, &t.lease, t.company)
		r.role.reporting(term)
		if !t.company {
			r.role.meet(nil)
		} else if err := others.look(ctx, r, conn, lockStandBys); err != nil {
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

// The tries for the two locks, which no process makes on a standby: that is what
// null means.
const (
	trySQL         = `SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_try_advisory_lock($1, $2) END, pg_backend_pid()`
	tryStandBysSQL = `SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_try_advisory_lock_shared($1, $2) END, pg_backend_pid()`
)

// win returns when this session has the lock, with the process that serves it.
func (r *Reporter) win(ctx context.Context, conn *session, past *tenure, log *stateLog) (pid int, err error) {
	var others peers
	for standing := false; ; {
		won, err := r.try(ctx, conn, &pid, trySQL, lockRole)
		if won || err != nil {
			return pid, err
		}
		past.refused(r.timing, time.Now())
		log.change(slog.LevelInfo, "standing by: another process reports the deployment")
		r.role.standingBy()
		if err := others.look(ctx, r, conn, lockRole); err != nil {
			return 0, err
		}
		if !standing {
			standing, err = r.try(ctx, conn, &pid, tryStandBysSQL, lockStandBys)
			if err != nil {
				return 0, err
			}
		}
		if err := r.idle(ctx, conn, r.timing.try); err != nil {
			return 0, err
		}
	}
}

func (r *Reporter) try(ctx context.Context, conn *session, pid *int, sql string, lock int32) (got bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.timing.serve)
	defer cancel()
	var tried *bool
	if err = conn.QueryRow(ctx, sql, lockClass, lock).Scan(&tried, pid); err != nil {
		return false, fmt.Errorf("try to get the reporter's lock: %w", err)
	}
	if tried == nil {
		return false, ErrStandby
	}
	return *tried, nil
}

// touchSQL tells whether others stand by: then their lock cannot be had alone.
const touchSQL = `
SELECT pg_is_in_recovery(), pg_backend_pid(), clock_timestamp(),
	CASE WHEN pg_try_advisory_lock($1, $2) THEN NOT pg_advisory_unlock($1, $2) ELSE true END`

// touched is the answer to a touch.
type touched struct {
	lease
	pid     int  // the server process of the session
	company bool // another process stands by
}

// touch proves that the session, and with it the lock, is still there.
func (r *Reporter) touch(ctx context.Context, conn *session) (touched, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timing.serve)
	defer cancel()
	t := touched{lease: lease{sent: time.Now()}}
	var standby bool
	if err := conn.QueryRow(ctx, touchSQL, lockClass, lockStandBys).Scan(&standby, &t.pid, &t.clock, &t.company); err != nil {
		return t, fmt.Errorf("touch the reporter's session: %w", err)
	}
	if standby {
		return t, ErrStandby
	}
	return t, nil
}

// idle lets time pass while it listens to the connection, so that one that is
// cut is noticed at once and not at the next touch.
func (r *Reporter) idle(ctx context.Context, conn *session, d time.Duration) error {
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
