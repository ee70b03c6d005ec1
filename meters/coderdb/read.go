package coderdb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/postgres"
	"github.com/otelcoder/otelcoder/meters"
)

// id is a row's UUID. It can be the key of a map.
type id = pgtype.UUID

// snapshot is the database at one moment, which all queries of a collection read.
type snapshot struct {
	edition instrument.Edition // whose columns are read
	tx      pgx.Tx
	now     time.Time // by the database's clock; on a standby, of the last replayed transaction
	clock   time.Time // by the server's clock
	layout  *layout
	missing coderschema.Lacks
	guarded bool   // each part has a savepoint
	lost    *error // of the first lost part, if guarded
}

// read runs one collection: f's queries in a read-only transaction. The time limit,
// the context's or else [timeLimit], is also set in the server, so that no query
// outlives a process that was killed or frozen.
//
// Every setting is local to the transaction: a pooler keeps the settings of a session
// for its next client, which may be Coder, and refuses most startup parameters.
func (db *DB) read(ctx context.Context, what string, f func(context.Context, snapshot) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	deadline, _ := ctx.Deadline()
	limit := time.Until(deadline)

	_, guarded := db.partial.Load(what)
	for {
		err := db.queue(ctx, limit, what, func(ctx context.Context, s snapshot) error {
			var lost error
			s.guarded, s.lost = guarded, &lost
			if err := f(ctx, s); err != nil {
				return err
			}
			return lost
		})
		switch {
		case err == nil:
			db.partial.Delete(what)
			return nil
		case !lostPart(err):
			return fmt.Errorf("read %s: %w", what, err)
		case guarded:
			return &meters.PartialError{Err: fmt.Errorf("read %s: %w", what, err)}
		}
		// The rest is read again, since the transaction has failed.
		guarded = true
		db.partial.Store(what, true)
	}
}

// part runs the query of a part of a collection, which only some families need. If the
// database lacks a table or column, or the role may not read it, the part is left out,
// and [DB.read] returns a [meters.PartialError] with the rest. It reports whether the
// part has been read.
//
// A savepoint keeps the rest of the transaction. To save whole collections a query, parts
// have none until one is lost: then the collection is repeated once, and has savepoints
// until it is whole again.
func (s snapshot) part(ctx context.Context, read func() error) (bool, error) {
	if s.guarded {
		if _, err := s.tx.Exec(ctx, "SAVEPOINT part"); err != nil {
			return false, err
		}
	}
	err := read()
	if refused, is := errors.AsType[*pgconn.PgError](err); is {
		switch refused.Code {
		case undefinedTable, undefinedColumn, insufficientPrivilege:
			err = &partError{err}
		}
	}
	if !s.guarded || !lostPart(err) {
		return err == nil, err
	}
	if *s.lost == nil {
		*s.lost = err
	}
	_, err = s.tx.Exec(ctx, "ROLLBACK TO part")
	return false, err
}

// partError is the error of a part of a collection.
type partError struct{ err error }

func (e *partError) Error() string { return e.err.Error() }
func (e *partError) Unwrap() error { return e.err }

// lostPart reports whether only a part of a collection has failed.
func lostPart(err error) bool {
	_, is := errors.AsType[*partError](err)
	return is
}

// failed reports whether a collection has no rows.
func failed(err error) bool {
	_, partial := errors.AsType[*meters.PartialError](err)
	return err != nil && !partial
}

// queue runs a collection. It runs as a slow one if it was slow the last time, or
// takes more than a quarter of its time limit.
func (db *DB) queue(ctx context.Context, limit time.Duration, what string, f func(context.Context, snapshot) error) error {
	quick := min(quickLimit, limit/4)
	if !db.lanes.isSlow(what) {
		err := db.attempt(ctx, false, limit, quick, f)
		var cut *cutError
		if !errors.As(err, &cut) {
			return err
		}
		db.lanes.mark(what, true)
	}
	began := time.Now()
	err := db.attempt(ctx, true, limit, limit, f)
	if (err == nil || lostPart(err)) && time.Since(began) < quick {
		db.lanes.mark(what, false)
	}
	return err
}

// cutError is the error of a collection that was canceled before its own time limit.
type cutError struct{ err error }

func (e *cutError) Error() string { return e.err.Error() }

// attempt runs a collection for atMost, once a connection is free.
func (db *DB) attempt(ctx context.Context, slow bool, limit, atMost time.Duration, f func(context.Context, snapshot) error) error {
	began := time.Now()
	leave, err := db.lanes.enter(ctx, slow)
	if err != nil {
		return explainWaiting(limit, err)
	}
	defer leave()
	waited := time.Since(began)
	err = db.transaction(ctx, atMost, f)
	if ctx.Err() == nil {
		err = db.tried(db, err)
	}
	if err == nil {
		return nil
	}
	late := outOfTime(err)
	if late && atMost < limit && ctx.Err() == nil {
		return &cutError{err}
	}
	err = db.explain(ctx, limit, err)
	if late && waited > limit/10 {
		err = explainLate(waited, err)
	}
	return err
}

// outOfTime reports whether a query took too long: the server canceled it, or did not
// answer in time.
func outOfTime(err error) bool {
	var unreachable *pgconn.ConnectError
	var refused *pgconn.PgError
	return !errors.As(err, &unreachable) &&
		(errors.Is(err, context.DeadlineExceeded) || errors.As(err, &refused) && refused.Code == queryCanceled)
}

// transaction runs a collection on a connection.
func (db *DB) transaction(ctx context.Context, atMost time.Duration, f func(context.Context, snapshot) error) error {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	deadline, _ := ctx.Deadline()
	atMost = min(atMost, time.Until(deadline))
	running, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	return pgx.BeginTxFunc(running, conn, pgx.TxOptions{BeginQuery: db.begin(atMost)}, func(tx pgx.Tx) error {
		s, err := db.snapshot(running, tx)
		if err != nil {
			return err
		}
		return f(running, s)
	})
}

// clockSQL returns the time, and the time of the last transaction that a standby has
// replayed.
const clockSQL = `SELECT now(), pg_is_in_recovery(), pg_last_xact_replay_timestamp()`

// maxReplayLag is the age from which the state of a standby is not served as that of
// the deployment. A running Coder writes something every few seconds.
const maxReplayLag = 5 * time.Minute

// snapshot begins a collection in a transaction.
func (db *DB) snapshot(ctx context.Context, tx pgx.Tx) (snapshot, error) {
	s := snapshot{edition: db.edition, tx: tx}
	var standby bool
	var replayed *time.Time
	err := tx.QueryRow(ctx, clockSQL).Scan(&s.clock, &standby, &replayed)
	s.now = s.clock
	switch {
	case err != nil:
		return s, err
	case !standby:
	case replayed == nil:
		return s, errors.New("the standby has not replayed a transaction since it started")
	case s.now.Sub(*replayed) > maxReplayLag:
		return s, fmt.Errorf("the standby has replayed no transaction of the past %v", s.now.Sub(*replayed).Truncate(time.Second))
	case replayed.Before(s.now):
		s.now = *replayed
	}
	if db.now != nil {
		s.now = db.now()
		s.clock = s.now
	}
	if s.layout, err = db.find(ctx, tx, standby); err != nil {
		return s, err
	}
	s.missing, err = db.missingColumns(ctx, tx, s.layout)
	return s, err
}

// begin returns the statements that begin a transaction whose statements end within
// limit.
func (db *DB) begin(limit time.Duration) string {
	var local []string
	if l := db.known(); l != nil {
		local = append(local, l.SearchPath())
	}
	return postgres.BeginReadOnly(limit, local...)
}

// each calls f for every row of a query, after scanning it into columns.
func (s snapshot) each(ctx context.Context, f func() error, columns []any, sql string, args ...any) error {
	if err := s.layout.readable(sql); err != nil {
		return err
	}
	rows, err := s.tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, sharing(columns), f)
	return err
}

// count returns the number that is the result of a query.
func (s snapshot) count(ctx context.Context, sql string, args ...any) (int, error) {
	if err := s.layout.readable(sql); err != nil {
		return 0, err
	}
	var n int
	err := s.tx.QueryRow(ctx, sql, args...).Scan(&n)
	return n, err
}
