package main

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	"github.com/otelcoder/otelcoder/meters"
)

// database wraps the store as a database that can fail: while it is down, every query
// fails, as with a stopped PostgreSQL server.
type database struct {
	store *store
	down  atomic.Bool // set on the front page
}

var errDown = errors.New("connect to the database: connection refused")

func (d *database) ping() error {
	if d.down.Load() {
		return errDown
	}
	return nil
}

// required answers 503 while the database is down.
func (d *database) required(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := d.ping(); err != nil {
			writeError(w, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// The methods below implement the sources of meters.Meters.Poll. They read the store, and
// fail while the database is down.

func (d *database) ActiveUsers(ctx context.Context) (int, error) {
	return query(ctx, d, d.store.ActiveUsers)
}
func (d *database) LatestBuilds(ctx context.Context) ([]meters.LatestBuilds, error) {
	return query(ctx, d, d.store.LatestBuilds)
}
func (d *database) Agents(ctx context.Context) ([]meters.Workspace, error) {
	return query(ctx, d, d.store.Agents)
}
func (d *database) AgentStats(ctx context.Context) ([]meters.AgentStats, error) {
	return query(ctx, d, d.store.AgentStats)
}
func (d *database) Insights(ctx context.Context) (meters.Insights, error) {
	return query(ctx, d, d.store.Insights)
}
func (d *database) License(ctx context.Context) (meters.License, error) {
	return query(ctx, d, d.store.License)
}

func query[T any](ctx context.Context, d *database, ask func(context.Context) (T, error)) (answer T, err error) {
	if err := d.ping(); err != nil {
		return answer, err
	}
	return ask(ctx)
}
