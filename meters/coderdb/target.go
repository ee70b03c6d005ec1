package coderdb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/internal/postgres"
)

// target returns the configuration of the next connection, which the caller may
// change.
type target func(context.Context) (*pgx.ConnConfig, error)

// newTarget returns a target of copies of config or, if read is not nil, of the URLs
// that read returns.
func newTarget(config *pgx.ConnConfig, read func(context.Context) (string, error)) target {
	if read == nil {
		return func(context.Context) (*pgx.ConnConfig, error) { return config.Copy(), nil }
	}
	return func(ctx context.Context) (*pgx.ConnConfig, error) {
		url, err := read(ctx)
		if err != nil {
			return nil, &targetError{fmt.Errorf("read the URL of the database: %w", err)}
		}
		config, err := postgres.ParseConfig(url)
		if err != nil {
			return nil, &targetError{err}
		}
		return config, nil
	}
}

// targetError is the error of a URL that cannot be read or parsed.
type targetError struct{ error }

func (e *targetError) Unwrap() error { return e.error }
