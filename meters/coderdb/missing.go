package coderdb

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/internal/coderschema"
)

// missingColumns returns the optional columns that the database lacks. They are read
// once after each new connection, and again after the server has refused a query.
func (db *DB) missingColumns(ctx context.Context, tx pgx.Tx, layout *layout) (coderschema.Lacks, error) {
	if known := db.missing.Load(); known != nil {
		return *known, nil
	}
	missing, coder, err := layout.Lacks(ctx, tx)
	if err != nil || !coder {
		return missing, err // the queries fail if the database is empty
	}
	db.missing.Store(&missing)
	db.report(missing.List(db.edition, layout.Unlogged))
	return missing, nil
}

// report logs the missing columns if they have changed.
func (db *DB) report(all []coderschema.Lack) {
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
			db.logger.Warn("a standby cannot read an unlogged table", "table", l.Table, "so", l.Consequence)
		case l.Columns == nil:
			db.logger.Warn("the database lacks a table that other versions of Coder have", "table", l.Table, "so", l.Consequence)
		default:
			db.logger.Warn("the database lacks columns that other versions of Coder have",
				"table", l.Table, "columns", strings.Join(l.Columns, " "), "so", l.Consequence)
		}
	}
}
