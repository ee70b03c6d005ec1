package coderdb

import "strings"

// setting is a configuration parameter of PostgreSQL with the value it is given.
type setting struct{ name, value string }

// settings are the parameters that a role or a database can carry and that alter
// how text, times and numbers are sent or understood, or which rows are read.
var settings = [...]setting{
	{"client_encoding", "'UTF8'"},
	{"DateStyle", "'ISO'"},
	{"IntervalStyle", "'postgres'"},
	{"TimeZone", "'UTC'"},
	{"bytea_output", "'hex'"},
	{"extra_float_digits", "1"},
	{"standard_conforming_strings", "on"},
	{"transform_null_equals", "off"},
	{"row_security", "on"},
	{"lock_timeout", "0"},
}

// set returns the statements that set parameters with a command: SET LOCAL, or
// SET on a connection that no pooler hands to another client.
func set(command string, parameters ...setting) string {
	var statements strings.Builder
	for _, p := range parameters {
		statements.WriteString(command + " " + p.name + " = " + p.value + ";")
	}
	return statements.String()
}
