// Package coderschema describes the tables of Coder that otelcoder reads: their
// columns, those that a version of Coder lacks or a role may not read, and the SQL
// that grants them.
package coderschema
