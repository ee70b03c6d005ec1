package coderdb

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main(m)) }

// noon is the time of the database's clock in the fixtures.
var noon = time.Date(2025, 9, 1, 12, 0, 30, 0, time.UTC)

// at sets the clock of the database.
func at(now time.Time) Option { return clockOption(func() time.Time { return now }) }

// clockOption replaces the database's clock.
func clockOption(now func() time.Time) Option {
	return func(c *config) error {
		c.now = now
		return nil
	}
}

// traced adds a tracer of queries.
func traced(tracer pgx.QueryTracer) Option {
	return func(c *config) error {
		c.tracer = tracer
		return nil
	}
}

// newDatabase creates a database and runs scripts of testdata in it. The returned URL
// connects as a role that has only the grants of the edition Documented.
func newDatabase(t testing.TB, scripts ...string) (*pgtest.Database, string) {
	t.Helper()
	return newDatabaseOf(t, instrument.Documented, scripts...)
}

// newDatabaseOf is newDatabase for an edition.
func newDatabaseOf(t testing.TB, e instrument.Edition, scripts ...string) (*pgtest.Database, string) {
	t.Helper()
	db := pgtest.New(t)
	for _, name := range scripts {
		db.Exec(t, read(t, name))
	}
	return db, db.Role(t, grantsOf(e))
}

func read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func open(t testing.TB, url string, options ...Option) *DB {
	t.Helper()
	db, err := Open(t.Context(), url, append([]Option{at(noon)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// newMeters returns meters that are shut down when the test ends.
func newMeters(t *testing.T, p instrument.Providers, options ...meters.Option) *meters.Meters {
	t.Helper()
	m, err := meters.New(p, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m
}

// collection is one collection from a source, or one look of the follower of events.
type collection struct {
	name    string
	collect func(context.Context, *DB, meters.Sources) (rows int, err error)
}

// collectionsOf returns the collections of an edition.
func collectionsOf(e instrument.Edition) []collection {
	if e == instrument.Documented {
		return collections
	}
	return append(slices.Clip(collections), coderCollections...)
}

// coderCollections are the collections that only the edition Coder has.
var coderCollections = []collection{
	{"users", func(ctx context.Context, _ *DB, s meters.Sources) (int, error) {
		counts, err := s.Users.Users(ctx)
		return len(counts), err
	}},
	{"daemons", func(ctx context.Context, _ *DB, s meters.Sources) (int, error) {
		return s.Daemons.Daemons(ctx)
	}},
	{"prebuilds", func(ctx context.Context, _ *DB, s meters.Sources) (int, error) {
		p, err := s.Prebuilds.Prebuilds(ctx)
		return len(p.Presets), err
	}},
	{"creations", func(ctx context.Context, db *DB, _ meters.Sources) (int, error) {
		c, err := db.Sources().Creations.Creations(ctx) // a new source, so that each collection counts
		return len(c.Workspaces), err
	}},
}

var collections = []collection{
	{"agents", func(ctx context.Context, _ *DB, s meters.Sources) (int, error) {
		rows, err := s.Agents.Agents(ctx)
		return len(rows), err
	}},
	{"agentstats", func(ctx context.Context, db *DB, _ meters.Sources) (int, error) {
		rows, err := db.Sources().AgentStats.AgentStats(ctx) // a new source, so that each collection reads the first window
		return len(rows), err
	}},
	{"insights", func(ctx context.Context, _ *DB, s meters.Sources) (int, error) {
		i, err := s.Insights.Insights(ctx)
		return len(i.Applications), err
	}},
	{"latestbuilds", func(ctx context.Context, _ *DB, s meters.Sources) (int, error) {
		rows, err := s.LatestBuilds.LatestBuilds(ctx)
		return len(rows), err
	}},
	{"activeusers", func(ctx context.Context, _ *DB, s meters.Sources) (int, error) {
		return s.ActiveUsers.ActiveUsers(ctx)
	}},
	{"license", func(ctx context.Context, _ *DB, s meters.Sources) (int, error) {
		_, err := s.License.License(ctx)
		return 0, err
	}},
	{"jobs", func(ctx context.Context, _ *DB, s meters.Sources) (int, error) {
		rows, err := s.Jobs.RunningJobs(ctx)
		return len(rows), err
	}},
	{"events", func(ctx context.Context, db *DB, _ meters.Sources) (int, error) {
		e, err := db.follower().next(ctx)
		return len(e.Running), err
	}},
}

// exposition polls the sources once and returns the text of families.
func exposition(t *testing.T, sources meters.Sources, families ...instrument.Family) string {
	t.Helper()
	m := meterstest.NewReaderOf(t, sources.Edition)
	newMeters(t, m.Providers(), meters.WithLogger(testLogger(t))).Poll(sources)
	timeout := time.After(30 * time.Second)
	for {
		up := m.Text(t, instrument.HealthSourceUp)
		if !strings.Contains(up, "} 0") {
			return m.Text(t, families...)
		}
		select {
		case <-m.Changed():
		case <-timeout:
			t.Fatalf("not all sources were collected within 30s:\n%s", up)
		}
	}
}

// testLogger logs to the test.
func testLogger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

// compare compares two texts line by line.
func compare(t *testing.T, got, want string) {
	t.Helper()
	inWant, inGot := make(map[string]bool), make(map[string]bool)
	for line := range strings.Lines(want) {
		inWant[line] = true
	}
	for line := range strings.Lines(got) {
		inGot[line] = true
		if !inWant[line] {
			t.Errorf("unexpected: %s", line)
		}
	}
	for line := range strings.Lines(want) {
		if !inGot[line] {
			t.Errorf("missing:    %s", line)
		}
	}
	if !t.Failed() && got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// grants returns the grants of the edition Documented.
func grants(role string) string { return coderschema.Grants(instrument.Documented, role) }

func grantsOf(e instrument.Edition) func(role string) string {
	return func(role string) string { return coderschema.Grants(e, role) }
}
