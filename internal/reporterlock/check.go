package reporterlock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/postgres"
)

const (
	checkLimit = 12 * time.Second // the time limit of Check
	checkIdle  = 7 * time.Second  // the idle limit of the session, as for a holder
)

// Check reports whether an edition's lock can be held at a database, without competing for
// it. It connects, refuses a standby ([ErrStandby]) and a pooler in transaction mode
// ([ErrTransactionPooler]), touches the session as a holder does, and checks the
// number of connections that are allowed ([ErrConnectionLimit]). The error is one
// line.
func Check(ctx context.Context, e instrument.Edition, config *pgx.ConnConfig) error {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	target := func(context.Context) (*pgx.ConnConfig, error) { return config.Copy(), nil }
	s, err := Connect(ctx, KeysOf(e), target, checkIdle, false)
	if err != nil {
		return &checkError{postgres.LineError{Err: err}}
	}
	defer s.End(ctx)
	_, err = s.Touch(ctx)
	if err = errors.Join(err, checkLimits(ctx, s)); err != nil {
		return &checkError{postgres.LineError{Err: err}}
	}
	return nil
}

// checkLimits returns [ErrConnectionLimit] if a limit is too low.
func checkLimits(ctx context.Context, s *Session) error {
	limits, err := postgres.ReadLimits(ctx, s)
	if err != nil {
		return err
	}
	if sql := limits.Raise(); sql != "" {
		return fmt.Errorf("%w: %d, and each process needs %d: run %s, or more for further processes",
			ErrConnectionLimit, limits.Lowest(), postgres.Connections, sql)
	}
	return nil
}

// checkError is also an [ErrConnectionLimit] if the server accepts no further
// connection.
type checkError struct{ postgres.LineError }

func (e *checkError) Is(target error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](e.Err)
	return target == ErrConnectionLimit && ok && refused.Code == postgres.TooManyConnections
}
