package coderdb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcoder/otelcoder/instrument/health"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/postgres"
	"github.com/otelcoder/otelcoder/internal/reporterlock"
)

// SQLSTATE codes that are handled.
const (
	insufficientPrivilege = "42501"
	undefinedTable        = "42P01"
	undefinedColumn       = "42703"
	queryCanceled         = "57014"
	invalidPassword       = "28P01"
	invalidAuthorization  = "28000"
	unknownDatabase       = "3D000"
)

// unreachableRunbook is the page of the alert for an unreachable database.
const unreachableRunbook = "OtelcoderDatabaseDown"

// explainedError is a one-line error with its remedy.
type explainedError struct {
	text   string
	err    error
	cause  error // of package coderschema, or nil
	remedy health.Problem
}

// Remedy returns how to fix the error.
func (e *explainedError) Remedy() health.Problem { return e.remedy }

func (e *explainedError) Error() string        { return e.text }
func (e *explainedError) Unwrap() error        { return e.err }
func (e *explainedError) Is(target error) bool { return e.cause != nil && target == e.cause }

// explain describes the error of a failed collection and how to fix it. Errors of the
// driver do not contain the password.
func (db *DB) explain(ctx context.Context, limit time.Duration, err error) error {
	text, remedy := postgres.OneLine(err), remedy(err)
	var cause error
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && refused.Code == insufficientPrivilege:
		cause = coderschema.ErrPermission
		text += db.howToGrant(ctx, limit, refused.Message)
		remedy = health.Problem{
			Remedy:  "The role lacks SELECT on columns of this version of Coder. As the owner of the database, run:",
			Command: db.grantCommand(),
		}
	case errors.As(err, &refused) && (refused.Code == undefinedTable || refused.Code == undefinedColumn):
		cause = coderschema.ErrSchema
		if l := db.layout.Load(); l != nil && !l.Usage {
			text += ": run GRANT USAGE ON SCHEMA " + postgres.Quote(l.Schema) + " TO " + postgres.Quote(l.Role)
		} else {
			text += ": is this the database of a Coder deployment, and has the role USAGE on its schema?"
		}
	case errors.Is(err, context.DeadlineExceeded):
		text = fmt.Sprintf("the database has not answered within %v", roundUp(limit))
	}
	if refused != nil {
		// The schema may have changed while the layout was read, which may then mix
		// the old schema and the new one.
		db.forget()
	}
	return &explainedError{text, err, cause, remedy}
}

// remedy returns how to fix an error that prevents a connection.
func remedy(err error) health.Problem {
	p := health.Problem{Runbook: "OtelcoderSourceDown"}
	var refused *pgconn.PgError
	var unknown *targetError
	var lookup *net.DNSError
	if errors.As(err, &unknown) || postgres.NoConnection(err) {
		p.Runbook = unreachableRunbook
	}
	switch {
	case errors.Is(err, reporterlock.ErrTransactionPooler), errors.Is(err, reporterlock.ErrStandby):
		p.Remedy, p.Runbook = "Give --postgres-reporter-url: the URL of the primary itself, or of a pool in session mode.", "OtelcoderNoReporter"
	case errors.As(err, &unknown):
		p.Remedy = "Correct the URL of the database. It is read again for each connection."
	case errors.As(err, &refused) && refused.Code == postgres.TooManyConnections:
		p.Remedy, p.Runbook = fmt.Sprintf("Raise the CONNECTION LIMIT of the role or the database: each process has %d connections.", Connections), "OtelcoderNoReporter"
	case errors.As(err, &refused) && refused.Code == invalidPassword:
		p.Remedy = "Check the user and the password in the URL of the database."
	case errors.As(err, &refused) && refused.Code == invalidAuthorization:
		p.Remedy = "Check the user in the URL of the database, and that pg_hba.conf accepts this host."
	case errors.As(err, &refused) && refused.Code == unknownDatabase:
		p.Remedy = "Check the database's name in the URL of the database."
	case errors.As(err, &lookup):
		p.Remedy = "Check the host in the URL of the database, and that this host can resolve it."
	case postgres.NoConnection(err):
		p.Remedy = "Check that PostgreSQL runs and accepts connections from this host. otelcoder reconnects by itself."
	}
	return p
}

// grantCommand returns the shell command that grants what the role lacks.
func (db *DB) grantCommand() string {
	if l := db.layout.Load(); l != nil {
		return coderschema.GrantCommand(db.edition, l.Schema, l.Role)
	}
	return coderschema.GrantCommand(db.edition, "", db.user)
}

// explainWaiting returns the error of a collection that got no connection in time.
func explainWaiting(limit time.Duration, err error) error {
	return &explainedError{text: fmt.Sprintf("no connection was free within %v: other collections take too long", roundUp(limit)), err: err}
}

// explainLate returns the error of a collection that waited for a connection and then
// ran out of time.
func explainLate(waited time.Duration, err error) error {
	return &explainedError{text: fmt.Sprintf("%v, after %v of waiting for a connection: other collections take too long",
		err, waited.Round(time.Second/10)), err: err}
}

// roundUp rounds a limit up to a tenth of a second, since part of the caller's time
// has passed before the limit is computed.
func roundUp(limit time.Duration) time.Duration {
	const tenth = time.Second / 10
	return (limit + tenth - 1).Truncate(tenth)
}

// deniedSQL returns those of the given columns that exist and that the role may not
// read. $1, $2: tables and columns.
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
	var lacks coderschema.Lacks
	if known := db.missing.Load(); known != nil {
		lacks = *known
	}
	tables := coderschema.Tables(db.edition)
	var inTables, inColumns []string
	for _, t := range tables {
		for _, c := range t.Needed(lacks) {
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
		// The message is localized: only the table's name in it is certain.
		if columns := denied[t.Name]; len(columns) > 0 && strings.HasSuffix(strings.Trim(message, `"'»`), " "+t.Name) {
			return ": run " + l.GrantColumns(t.Name, columns)
		}
	}
	return ""
}
