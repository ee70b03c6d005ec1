package coderdb

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/internal/clock"
	"github.com/otelcoder/otelcoder/internal/coderschema"
)

// layoutLifetime is the time after which the layout is read again. It is also read
// after each new connection and each refused query.
const layoutLifetime = time.Minute

// layout is a cached layout of the tables.
type layout struct {
	*coderschema.Layout
	seen    time.Time
	standby bool // the server is in recovery
}

// forget drops the cached layout and missing columns.
func (db *DB) forget() {
	db.layout.Store(nil)
	db.missing.Store(nil)
}

// known returns the cached layout, or nil if there is none or it is too old.
func (db *DB) known() *layout {
	l := db.layout.Load()
	if l != nil && clock.Between(l.seen, time.Now()) > layoutLifetime {
		db.forget()
		return nil
	}
	return l
}

// find returns the layout of the tables, and sets the transaction's search_path to
// their schema.
func (db *DB) find(ctx context.Context, tx pgx.Tx, standby bool) (*layout, error) {
	if l := db.layout.Load(); l != nil && l.standby == standby {
		return l, nil
	}
	db.forget()
	l := &layout{seen: time.Now(), standby: standby}
	var err error
	if l.Layout, err = coderschema.Find(ctx, tx, db.edition, standby); err != nil {
		return nil, err
	}
	if l.Schema == "" {
		return l, nil
	}
	db.layout.Store(l)
	if all := strings.Join(l.Filtered, " "); changed(&db.filtered, all) && all != "" {
		db.logger.Warn("row-level security applies to the role: what its policies hide is not counted",
			"tables", all, "instead", l.Bypass())
	}
	return l, nil
}

// readable returns an error if a query reads a table whose rows are all hidden by
// row-level security.
func (l *layout) readable(sql string) error {
	table := l.Hidden(sql)
	if table == "" {
		return nil
	}
	return &explainedError{
		text: fmt.Sprintf("row-level security hides every row of %s from the role: run %s, or %s", table, l.Policy(table), l.Bypass()),
		err:  coderschema.ErrRowSecurity,
	}
}

// changed stores the text that is logged now, and reports whether it differs from the
// one logged before.
func changed(logged *atomic.Pointer[string], text string) bool {
	previous := logged.Swap(&text)
	return previous == nil && text != "" || previous != nil && *previous != text
}
