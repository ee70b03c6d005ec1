// Package postgres connects to the PostgreSQL database of a deployment: it parses the
// URL, defines the settings that queries rely on, and formats errors as one line
// without the password.
package postgres
