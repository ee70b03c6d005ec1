package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Connect opens a single connection to the database of a URL, as [ParseConfig] reads
// it. An error that wraps a [pgconn.ConnectError] means that the server cannot be
// reached or refuses the connection; any other error means that the URL is invalid.
// Errors are one line and do not contain the password.
func Connect(ctx context.Context, url string) (*pgx.Conn, error) {
	config, err := ParseConfig(url)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, &LineError{err}
	}
	return conn, nil
}
