package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/internal/coderversions"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// versionCase is a version of Coder on a server of PostgreSQL.
type versionCase struct {
	version coderversions.Version
	on      coderversions.Server
	db      *pgtest.Database // on the primary
	args    []string         // flags of the database
	server  *service
}

func (c *versionCase) name() string { return c.version.Date + " " + string(c.on) }

// newVersionCases fills a database for each version on a server and on its standby.
func newVersionCases(t *testing.T) []*versionCase {
	t.Helper()
	primary := pgtest.Start(t)
	var cases []*versionCase
	for _, on := range []coderversions.Server{coderversions.Primary, coderversions.Standby} {
		for _, v := range coderversions.All() {
			db := primary.Database(t)
			db.Exec(t, v.Deployment())
			url := db.Role(t, func(role string) string { return output(t, "grants", "--role", role) })
			cases = append(cases, &versionCase{v, on, db, []string{"--postgres-url", url}, nil})
		}
	}
	standby := primary.Standby(t)
	primary.Exec(t, "CREATE TABLE something ()") // to be replayed
	copied := pgtest.At(t, standby.URL)
	for deadline := time.Now().Add(time.Minute); pgtest.Value[*time.Time](t, copied, "SELECT pg_last_xact_replay_timestamp()") == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the standby does not follow")
		}
	}
	for _, c := range cases {
		if url := c.args[1]; c.on == coderversions.Standby {
			c.args = []string{"--postgres-url", standby.Of(t, url), "--postgres-reporter-url", url}
		}
	}
	return cases
}

// ofProcess matches the lines of a scrape that do not follow from the deployment:
// comments, buckets, and the families of the process.
var ofProcess = regexp.MustCompile(`^#|_bucket\{|^(go|process|promhttp|otelcoder)_|^coderd_metrics_collector_agents_execution_seconds_sum `)

// seriesOf returns the lines of a scrape that follow from the deployment.
func seriesOf(scrape string) []string {
	var lines []string
	for line := range strings.Lines(scrape) {
		if !ofProcess.MatchString(line) {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	slices.Sort(lines)
	return lines
}

// TestVersions runs grants, check and the server against each version of Coder, on
// PostgreSQL and on a hot standby of it. The server serves the series of the version,
// and no other ones.
func TestVersions(t *testing.T) {
	t.Parallel()
	cases := newVersionCases(t)
	for _, c := range cases {
		c.server = start(t, c.args[1], append([]string{"--interval", "5m", "--insights-interval", "5m", "--derp-regions", "1=Frankfurt,2=Oslo"}, c.args...)...)
	}
	for _, c := range cases {
		c.server.untilFollowing(t)
		c.db.Exec(t, c.version.Events())
	}
	for _, c := range cases {
		t.Run(c.name(), func(t *testing.T) {
			want := c.version.Series(c.on)
			slices.Sort(want)
			scrape := c.server.until(t, "/", "the events", func(scrape string) bool {
				return has(scrape, `coderd_provisionerd_job_timings_seconds_count{provisioner="echo",status="failed"}`) && len(seriesOf(scrape)) >= len(want)
			})
			got := seriesOf(scrape)
			for _, line := range got {
				if !slices.Contains(want, line) {
					t.Errorf("unexpected: %s", line)
				}
			}
			for _, line := range want {
				if !slices.Contains(got, line) {
					t.Errorf("missing:    %s", line)
				}
			}
		})
	}
}
