package postgres

import (
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Settings returns the settings that all queries rely on, as assignments. A role or a
// database may override these parameters, and they alter the format of text, times and
// numbers, or which rows are read.
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

// Set returns the statements that make assignments with a command: SET LOCAL, or SET
// on a connection that no pooler hands to another client.
func Set(command string, assignments ...string) string {
	var statements strings.Builder
	for _, a := range assignments {
		statements.WriteString(command + " " + a + ";")
	}
	return statements.String()
}

// BeginReadOnly returns the statements that begin a read-only transaction with a
// consistent snapshot, [Settings] and further assignments. Its statements end within
// limit: the server cancels them at nine tenths of it, since a statement that the
// server cancels leaves the connection usable. JIT is off, since compiling a query
// takes longer than running it.
func BeginReadOnly(limit time.Duration, assignments ...string) string {
	limits := strconv.FormatInt(max(limit.Milliseconds()*9/10, 1), 10)
	local := append(Settings(), "statement_timeout = "+limits, "idle_in_transaction_session_timeout = "+limits, "jit = off")
	return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;" + Set("SET LOCAL", append(local, assignments...)...)
}

// Quote returns a name as a quoted SQL identifier.
func Quote(name string) string { return pgx.Identifier{name}.Sanitize() }
