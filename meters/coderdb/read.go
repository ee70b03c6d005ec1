package coderdb

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// id is a row's UUID. It can be the key of a map.
type id = pgtype.UUID

// snapshot is the database at one moment: what all queries of one collection
// see.
type snapshot struct {
	tx    pgx.Tx
	now   time.Time // by the database's clock
	lacks lacks
}

// read runs one collection: f's queries in a read-only transaction. The time
// limit, the context's or else [timeLimit], is told to the server too, so that
// no query outlives a process that was killed or frozen.
//
// Every setting is local to the transaction. A pooler keeps the settings of a
// session for its next client, which may be Coder, and refuses most startup
// parameters.
func (db *DB) read(ctx context.Context, what string, f func(context.Context, snapshot) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	deadline, _ := ctx.Deadline()
	limit := time.Until(deadline)

	err := pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{BeginQuery: begin(limit)}, func(tx pgx.Tx) error {
		s := snapshot{tx: tx}
		if err := tx.QueryRow(ctx, "SELECT now()").Scan(&s.now); err != nil {
			return err
		}
		if db.now != nil {
			s.now = db.now()
		}
		var err error
		if s.lacks, err = db.lacking(ctx, tx); err != nil {
			return err
		}
		return f(ctx, s)
	})
	if ctx.Err() == nil {
		err = db.tried(db, err)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", what, db.explain(ctx, limit, err))
	}
	return nil
}

// begin starts a transaction whose statements end within limit. The server
// takes a tenth off: ended by it, a statement does not cost the connection.
// Compiling a query takes longer than running ours.
func begin(limit time.Duration) string {
	ms := max(limit.Milliseconds()*9/10, 1)
	limits := strconv.FormatInt(ms, 10)
	return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;" + set("SET LOCAL", settings[:]...) + set("SET LOCAL",
		setting{"statement_timeout", limits}, setting{"idle_in_transaction_session_timeout", limits}, setting{"jit", "off"})
}

// each calls f for every row of a query, after its columns have been scanned
// into columns.
func (s snapshot) each(ctx context.Context, f func() error, columns []any, sql string, args ...any) error {
	rows, err := s.tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, columns, f)
	return err
}

// count returns the number that a query returns.
func (s snapshot) count(ctx context.Context, sql string, args ...any) (int, error) {
	var n int
	err := s.tx.QueryRow(ctx, sql, args...).Scan(&n)
	return n, err
}
