package postgres

import (
	"strings"

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
// database at one moment and writes nothing, with assignments that end with it.
func BeginReadOnly(assignments ...string) string {
	return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;" + Set("SET LOCAL", assignments...)
}

// Quote returns a name as a quoted identifier of SQL.
func Quote(name string) string { return pgx.Identifier{name}.Sanitize() }
