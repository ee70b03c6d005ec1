package coderdb

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcoder/otelcoder/instrument/health"
	"github.com/otelcoder/otelcoder/internal/postgres"
	"github.com/otelcoder/otelcoder/internal/reporterlock"
)

// roleState is the state of the role for [Reporter.Health].
type roleState struct {
	mu    sync.Mutex
	state health.RoleState // empty before the first connection
	since time.Time
	// peers are the addresses of the processes that stand by or, if this one stands
	// by, of the reporter; "" for a hidden address.
	peers   []string
	problem error // of Unreachable and NoReporter

	term  *lockTerm // the latest one
	began time.Time // the start of term, or of the term that it resumed
}

// reporting notes that the process holds the lock in a term.
func (r *roleState) reporting(t *lockTerm) {
	r.enter(health.Reporting, nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.term == t {
		return
	}
	r.term = t
	if !t.resumed {
		r.began = t.from
	}
	r.since = r.began
}

func (r *roleState) standingBy() { r.enter(health.StandingBy, nil) }

// enter sets the state, and its problem, which may be nil.
func (r *roleState) enter(state health.RoleState, problem error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problem = problem
	if state == r.state {
		return
	}
	r.state, r.since, r.peers = state, time.Now(), nil
}

func (r *roleState) setPeers(peers []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.peers = peers
}

// failed notes that the process neither holds the lock nor waits for it.
func (r *roleState) failed(err error) {
	var refused *pgconn.PgError
	if errors.Is(err, reporterlock.ErrTransactionPooler) || errors.Is(err, reporterlock.ErrStandby) || errors.As(err, &refused) && !postgres.NoConnection(err) {
		r.enter(health.NoReporter, err)
		return
	}
	r.enter(health.Unreachable, err)
}

// Health reports the role, for the status page
// ([github.com/otelcoder/otelcoder/exporters.WithHealth]).
func (r *Reporter) Health(to *health.Report) {
	reports := r.Reports()
	r.role.mu.Lock()
	defer r.role.mu.Unlock()
	now := health.Role{State: r.role.state, Since: r.role.since}
	switch r.role.state {
	case "":
		now.State = health.TakingOver
	case health.Reporting:
		if !reports { // it settles, or the last touch is too long ago
			now.State, now.Since = health.TakingOver, time.Time{}
			break
		}
		now.StandBys = r.role.peers
	case health.StandingBy:
		if len(r.role.peers) > 0 {
			now.Reporter = r.role.peers[0]
		}
	case health.Unreachable, health.NoReporter:
		problem := health.Problem{Error: postgres.OneLine(r.role.problem), Since: r.role.since}
		remedy := remedy(r.role.problem)
		problem.Remedy, problem.Command, problem.Runbook = remedy.Remedy, remedy.Command, remedy.Runbook
		if r.role.state == health.Unreachable {
			problem.Runbook = unreachableRunbook // also while the server does not answer
		}
		now.Problem = &problem
	}
	to.Role = now
}

// lockHoldersSQL returns the addresses of the other sessions that hold a lock, as far
// as the role may see them. $1, $2: the keys of the lock.
const lockHoldersSQL = `
SELECT coalesce(host(a.client_addr), '')
FROM pg_locks l
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.pid <> pg_backend_pid()
	AND l.classid = $1::int::oid AND l.objid = $2::int::oid
	AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY 1
LIMIT 100`

// peers reads the addresses of the other processes, at most once per
// reporterTiming.peers.
type peers struct {
	asked time.Time
}

// look reads the addresses of the other holders of a lock. If the server refuses, they
// are not read again; that is no error.
func (p *peers) look(ctx context.Context, r *Reporter, conn *reporterlock.Session, lock int32) error {
	if r.peersRefused || !p.asked.IsZero() && time.Since(p.asked) < r.timing.peers {
		return nil
	}
	p.asked = time.Now()
	ctx, cancel := context.WithTimeout(ctx, r.timing.serve)
	defer cancel()
	// CollectRows returns the error, too.
	rows, _ := conn.Query(ctx, lockHoldersSQL, reporterlock.Class, lock)
	addresses, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) {
		r.peersRefused = true
		r.logger.Debug("cannot list the other processes", "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	r.role.setPeers(addresses)
	return nil
}
