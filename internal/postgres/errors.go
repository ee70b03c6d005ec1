package postgres

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Connections is the largest number of connections of one process of otelcoder.
const Connections = 3

// TooManyConnections is the SQLSTATE of a server that accepts no further connection
// but serves the open ones.
const TooManyConnections = "53300"

// NoConnection reports whether err means that no connection could be made.
func NoConnection(err error) bool {
	var failed *pgconn.ConnectError
	if !errors.As(err, &failed) {
		return false
	}
	var refused *pgconn.PgError
	return !errors.As(err, &refused) || refused.Code != TooManyConnections
}

// LineError is an error whose text is one line, as [OneLine] formats it.
type LineError struct{ Err error }

func (e *LineError) Error() string { return OneLine(e.Err) }

// Unwrap returns Err.
func (e *LineError) Unwrap() error { return e.Err }

// OneLine returns the text of an error as one line. The driver's connection error has
// a line for each attempt, with TLS and without it, each with the address; OneLine
// writes the address once.
func OneLine(err error) string {
	text := err.Error()
	var refused *pgconn.ConnectError
	if errors.As(err, &refused) {
		long := refused.Unwrap().Error()
		prefix := strings.TrimRight(strings.TrimSuffix(refused.Error(), strings.ReplaceAll(long, "\n", "\n\t")), " \n\t")
		text = strings.Replace(text, refused.Error(), prefix+" "+strings.Join(tries(refused.Unwrap()), ", "), 1)
	}
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "\uFFFD")
	var reason *pgconn.PgError
	if errors.As(err, &reason) && reason.Code == TooManyConnections {
		text += fmt.Sprintf(": each process has %d connections, see the CONNECTION LIMIT of the role and the database", Connections)
	}
	return text
}

// tries returns the distinct reasons of failed attempts to connect.
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
