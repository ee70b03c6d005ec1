package coderdb

import (
	"errors"
	"log/slog"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcoder/otelcoder/internal/outage"
	"github.com/otelcoder/otelcoder/internal/postgres"
	"github.com/otelcoder/otelcoder/meters"
)

// newReach returns the log of the times during which the database is unreachable.
func newReach(logger *slog.Logger) *outage.Log {
	return outage.New(logger, outage.Messages{
		Begins: "the database is unreachable",
		Lasts:  "the database is still unreachable",
		Ends:   "the database is reachable again",
	})
}

// tried logs whether part could connect, judged by the error of its last attempt. It
// returns the error, as a [meters.LoggedError] if it could not.
func (c *config) tried(part any, err error) error {
	if c.reach == nil {
		return err
	}
	cause := unreachable(err)
	if cause == "" {
		c.reach.Recovered(part)
		return err
	}
	c.reach.Failed(part, cause)
	return &meters.LoggedError{Err: err}
}

// unreachable returns the cause if err means that no connection could be made, or "".
func unreachable(err error) string {
	var refused *pgconn.ConnectError
	var unknown *targetError
	switch {
	case errors.As(err, &refused):
		return postgres.OneLine(refused)
	case errors.As(err, &unknown):
		return postgres.OneLine(unknown)
	}
	return ""
}
