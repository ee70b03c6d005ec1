package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Limits are the numbers of connections that the role and the database allow.
type Limits [2]limit

type limit struct {
	of      string // ROLE or DATABASE
	name    string
	allowed int // -1 for no limit
}

const limitsSQL = `
SELECT r.rolname::text, r.rolconnlimit, d.datname::text, d.datconnlimit
FROM pg_roles r, pg_database d
WHERE r.rolname = session_user AND d.datname = current_database()`

// ReadLimits reads the limits of the role and the database of a connection.
func ReadLimits(ctx context.Context, conn interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (Limits, error) {
	role, database := limit{of: "ROLE"}, limit{of: "DATABASE"}
	err := conn.QueryRow(ctx, limitsSQL).Scan(&role.name, &role.allowed, &database.name, &database.allowed)
	if err != nil {
		return Limits{}, fmt.Errorf("read the limits of connections: %w", err)
	}
	return Limits{role, database}, nil
}

func (l limit) tooLow() bool { return l.allowed >= 0 && l.allowed < Connections }

// raise returns the SQL that raises the limit to the connections of one process.
func (l limit) raise() string {
	return fmt.Sprintf("ALTER %s %s CONNECTION LIMIT %d", l.of, Quote(l.name), Connections)
}

// Lowest returns the lower limit, or -1 if there is none.
func (all Limits) Lowest() int {
	lowest := -1
	for _, l := range all {
		if l.allowed >= 0 && (lowest < 0 || l.allowed < lowest) {
			lowest = l.allowed
		}
	}
	return lowest
}

// Raise returns the SQL that raises each limit that is too low for one process; empty
// if there is none.
func (all Limits) Raise() string {
	var statements []string
	for _, l := range all {
		if l.tooLow() {
			statements = append(statements, l.raise())
		}
	}
	return strings.Join(statements, "; ")
}
