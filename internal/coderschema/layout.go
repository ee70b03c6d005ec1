package coderschema

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/postgres"
)

// Layout is the schema of the tables, and the tables that the role cannot read in full
// although it has the right.
type Layout struct {
	edition instrument.Edition

	Schema string // empty if no schema has the tables of Coder
	Usage  bool   // the role may use the schema
	Role   string
	// Unlogged tables have no rows on a standby.
	Unlogged []string
	// Filtered tables have row-level security with a policy for the role.
	Filtered []string

	hidden []hiddenTable // row-level security without a policy for the role
}

// hiddenTable is a table, with a pattern that matches queries of it.
type hiddenTable struct {
	name    string
	queries *regexp.Regexp
}

// schemaSQL returns the schema that has more than half of the tables, preferably the
// first one in the role's search_path. $1: tables.
const schemaSQL = `
SELECT n.nspname::text, has_schema_privilege(n.oid, 'USAGE'), current_user::text
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'v', 'm')
GROUP BY n.oid, n.nspname
HAVING count(*) * 2 > cardinality($1::text[])
ORDER BY array_position(current_schemas(false), n.nspname) NULLS LAST, n.nspname <> 'public', n.nspname
LIMIT 1`

// FindSchema returns the schema of Coder's tables: the one that has more than half of
// [Tables] of the edition Documented. It is empty if there is none.
func FindSchema(ctx context.Context, tx pgx.Tx) (string, error) {
	l := new(Layout)
	err := l.findSchema(ctx, tx)
	return l.Schema, err
}

// findSchema sets Schema, Usage and Role. Without a schema they stay empty.
func (l *Layout) findSchema(ctx context.Context, tx pgx.Tx) error {
	err := tx.QueryRow(ctx, schemaSQL, TableNames(instrument.Documented)).Scan(&l.Schema, &l.Usage, &l.Role)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

// barriersSQL returns the tables that are unlogged, or whose row-level security
// applies to the role, and whether a policy lets the role read rows. It needs no USAGE
// on the schema. $1: tables; $2: schema.
const barriersSQL = `
SELECT t.name, c.relpersistence = 'u', row_security_active(c.oid), EXISTS (
	SELECT FROM pg_policy p, unnest(p.polroles) AS r(oid)
	WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
		AND (r.oid = 0 OR pg_has_role(r.oid, 'USAGE'))
)
FROM unnest($1::text[]) AS t(name)
JOIN pg_namespace n ON n.nspname = $2
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.name
WHERE c.relpersistence = 'u' OR row_security_active(c.oid)`

// Find returns the layout of a database for an edition, and sets the transaction's
// search_path to its schema. standby means that the server is in recovery.
func Find(ctx context.Context, tx pgx.Tx, e instrument.Edition, standby bool) (*Layout, error) {
	l := &Layout{edition: e}
	if err := l.findSchema(ctx, tx); err != nil || l.Schema == "" {
		return l, err // without a schema the queries fail, since the tables do not exist
	}
	if _, err := tx.Exec(ctx, postgres.Set("SET LOCAL", l.SearchPath())); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, barriersSQL, TableNames(e), l.Schema)
	if err != nil {
		return nil, err
	}
	var table string
	var unlogged, secured, readable bool
	_, err = pgx.ForEachRow(rows, []any{&table, &unlogged, &secured, &readable}, func() error {
		if unlogged && standby {
			l.Unlogged = append(l.Unlogged, table)
		}
		switch {
		case secured && readable:
			l.Filtered = append(l.Filtered, table)
		case secured:
			l.hidden = append(l.hidden, hiddenTable{table, regexp.MustCompile(`(?:FROM|JOIN)\s+` + table + `\b`)})
		}
		return nil
	})
	return l, err
}

// SearchPath returns the setting that resolves the names of tables in the schema,
// before temporary tables.
func (l *Layout) SearchPath() string {
	return "search_path = " + postgres.Quote(l.Schema) + ", pg_temp"
}

// qualified returns the quoted name of a table with its schema.
func (l *Layout) qualified(table string) string {
	return postgres.Quote(l.Schema) + "." + postgres.Quote(table)
}

// Hidden returns the first table that a query reads and whose rows are all hidden by
// row-level security; empty if there is none.
func (l *Layout) Hidden(sql string) string {
	for _, h := range l.hidden {
		if h.queries.MatchString(sql) {
			return h.name
		}
	}
	return ""
}

// Policy returns the SQL that lets the role read every row of a table.
func (l *Layout) Policy(table string) string {
	role := postgres.Quote(l.Role)
	return fmt.Sprintf("CREATE POLICY %s ON %s FOR SELECT TO %s USING (true)", role, l.qualified(table), role)
}

// Bypass returns the SQL that exempts the role from row-level security.
func (l *Layout) Bypass() string { return "ALTER ROLE " + postgres.Quote(l.Role) + " BYPASSRLS" }
