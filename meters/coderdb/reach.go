package coderdb

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcoder/otelcoder/internal/outage"
	"github.com/otelcoder/otelcoder/meters"
)

// newReach returns the log of the times during which there is no connection to be
// had.
func newReach(logger *slog.Logger) *outage.Log {
	return outage.New(logger, outage.Messages{
		Begins: "the database is unreachable",
		Lasts:  "the database is still unreachable",
		Ends:   "the database is reachable again",
	})
}

// tried logs whether a part could connect, by the error of what it did then, and
// returns the error: a [meters.LoggedError] if it could not.
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

// unreachable returns why no connection was to be had; "" if err has another
// cause.
func unreachable(err error) string {
	var refused *pgconn.ConnectError
	var unknown *targetError
	switch {
	case errors.As(err, &refused):
		return oneLine(refused)
	case errors.As(err, &unknown):
		return oneLine(unknown)
	}
	return ""
}

// oneLine returns the text of an error on one line. The driver's error of a
// connection has a line for each try, with TLS and without it, and in each line the
// address thrice: it is given once here.
func oneLine(err error) string {
	text := err.Error()
	var refused *pgconn.ConnectError
	if errors.As(err, &refused) {
		long := refused.Unwrap().Error()
		prefix := strings.TrimRight(strings.TrimSuffix(refused.Error(), strings.ReplaceAll(long, "\n", "\n\t")), " \n\t")
		text = strings.Replace(text, refused.Error(), prefix+" "+strings.Join(tries(refused.Unwrap()), ", "), 1)
	}
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "\uFFFD")
	var reason *pgconn.PgError
	if errors.As(err, &reason) && reason.Code == tooManyConnections {
		text += fmt.Sprintf(": each process has %d connections, see the CONNECTION LIMIT of the role and the database", Connections)
	}
	return text
}

// tries returns the different reasons for which the tries to connect failed.
func tries(err error) []string {
	var reasons []string
	for _, err := range joined(err) {
		reason := err.Error()
		if dial := new(net.OpError); errors.As(err, &dial) && dial.Op == "dial" && dial.Addr != nil {
			reason = dial.Addr.String() + ": " + dial.Err.Error()
		}
		if !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	return reasons
}

// joined returns the errors that err joins, or err if it joins none.
func joined(err error) []error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if several, ok := e.(interface{ Unwrap() []error }); ok {
			return several.Unwrap()
		}
	}
	return []error{err}
}
