package coderdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The conditions (SQLSTATE) that an operator can mend.
const (
	insufficientPrivilege = "42501"
	undefinedTable        = "42P01"
	undefinedColumn       = "42703"
	queryCanceled         = "57014"
)

// The causes of a failed collection that the owner of the database can mend.
// [DB.Inspect] finds all of them at once.
var (
	// ErrPermission means that the role may not read a column.
	ErrPermission = errors.New("permission denied")
	// ErrSchema means that a table or a column does not exist, or that the role has
	// no USAGE on the schema.
	ErrSchema = errors.New("undefined table or column")
	// ErrRowSecurity means that row-level security hides every row of a table.
	ErrRowSecurity = errors.New("row-level security hides every row")
)

// explainedError is an error in one line, with its remedy.
type explainedError struct {
	text  string
	err   error
	cause error // an exported error of this package, or nil
}

func (e *explainedError) Error() string        { return e.text }
func (e *explainedError) Unwrap() error        { return e.err }
func (e *explainedError) Is(target error) bool { return e.cause != nil && target == e.cause }

// explain says what a failed collection's error means. No error of the driver
// holds the password.
func (db *DB) explain(ctx context.Context, limit time.Duration, err error) error {
	text := oneLine(err)
	var cause error
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && refused.Code == insufficientPrivilege:
		cause = ErrPermission
		text += db.howToGrant(ctx, limit, refused.Message)
	case errors.As(err, &refused) && (refused.Code == undefinedTable || refused.Code == undefinedColumn):
		cause = ErrSchema
		if l := db.layout.Load(); l != nil && !l.usage {
			text += ": run GRANT USAGE ON SCHEMA " + quote(l.schema) + " TO " + quote(l.role)
		} else {
			text += ": is this the database of a Coder deployment, and has the role USAGE on its schema?"
		}
	case errors.Is(err, context.DeadlineExceeded):
		text = fmt.Sprintf("the database has not answered within %v", roundUp(limit))
	}
	if refused != nil {
		// The schema may have changed while it was looked at: what was seen of it
		// can be half the old one and half the new one.
		db.forget()
	}
	return &explainedError{text, err, cause}
}

// explainWaiting is the error of a collection that no connection was free for.
func explainWaiting(limit time.Duration, err error) error {
	return &explainedError{text: fmt.Sprintf("no connection was free within %v: other collections take too long", roundUp(limit)), err: err}
}

// explainLate is the error of a collection that had to wait and then ran out of
// time.
func explainLate(waited time.Duration, err error) error {
	return &explainedError{text: fmt.Sprintf("%v, after %v of waiting for a connection: other collections take too long",
		err, waited.Round(time.Second/10)), err: err}
}

// roundUp rounds a limit up: some of the caller's time has passed before it is
// looked at.
func roundUp(limit time.Duration) time.Duration {
	const tenth = time.Second / 10
	return (limit + tenth - 1).Truncate(tenth)
}

// deniedSQL lists the columns that exist and must not be read, of those given.
// $1, $2: tables and columns.
const deniedSQL = `
SELECT r.table_name, a.attname::text
FROM unnest($1::text[], $2::text[]) AS r(table_name, column_name)
JOIN pg_attribute a ON a.attrelid = to_regclass(quote_ident(r.table_name)) AND a.attname = r.column_name
WHERE a.attnum > 0 AND NOT a.attisdropped AND NOT has_column_privilege(a.attrelid, a.attnum, 'SELECT')`

// howToGrant returns the GRANT for the table that a refusal's message names.
func (db *DB) howToGrant(ctx context.Context, limit time.Duration, message string) string {
	l := db.layout.Load()
	if l == nil {
		return ""
	}
	var inTables, inColumns []string
	for _, t := range tables {
		for _, c := range t.needed(db.lacks.Load()) {
			inTables, inColumns = append(inTables, t.Name), append(inColumns, c)
		}
	}
	denied := make(map[string][]string)
	err := pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{BeginQuery: db.begin(limit)}, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, deniedSQL, inTables, inColumns)
		if err != nil {
			return err
		}
		var table, column string
		_, err = pgx.ForEachRow(rows, []any{&table, &column}, func() error {
			denied[table] = append(denied[table], column)
			return nil
		})
		return err
	})
	if err != nil {
		return ""
	}
	for _, t := range tables {
		// The message is in the server's language: only the name is certain.
		if columns := denied[t.Name]; len(columns) > 0 && strings.HasSuffix(strings.Trim(message, `"'»`), " "+t.Name) {
			return ": run " + grant(l.qualified(t.Name), columns, quote(l.role))
		}
	}
	return ""
}
