// Package coderschema describes the tables of Coder that otelcoder reads: which
// columns, what the versions of Coder and the roles of a database lack of them, and
// the SQL that grants them.
package coderschema
