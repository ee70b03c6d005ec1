package coderdb

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// collect collects from the sources, and the events of the hour before noon. It returns the
// results by name, in an order that does not depend on the order of rows.
func collect(ctx context.Context, db *DB) (map[string]string, error) {
	s, events := db.Sources(), db.follower()
	events.after = noon.Add(-time.Hour)
	all := make(map[string]string)
	var errs []error
	add := func(name string, answer any, err error) {
		all[name] = canonical(answer)
		errs = append(errs, err)
	}
	users, err := s.ActiveUsers.ActiveUsers(ctx)
	add("active users", users, err)
	builds, err := s.LatestBuilds.LatestBuilds(ctx)
	add("latest builds", builds, err)
	agents, err := s.Agents.Agents(ctx)
	add("agents", agents, err)
	stats, err := s.AgentStats.AgentStats(ctx)
	add("agent stats", stats, err)
	insights, err := s.Insights.Insights(ctx)
	add("insights", insights, err)
	license, err := s.License.License(ctx)
	add("license", license, err)
	jobs, err := s.Jobs.RunningJobs(ctx)
	add("jobs", jobs, err)
	ended, err := events.next(ctx)
	add("events", ended, err)
	return all, errors.Join(errs...)
}

// canonical returns a value as JSON with sorted lists.
func canonical(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		return err.Error()
	}
	b, _ = json.Marshal(sorted(tree))
	return string(b)
}

func sorted(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = sorted(v[k])
		}
	case []any:
		for i := range v {
			v[i] = sorted(v[i])
		}
		slices.SortFunc(v, func(a, b any) int { return cmp.Compare(canonical(a), canonical(b)) })
	}
	return v
}

// setting is a parameter of PostgreSQL with a value in SQL.
type setting struct{ name, value string }

// otherValues are settings that a role can carry, in addition to the settings of switches.
var otherValues = []setting{
	{"DateStyle", "'SQL, DMY'"},
	{"DateStyle", "'German'"},
	{"DateStyle", "'Postgres, MDY'"},
	{"TimeZone", "'Asia/Kolkata'"},
	{"TimeZone", "'<x>00:00:30'"},
	{"client_encoding", "'LATIN1'"},
	{"client_encoding", "'SQL_ASCII'"},
	{"client_encoding", "'EUC_JP'"},
	{"extra_float_digits", "-15"},
	{"lock_timeout", "1"},
	{"idle_in_transaction_session_timeout", "1"},
	{"gin_fuzzy_search_limit", "1"},
	{"timezone_abbreviations", "'India'"},
	{"work_mem", "'64kB'"},
}

// TestSettingsOfTheRole checks that settings of the database role do not change the results
// of collections, and that the reporter's role can be held with them.
func TestSettingsOfTheRole(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql", "fleet.sql", "agentstats.sql", "insights.sql", "events.sql", "scripts.sql")
	role := roleOf(t, url)
	want, err := collect(t.Context(), open(t, url))
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range want {
		if answer == "null" || answer == "{}" {
			t.Fatalf("%s: got %s, want rows", name, answer)
		}
	}
	for _, s := range append(switches(t, d), otherValues...) {
		if err := d.Try("ALTER ROLE " + role + " SET " + s.name + " = " + s.value); err != nil {
			continue // a role cannot carry it
		}
		db, err := Open(t.Context(), url, at(noon))
		if err != nil {
			t.Fatal(err)
		}
		got, err := collect(t.Context(), db)
		db.Close()
		if err != nil {
			t.Errorf("with %s = %s: %v", s.name, s.value, err)
		}
		for name := range want {
			if err == nil && got[name] != want[name] {
				t.Errorf("with %s = %s: %s: got\n%s\nwant\n%s", s.name, s.value, name, got[name], want[name])
			}
		}
		if err := checkLock(t, url); err != nil {
			t.Errorf("with %s = %s: %v", s.name, s.value, err)
		}
		d.Exec(t, "ALTER ROLE "+role+" RESET ALL")
	}
}

// switches returns the non-default values of every boolean and enum setting, except the
// settings of logging and the planner.
func switches(t *testing.T, d *pgtest.Database) []setting {
	t.Helper()
	pairs := pgtest.Value[[]string](t, d, `
		SELECT array_agg(s.name || ' ' || v ORDER BY s.name, v)
		FROM pg_settings s, unnest(coalesce(s.enumvals, ARRAY['on', 'off'])) AS v
		WHERE s.context IN ('user', 'superuser') AND s.vartype IN ('bool', 'enum') AND v <> s.setting
			AND s.category !~ 'Logging|Statistics|Developer|Query Tuning' AND s.name !~ '^log_|^track_|^transaction_'`)
	if len(pairs) < 20 {
		t.Fatalf("got %d settings, want at least 20", len(pairs))
	}
	var all []setting
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, " ")
		all = append(all, setting{name, "'" + value + "'"})
	}
	return all
}

// TestReportsWhateverTheDatabaseSets checks that the reporter reads the server's clock with
// any DateStyle of the database.
func TestReportsWhateverTheDatabaseSets(t *testing.T) {
	for _, style := range []string{"SQL, DMY", "German", "Postgres"} {
		for name, as13 := range map[string]bool{"PostgreSQL 14": false, "PostgreSQL 13": true} {
			t.Run(style+"/"+name, func(t *testing.T) {
				t.Parallel()
				d, url := newDatabase(t, "schema.sql")
				d.Exec(t, "ALTER DATABASE "+d.Name()+" SET DateStyle = '"+style+"'")
				r := newReporter(t, url)
				r.as13 = as13
				compete(t, r)
				_, term := awaitOne(t, r)
				if off := time.Since(term.lease.Load().clock); off.Abs() > time.Minute {
					t.Errorf("got a server clock that is off by %v, want at most 1m", off)
				}
			})
		}
	}
}

func roleOf(t *testing.T, url string) string {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return config.User
}
