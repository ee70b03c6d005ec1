package coderschema

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/instrument"
)

// Lacks is the set of optional columns that a database lacks, as table.column.
type Lacks map[string]bool

// Missing reports whether a column is missing.
func (l Lacks) Missing(table, column string) bool { return l[table+"."+column] }

// of returns the missing columns of a group.
func (l Lacks) of(t Table, o Optional) []string {
	var missing []string
	for _, c := range o.Columns {
		if l.Missing(t.Name, c) {
			missing = append(missing, c)
		}
	}
	return missing
}

// Unless returns sql, which uses a column, or nothing if the column is missing.
func (l Lacks) Unless(table, column, sql string) string {
	if l.Missing(table, column) {
		return ""
	}
	return sql
}

// JobStatusIndex is the key in [Lacks] of the index on job_status, which some versions
// of Coder lack.
const JobStatusIndex = "provisioner_jobs.(job_status)"

// columnsSQL returns the columns of tables, and the index on job_status. It reads the
// catalogue, which every role can read; information_schema shows columns only to roles
// with grants. $1: tables.
const columnsSQL = `
SELECT t.name, a.attname
FROM unnest($1::text[]) AS t(name)
JOIN pg_attribute a ON a.attrelid = to_regclass(quote_ident(t.name))
WHERE a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'provisioner_jobs', '(job_status)'
FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = to_regclass('provisioner_jobs') AND i.indpred IS NULL AND i.indisvalid AND a.attname = 'job_status'`

// Lacks returns the optional columns that a database lacks. coder is false if it has
// no table of users: it is empty, or not Coder's.
func (l *Layout) Lacks(ctx context.Context, tx pgx.Tx) (missing Lacks, coder bool, err error) {
	var optional []string
	missing = Lacks{JobStatusIndex: true}
	for _, t := range Tables(l.edition) {
		for _, o := range t.Optional {
			optional = append(optional, t.Name)
			for _, c := range o.Columns {
				missing[t.Name+"."+c] = true
			}
		}
	}
	rows, err := tx.Query(ctx, columnsSQL, slices.Compact(optional))
	if err != nil {
		return nil, false, err
	}
	var table, column string
	_, err = pgx.ForEachRow(rows, []any{&table, &column}, func() error {
		if !slices.Contains(l.Unlogged, table) {
			delete(missing, table+"."+column)
		}
		coder = coder || table == "users"
		return nil
	})
	return missing, coder, err
}

// Lack is an [Optional] group of columns that a database lacks.
type Lack struct {
	Table       string
	Columns     []string // the missing columns; nil if the table is missing
	Consequence string   // as [Optional.Consequence] returns it
	Unlogged    bool     // the table exists, but this server is a standby
}

// List returns the missing groups that have a cost in an edition. unlogged are the tables
// that a standby cannot read.
func (l Lacks) List(e instrument.Edition, unlogged []string) []Lack {
	var all []Lack
	for _, t := range Tables(e) {
		without := len(t.Needed(l)) == 0
		for _, o := range t.Optional {
			columns := l.of(t, o)
			if len(columns) == 0 || o.Consequence(e) == "" {
				continue
			}
			if without && len(columns) == len(o.Columns) {
				columns = nil
			}
			all = append(all, Lack{t.Name, columns, o.Consequence(e), slices.Contains(unlogged, t.Name)})
		}
	}
	return all
}
