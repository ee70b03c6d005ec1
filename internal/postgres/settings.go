package postgres

import (
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Settings returns assignments to the parameters that a role or a database can carry
// and that alter how text, times and numbers are sent or understood, or which rows
// are read, with the values that all queries rely on.
func Settings() []string {
	return []string{
		"client_encoding = 'UTF8'",
		"DateStyle = 'ISO'",
		"IntervalStyle = 'postgres'",
		"TimeZone = 'UTC'",
		"bytea_output = 'hex'",
		"extra_float_digits = 1",
		"standard_conforming_strings = on",
		"transform_null_equals = off",
		"row_security = on",
		"lock_timeout = 0",
	}
}

// Set returns the statements that make assignments with a command: SET LOCAL, or
// SET on a connection that no pooler hands to another client.
func Set(command string, assignments ...string) string {
	var statements strings.Builder
	for _, a := range assignments {
		statements.WriteString(command + " " + a + ";")
	}
	return statements.String()
}

// BeginReadOnly returns the statements that begin a transaction which sees the
// database at one moment, writes nothing, and has [Settings] and further assignments.
// Its statements end within limit. The server takes a tenth off: ended by it, a
// statement does not cost the connection. JIT is off, since compiling a query takes
// longer than running ours.
func BeginReadOnly(limit time.Duration, assignments ...string) string {
	limits := strconv.FormatInt(max(limit.Milliseconds()*9/10, 1), 10)
	local := append(Settings(), "statement_timeout = "+limits, "idle_in_transaction_session_timeout = "+limits, "jit = off")
	return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;" + Set("SET LOCAL", append(local, assignments...)...)
}

// Quote returns a name as a quoted identifier of SQL.
func Quote(name string) string { return pgx.Identifier{name}.Sanitize() }
