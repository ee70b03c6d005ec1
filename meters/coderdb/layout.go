package coderdb

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/internal/clock"
	"github.com/otelcoder/otelcoder/internal/postgres"
)

// layoutLifetime is how long what was seen of the tables is relied on. It is also
// looked at anew after each new connection and each refused query.
const layoutLifetime = time.Minute

// layout is where the tables are, and which of them the role cannot read though
// it may.
type layout struct {
	seen    time.Time
	standby bool   // the server is in recovery
	schema  string // empty if no schema has the tables of Coder
	usage   bool   // the role may use the schema
	role    string
	// unlogged tables have no rows on a standby.
	unlogged []string
	// hidden tables have row-level security and no policy for the role.
	hidden []hiddenTable
	// filtered tables have row-level security and a policy for the role.
	filtered []string
}

// hiddenTable is a table with what matches a query that reads it.
type hiddenTable struct {
	name    string
	queries *regexp.Regexp
}

// schemaSQL finds the schema that has more than half of the tables, if possible
// by the role's own search_path. $1: tables.
const schemaSQL = `
SELECT n.nspname::text, has_schema_privilege(n.oid, 'USAGE'), current_user::text
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'v', 'm')
GROUP BY n.oid, n.nspname
HAVING count(*) * 2 > cardinality($1::text[])
ORDER BY array_position(current_schemas(false), n.nspname) NULLS LAST, n.nspname <> 'public', n.nspname
LIMIT 1`

// FindSchema returns the schema of Coder's tables, found as [DB] finds it: the one
// that has more than half of [Tables]. It is empty if no schema has.
func FindSchema(ctx context.Context, tx pgx.Tx) (string, error) {
	l := new(layout)
	err := l.findSchema(ctx, tx)
	return l.schema, err
}

// findSchema fills the schema, usage and role. Without a schema they stay empty.
func (l *layout) findSchema(ctx context.Context, tx pgx.Tx) error {
	err := tx.QueryRow(ctx, schemaSQL, tableNames()).Scan(&l.schema, &l.usage, &l.role)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

// barriersSQL has the tables that are unlogged or have row-level security that
// applies to the role, and whether a policy lets the role read any row. It needs no
// USAGE on the schema. $1: tables; $2: schema.
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

// forget has the tables looked at anew.
func (db *DB) forget() {
	db.layout.Store(nil)
	db.lacks.Store(nil)
}

// known returns what has been seen of the tables, or nil if that is too old.
func (db *DB) known() *layout {
	l := db.layout.Load()
	if l != nil && clock.Between(l.seen, time.Now()) > layoutLifetime {
		db.forget()
		return nil
	}
	return l
}

// find returns the place of the tables, and makes it that of the transaction.
func (db *DB) find(ctx context.Context, tx pgx.Tx, standby bool) (*layout, error) {
	if l := db.layout.Load(); l != nil && l.standby == standby {
		return l, nil
	}
	db.forget()
	l := &layout{seen: time.Now(), standby: standby}
	if err := l.findSchema(ctx, tx); err != nil {
		return nil, err
	}
	if l.schema == "" {
		return l, nil // the queries will say that the tables do not exist
	}
	if _, err := tx.Exec(ctx, postgres.Set("SET LOCAL", l.searchPath())); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, barriersSQL, tableNames(), l.schema)
	if err != nil {
		return nil, err
	}
	var table string
	var unlogged, secured, readable bool
	_, err = pgx.ForEachRow(rows, []any{&table, &unlogged, &secured, &readable}, func() error {
		if unlogged && standby {
			l.unlogged = append(l.unlogged, table)
		}
		switch {
		case secured && readable:
			l.filtered = append(l.filtered, table)
		case secured:
			l.hidden = append(l.hidden, hiddenTable{table, regexp.MustCompile(`(?:FROM|JOIN)\s+` + table + `\b`)})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	db.layout.Store(l)
	if all := strings.Join(l.filtered, " "); changed(&db.filtered, all) && all != "" {
		db.logger.Warn("row-level security applies to the role: what its policies hide is not counted",
			"tables", all, "instead", l.bypass())
	}
	return l, nil
}

// searchPath is the setting by which names of tables are those of the schema.
// Nobody's temporary tables stand before it.
func (l *layout) searchPath() string {
	return "search_path = " + postgres.Quote(l.schema) + ", pg_temp"
}

// qualified is the quoted name of a table with its schema.
func (l *layout) qualified(table string) string {
	return postgres.Quote(l.schema) + "." + postgres.Quote(table)
}

// readable returns an error if a query reads a table of which row-level security
// hides every row.
func (l *layout) readable(sql string) error {
	i := slices.IndexFunc(l.hidden, func(h hiddenTable) bool { return h.queries.MatchString(sql) })
	if i < 0 {
		return nil
	}
	table := l.hidden[i].name
	return &explainedError{
		text: fmt.Sprintf("row-level security hides every row of %s from the role: run %s, or %s", table, l.policy(table), l.bypass()),
		err:  ErrRowSecurity,
	}
}

// policy is the SQL that lets the role read every row of a table.
func (l *layout) policy(table string) string {
	role := postgres.Quote(l.role)
	return fmt.Sprintf("CREATE POLICY %s ON %s FOR SELECT TO %s USING (true)", role, l.qualified(table), role)
}

// bypass is the SQL that exempts the role from row-level security.
func (l *layout) bypass() string { return "ALTER ROLE " + postgres.Quote(l.role) + " BYPASSRLS" }

// changed stores what is to be logged, and reports whether it differs from what
// was logged before.
func changed(logged *atomic.Pointer[string], text string) bool {
	previous := logged.Swap(&text)
	return previous == nil && text != "" || previous != nil && *previous != text
}
