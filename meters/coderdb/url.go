package coderdb

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// applicationName is how the connections are named in pg_stat_activity.
	applicationName = "otelcoder"
	// connectTimeout, unless the URL has a connect_timeout, leaves a collection
	// time to try again.
	connectTimeout = 5 * time.Second
)

// errURL quotes nothing from the URL: of one that cannot be parsed nobody can
// tell where its password begins.
var errURL = errors.New("the URL of the database cannot be parsed: use postgres://user:password@host:port/database?sslmode=..., " +
	"with special characters of the password percent-encoded")

// parseConfig reads the URL of the database for a single connection.
func parseConfig(url string) (*pgx.ConnConfig, error) {
	pool, err := parsePool(url)
	if err != nil {
		return nil, err
	}
	return pool.ConnConfig, nil
}

// hostname tells whether a host can be one. With an @ in the middle it is the
// end of a password that was not percent-encoded, and would be in every error.
func hostname(host string) bool {
	return strings.HasPrefix(host, "/") || strings.LastIndexByte(host, '@') <= 0 // a socket may have one
}

// parsePool reads the URL of the database for a pool of connections.
func parsePool(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errURL
	}
	conn := config.ConnConfig
	if !hostname(conn.Host) || slices.ContainsFunc(conn.Fallbacks, func(f *pgconn.FallbackConfig) bool { return !hostname(f.Host) }) {
		return nil, errURL
	}
	conn.RuntimeParams["application_name"] = applicationName
	if conn.ConnectTimeout <= 0 || conn.ConnectTimeout > timeLimit {
		conn.ConnectTimeout = connectTimeout
	}
	// No statement is kept prepared: neither DISCARD ALL, nor a changed schema,
	// nor a pooler can make one go stale.
	conn.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	conn.StatementCacheCapacity, conn.DescriptionCacheCapacity = 0, 0
	return config, nil
}
