package coderdb

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// Reachable tells whether the server accepted the latest connection that
// [Reporter.Run] tried to make; true before the first try. Run tries again each
// second while it has none.
func (r *Reporter) Reachable() bool { return !r.unreachable.Load() }

// tooManyConnections is how a server refuses that accepts no further connection,
// but serves those that there are.
const tooManyConnections = "53300"

// noConnection tells whether err means that no connection was to be had.
func noConnection(err error) bool {
	var failed *pgconn.ConnectError
	if !errors.As(err, &failed) {
		return false
	}
	var refused *pgconn.PgError
	return !errors.As(err, &refused) || refused.Code != tooManyConnections
}
