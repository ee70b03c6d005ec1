package coderdb

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// lacks is the set of the optional columns, as table.column, that a database
// does not have.
type lacks map[string]bool

func (l lacks) column(table, column string) bool { return l[table+"."+column] }

// of returns the columns of a group that are missing.
func (l lacks) of(t Table, o Optional) []string {
	var missing []string
	for _, c := range o.Columns {
		if l.column(t.Name, c) {
			missing = append(missing, c)
		}
	}
	return missing
}

// unless returns SQL that uses a column, or nothing if that is missing.
func (l lacks) unless(table, column, sql string) string {
	if l.column(table, column) {
		return ""
	}
	return sql
}

// jobStatusIndex stands for the index on the column job_status, which some
// versions lack.
const jobStatusIndex = "provisioner_jobs.(job_status)"

// columnsSQL lists the columns of tables, and the index on job_status. The
// catalogue shows them to every role, the views of information_schema only to
// roles with grants. $1: tables.
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

// lacking returns what the database lacks. It looks once after each new
// connection, and again once the server has refused a query.
func (db *DB) lacking(ctx context.Context, tx pgx.Tx, layout *layout) (lacks, error) {
	if known := db.lacks.Load(); known != nil {
		return *known, nil
	}
	var optional []string
	missing := lacks{jobStatusIndex: true}
	for _, t := range tables {
		for _, o := range t.Optional {
			optional = append(optional, t.Name)
			for _, c := range o.Columns {
				missing[t.Name+"."+c] = true
			}
		}
	}
	rows, err := tx.Query(ctx, columnsSQL, slices.Compact(optional))
	if err != nil {
		return nil, err
	}
	var table, column string
	coder := false
	_, err = pgx.ForEachRow(rows, []any{&table, &column}, func() error {
		if !slices.Contains(layout.unlogged, table) {
			delete(missing, table+"."+column)
		}
		coder = coder || table == "users"
		return nil
	})
	if err != nil || !coder {
		// An empty database does not lack a column, but everything. The queries
		// will say so.
		return missing, err
	}
	db.lacks.Store(&missing)
	db.report(missing, layout.unlogged)
	return missing, nil
}

// list returns the groups of columns that are missing at some cost. unlogged are
// the tables that a standby cannot read.
func (l lacks) list(unlogged []string) []Lack {
	var all []Lack
	for _, t := range tables {
		for _, o := range t.Optional {
			columns := l.of(t, o)
			if len(columns) == 0 || o.Cost() == "" {
				continue
			}
			if len(t.Columns) == 0 && len(columns) == len(o.Columns) {
				columns = nil
			}
			all = append(all, Lack{t.Name, columns, o.Cost(), slices.Contains(unlogged, t.Name)})
		}
	}
	return all
}

// report logs what is missing, once.
func (db *DB) report(missing lacks, unlogged []string) {
	all := missing.list(unlogged)
	var names []string
	for _, l := range all {
		names = append(names, l.Table, strings.Join(l.Columns, " "))
	}
	now := strings.Join(names, " ")
	if !changed(&db.reported, now) {
		return
	}
	if now == "" {
		db.logger.Info("the database has every column that some versions lack")
	}
	for _, l := range all {
		switch {
		case l.Unlogged:
			db.logger.Warn("a standby cannot read an unlogged table", "table", l.Table, "so", l.Cost)
		case l.Columns == nil:
			db.logger.Warn("the database lacks a table that other versions of Coder have", "table", l.Table, "so", l.Cost)
		default:
			db.logger.Warn("the database lacks columns that other versions of Coder have",
				"table", l.Table, "columns", strings.Join(l.Columns, " "), "so", l.Cost)
		}
	}
}
