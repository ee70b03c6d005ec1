package main

import (
	"testing"

	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// TestSourcesAreDownWithTheDatabase checks that sources are down as soon as the database is
// unavailable, before their next collection, which is an hour later.
func TestSourcesAreDownWithTheDatabase(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	db := server.Database(t)
	db.Exec(t, live(t))
	s := start(t, db.Role(t, grants), "--interval", "1h", "--insights-interval", "1h")
	up := func(what, value string) {
		t.Helper()
		s.until(t, "/metrics/replica", what, func(scrape string) bool {
			return has(scrape, `otelcoder_source_up{source="agents"} `+value) && has(scrape, `otelcoder_source_up{source="license"} `+value)
		})
	}
	up("all sources are read", "1")
	server.Stop(t)
	up("the database is unavailable", "0")
	server.Restart(t)
	up("the database is back", "1")
}
