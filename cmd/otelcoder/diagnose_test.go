package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// short runs "otelcoder check" without --verbose.
func short(t *testing.T, url string, args ...string) (stdout string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out, stderr bytes.Buffer
	err = run(ctx, append([]string{"otelcoder", "check", "--postgres-url", url}, args...), &out, &stderr)
	if stderr.Len() > 0 {
		t.Errorf("on standard error: %s", &stderr)
	}
	return out.String(), err
}

// inShell runs a shell command with the URL of a database's owner in OWNER_URL, and with this
// program as otelcoder in PATH.
func inShell(t *testing.T, db *pgtest.Database, command string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(program, filepath.Join(dir, "otelcoder")); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "sh", "-c", command)
	c.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "OWNER_URL="+db.URL, asProgram+"=1")
	if output, err := c.CombinedOutput(); err != nil || strings.Contains(string(output), "ERROR") {
		t.Fatalf("$ %s\n%v\n%s", command, err, output)
	}
}

// TestOneCommandMends checks that each problem of the role is a finding with one command that
// solves it. All missing grants together are one problem.
func TestOneCommandMends(t *testing.T) {
	nothing := func(string) string { return "" }
	for name, test := range map[string]struct {
		grants func(role string) string // nil: all
		breaks string                   // with {role} for the name of the role
	}{
		"no grants":       {grants: nothing},
		"USAGE":           {grants: nothing, breaks: `REVOKE USAGE ON SCHEMA public FROM PUBLIC`},
		"another schema":  {grants: nothing, breaks: `ALTER SCHEMA public RENAME TO "my coder's"`},
		"one column":      {breaks: `REVOKE SELECT (jwt) ON licenses FROM "{role}"`},
		"connections":     {breaks: `ALTER ROLE "{role}" CONNECTION LIMIT 1`},
		"both limits":     {breaks: `ALTER ROLE "{role}" CONNECTION LIMIT 2; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 2', current_database()); END $$`},
		"row security":    {breaks: `ALTER TABLE licenses ENABLE ROW LEVEL SECURITY; ALTER TABLE users ENABLE ROW LEVEL SECURITY`},
		"rows and grants": {grants: nothing, breaks: `ALTER TABLE licenses ENABLE ROW LEVEL SECURITY; ALTER SCHEMA public RENAME TO coder; REVOKE USAGE ON SCHEMA coder FROM PUBLIC`},
	} {
		t.Run(name, func(t *testing.T) {
			db, granted := deployment(t, live(t))
			address := granted
			if test.grants != nil {
				address = db.Role(t, test.grants)
			}
			// A name that SQL and shells must quote.
			role := roleOf(t, address) + ` $(o'tel)`
			db.Exec(t, `ALTER ROLE "`+roleOf(t, address)+`" RENAME TO "`+role+`"`)
			t.Cleanup(func() { db.Exec(t, `DROP OWNED BY "`+role+`"; DROP ROLE "`+role+`"`) })
			u, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			secret, _ := u.User.Password()
			u.User = url.UserPassword(role, secret)
			db.Exec(t, strings.ReplaceAll(test.breaks, "{role}", role))
			db.CloseOwner()

			said, err := short(t, u.String())
			failures := strings.Count(said, "✗ ")
			commands := regexp.MustCompile(`(?m)^    (.*)$`).FindAllStringSubmatch(said, -1)
			if err == nil || failures == 0 || len(commands) != failures {
				t.Fatalf("error %v, %d failures and %d commands:\n%s", err, failures, len(commands), said)
			}
			if name != "rows and grants" && failures != 1 {
				t.Errorf("%d failures, want 1:\n%s", failures, said)
			}
			for _, c := range commands {
				inShell(t, db, c[1])
			}
			if after, err := short(t, u.String()); err != nil {
				t.Errorf("before:\n%s\nafter the commands: %v\n%s", said, err, after)
			}
		})
	}
}

// TestCheckOfNoCoder checks that the check of a database without Coder's tables has one
// failure, in a few lines.
func TestCheckOfNoCoder(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, "CREATE TABLE users (id int)")
	said, err := short(t, db.URL)
	if err == nil || strings.Count(said, "✗") != 1 || !strings.Contains(said, "is this the database of a Coder deployment?") {
		t.Errorf("error %v; the output:\n%s", err, said)
	}
	if n := strings.Count(said, "\n") + 1; n > 5 {
		t.Errorf("%d lines with the error, want at most 5:\n%s", n, said)
	}
}

// TestCheckWithoutNeed checks that a missing right is only a warning if options turn off the
// metrics that need it.
func TestCheckWithoutNeed(t *testing.T) {
	db, url := deployment(t, live(t))
	db.Exec(t, "REVOKE SELECT (value) ON workspace_build_parameters FROM "+roleOf(t, url))
	if said, err := short(t, url); err == nil || !strings.Contains(said, "✗ grants") {
		t.Errorf("error %v; the output:\n%s", err, said)
	}
	const want = "cannot read workspace_build_parameters.value, which no enabled source needs\n"
	if said, err := short(t, url, "--without-parameters"); err != nil || !strings.Contains(said, "! grants") || !strings.Contains(said, want) {
		t.Errorf("error %v; the output:\n%s", err, said)
	}
}

func TestCheckClock(t *testing.T) {
	for name, test := range map[string]struct{ heartbeat, want string }{
		"together":     {"now()", "✓ clock               the newest agent heartbeat is "},
		"ahead":        {"now() + interval '90.5 seconds'", "! clock               Coder's clock is at least 1m"},
		"behind":       {"now() - interval '5 minutes'", "! clock               the newest agent heartbeat is 5m0s old: no agent is connected, or"},
		"long ago":     {"now() - interval '2 days'", ""},
		"disconnected": {"now() - interval '5 minutes', disconnected_at = now()", ""},
		"never":        {"NULL", ""},
	} {
		t.Run(name, func(t *testing.T) {
			db, url := deployment(t, live(t))
			db.Exec(t, "UPDATE workspace_agents SET last_connected_at = "+test.heartbeat)
			said, err := short(t, url)
			if err != nil || !strings.Contains(said, test.want) || test.want == "" && strings.Contains(said, " clock ") {
				t.Errorf("error %v, want %q in\n%s", err, test.want, said)
			}
		})
	}
}

// TestCheckJSON compares the JSON with a file. Values that differ between runs are replaced
// first.
func TestCheckJSON(t *testing.T) {
	db, url := deployment(t, live(t)+"; DELETE FROM tailnet_peers; DROP TABLE workspace_agent_script_timings")
	role := roleOf(t, url)
	db.Exec(t, "REVOKE SELECT (jwt) ON licenses FROM "+role)
	said, err := short(t, url, "--output", "json")
	if err == nil || !json.Valid([]byte(said)) {
		t.Fatalf("error %v", err)
	}
	for pattern, replacement := range map[string]string{
		role:                            "otelcoder",
		`PostgreSQL [0-9.]+`:            "PostgreSQL 17.0",
		`at least [0-9hms]+ ahead`:      "at least 1h0m0s ahead",
		`"[a-z_]+, [0-9.]+(µs|ms|s)"`:   `"agents, 7.1ms"`,
		`"duration_seconds": [0-9.e-]+`: `"duration_seconds": 0.007`,
	} {
		said = regexp.MustCompile(pattern).ReplaceAllString(said, replacement)
	}
	const path = "testdata/check.json"
	if *update {
		if err := os.WriteFile(path, []byte(said), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, path); said != want {
		t.Errorf("got:\n%s\nwant:\n%s", said, want)
	}
}

func TestEncryption(t *testing.T) {
	for _, test := range []struct {
		found coderschema.Inspection
		state state
		want  string
	}{
		{coderschema.Inspection{TLS: "TLS 1.3", Verified: true}, stateOK, "TLS 1.3, certificate verified"},
		{coderschema.Inspection{TLS: "TLS 1.2"}, stateOK, "TLS 1.2, certificate not verified: set sslmode=verify-full in the URL"},
		{coderschema.Inspection{Local: true}, stateOK, "not used: the connection is local"},
		{coderschema.Inspection{}, stateWarning, "the connection is not encrypted: set sslmode=verify-full in the URL"},
	} {
		if got := tlsFinding(&test.found); got.state != test.state || got.detail != test.want {
			t.Errorf("got %+v, want %s: %s", got, test.state, test.want)
		}
	}
}

// TestFailuresOfOneReason checks that failures of several sources for the same reason are one
// finding.
func TestFailuresOfOneReason(t *testing.T) {
	late := errors.New("the standby has replayed no transaction of the past 6m0s")
	found := &coderschema.Inspection{Usage: true, Denied: []coderschema.Table{{Name: "users", Columns: []string{"id"}}}}
	got := sourceFindings(found, []answer{
		{source: "agents", err: fmt.Errorf("read agents: %w", late)},
		{source: "license", err: fmt.Errorf("read licenses: %w", coderschema.ErrPermission)},
		{source: "jobs", err: fmt.Errorf("read running jobs: %w", late), took: time.Minute},
		{source: "insights", took: 6 * time.Second},
	})
	want := []finding{
		{stateFailed, "sources", "agents, jobs: the standby has replayed no transaction of the past 6m0s", ""},
		{stateWarning, "slowest source", "insights, 6s: other collections wait for it", ""},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestCheckJSONUnreachable checks that the JSON for an unreachable database has one finding.
func TestCheckJSONUnreachable(t *testing.T) {
	said, err := short(t, "postgres://otelcoder:hunter2@127.0.0.1:1/coder", "--output", "json")
	var printed diagnosisJSON
	if err == nil || json.Unmarshal([]byte(said), &printed) != nil || printed.Healthy || len(printed.Findings) != 1 {
		t.Fatalf("error %v; the output: %s", err, said)
	}
	if f := printed.Findings[0]; f.Check != "connection" || f.State != stateFailed || f.Detail != err.Error() {
		t.Errorf("error %v; the output: %s", err, said)
	}
}

// TestFindingsAreInert checks that text from a database cannot control a terminal.
func TestFindingsAreInert(t *testing.T) {
	var out bytes.Buffer
	if err := printFindings(&out, []finding{{stateFailed, "schema", "a\x1b[2Jb\nc\u202e", "psql '\r\x07'"}}); err != nil {
		t.Fatal(err)
	}
	if want := "✗ schema  a\uFFFD[2Jb\uFFFDc\uFFFD\n    psql '\uFFFD\uFFFD'\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestColours(t *testing.T) {
	device, err := os.Open(os.DevNull) // a character device, like a terminal
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, test := range map[string]struct {
		noColor, term string
		file          *os.File
		want          bool
	}{
		"a terminal": {"", "xterm", device, true},
		"a file":     {"", "xterm", file, false},
		"NO_COLOR":   {"1", "xterm", device, false},
		"dumb":       {"", "dumb", device, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("NO_COLOR", test.noColor)
			t.Setenv("TERM", test.term)
			if got := colours(test.file); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
	if colours(new(bytes.Buffer)) {
		t.Error("a buffer has colours")
	}
}
