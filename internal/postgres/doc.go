// Package postgres connects to the PostgreSQL database of a deployment: it reads the
// URL, names the settings that queries rely on, and writes errors on one line without
// the password.
package postgres
