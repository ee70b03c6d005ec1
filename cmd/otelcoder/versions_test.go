package main

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderversions"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// versionCase is an edition served from a version of Coder on a server of PostgreSQL.
type versionCase struct {
	edition instrument.Edition
	version coderversions.Version
	on      coderversions.Server
	url     string   // of a role with the edition's grants
	args    []string // further flags of check and server
	server  *service
}

func (c *versionCase) name() string {
	return c.edition.String() + "/" + c.version.Date + "/" + string(c.on)
}

// newVersionCases fills a database for each version, on a server with a standby. Only one
// process at a time can report a database, so all cases of a version but one elect their
// reporter in a separate database.
func newVersionCases(t *testing.T) (cases []*versionCase, dbs map[coderversions.Version]*pgtest.Database) {
	t.Helper()
	primary := pgtest.Start(t)
	dbs = make(map[coderversions.Version]*pgtest.Database)
	for _, v := range coderversions.All() {
		dbs[v] = primary.Database(t)
		dbs[v].Exec(t, v.Deployment())
	}
	standby := primary.Standby(t)
	for e := range instrument.Editions() {
		for _, v := range coderversions.All() {
			role := dbs[v].Role(t, func(role string) string {
				return output(t, "grants", "--role", role, "--metric-names", e.String())
			})
			for _, on := range []coderversions.Server{coderversions.Primary, coderversions.Standby} {
				read := role
				if on == coderversions.Standby {
					read = standby.Of(t, role)
				}
				args := []string{"--metric-names", e.String(), "--derp-regions", "1=Frankfurt,2=Oslo",
					"--interval", "5m", "--insights-interval", "5m", "--agent-inactivity-timeout", "10m"}
				if on != coderversions.Primary || e != instrument.Documented {
					args = append(args, "--postgres-reporter-url", inDatabase(t, role, primary.Database(t)))
				}
				cases = append(cases, &versionCase{e, v, on, read, args, nil})
			}
		}
	}
	awaitReplay(t, primary, standby)
	return cases, dbs
}

// inDatabase returns the URL of a role in another database of its server.
func inDatabase(t *testing.T, role string, db *pgtest.Database) string {
	t.Helper()
	u, err := url.Parse(role)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + db.Name()
	return u.String()
}

// awaitReplay creates a table, and waits until a standby has replayed this transaction and all
// earlier ones.
func awaitReplay(t *testing.T, primary, standby *pgtest.Server) {
	t.Helper()
	primary.Exec(t, "CREATE TABLE something ()")
	copied := pgtest.At(t, standby.URL)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if pgtest.Value[bool](t, copied, "SELECT to_regclass('something') IS NOT NULL") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the standby has not replayed the primary within a minute")
		}
	}
}

// ofProcess matches the lines of a scrape that do not depend on the deployment only: comments,
// buckets, and the families of the process.
var ofProcess = regexp.MustCompile(`^#|_bucket\{|^(go|process|promhttp|otelcoder)_|^coderd_\w+_execution_seconds_sum `)

// ofDeployment returns the lines of a scrape that depend on the deployment only. A time within
// the past five minutes is replaced by "now".
func ofDeployment(scrape string) []string {
	lines := slices.Collect(strings.Lines(scrape))
	lines = slices.DeleteFunc(lines, ofProcess.MatchString)
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\n")
		if name, value, _ := strings.Cut(lines[i], " "); strings.HasSuffix(name, "_last_updated") {
			seconds, err := strconv.ParseFloat(value, 64)
			if err == nil && time.Since(time.UnixMilli(int64(seconds*1000))).Abs() < 5*time.Minute {
				lines[i] = name + " now"
			}
		}
	}
	return lines
}

// warnings returns the warnings, each with its title.
func (c checked) warnings() []string {
	var all []string
	for line := range strings.Lines(c.stdout) {
		if warning, ok := strings.CutPrefix(line, "! "); ok {
			title, detail, _ := strings.Cut(warning, "  ")
			all = append(all, title+": "+strings.TrimSpace(detail))
		}
	}
	return all
}

// compareLines compares two sets of lines.
func compareLines(t *testing.T, got, want []string) {
	t.Helper()
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
	if len(got) != len(want) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
}

// TestVersions runs grants, check and the server against each version of Coder, on PostgreSQL
// and on a hot standby of it. Each server must serve exactly the series that its edition has
// with the version. check must succeed, and warn of the tables and columns that are missing.
func TestVersions(t *testing.T) {
	t.Parallel()
	cases, dbs := newVersionCases(t)
	for _, c := range cases {
		t.Run(c.name()+"/check", func(t *testing.T) {
			checked := runCheck(t, c.url, c.args...)
			checked.wants(t, false, nil)
			compareLines(t, checked.warnings(), c.version.Warnings(c.edition, c.on))
		})
		c.server = start(t, c.url, c.args...)
	}
	for _, c := range cases {
		c.server.untilFollowing(t)
	}
	for v, db := range dbs {
		db.Exec(t, v.Events())
	}
	for _, c := range cases {
		t.Run(c.name(), func(t *testing.T) {
			want := c.version.Series(c.edition, c.on)
			scrape := c.server.until(t, "/", "the events", func(scrape string) bool {
				return has(scrape, `coderd_provisionerd_job_timings_seconds_count{provisioner="echo",status="failed"}`) && len(ofDeployment(scrape)) >= len(want)
			})
			compareLines(t, ofDeployment(scrape), want)
			for _, name := range families(scrape) {
				if _, documented := c.edition.Lookup(name); !documented {
					t.Errorf("%s is served, but the edition lacks it", name)
				}
			}
		})
	}
}

// TestVersionsHaveEveryFamily checks that the newest version has a series of each family that
// the service serves.
func TestVersionsHaveEveryFamily(t *testing.T) {
	for e := range instrument.Editions() {
		tested := familiesOf(e, coderversions.Newest())
		for _, r := range table(e) {
			if r.service() != "no" && !ofProcess.MatchString(r.name) && !slices.Contains(tested, r.name) {
				t.Errorf("edition %s: no series of %s", e, r.name)
			}
		}
	}
}
