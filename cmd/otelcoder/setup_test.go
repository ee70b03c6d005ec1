package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/urfave/cli/v3"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// setUp is the output and the error of "otelcoder setup".
type setUp struct {
	stdout, stderr string
	err            error
}

func runSetup(t *testing.T, owner string, args ...string) setUp {
	t.Helper()
	t.Setenv("OTELCODER_OWNER_URL", owner)
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), append([]string{"otelcoder", "setup"}, args...), &stdout, &stderr)
	s := setUp{stdout.String(), stderr.String(), err}
	if found := password.FindString(fmt.Sprint(s)); found != "" {
		t.Errorf("a part of the owner's password is shown: %s", found)
	}
	return s
}

var exported = regexp.MustCompile(`(?m)^export CODER_PG_CONNECTION_URL='(.*)'$`)

// url returns the printed URL, or "".
func (s setUp) url(t *testing.T) string {
	t.Helper()
	match := exported.FindStringSubmatch(s.stdout)
	if match == nil {
		return ""
	}
	return strings.ReplaceAll(match[1], `'\''`, "'")
}

// done checks that setup succeeded, and returns the printed URL.
func (s setUp) done(t *testing.T) string {
	t.Helper()
	url := s.url(t)
	if s.err != nil || s.stderr != "" || url == "" {
		t.Fatalf("error %v; the output:\n%s%s", s.err, s.stdout, s.stderr)
	}
	text, _, _ := strings.Cut(s.stdout, "\nChecked as ")
	for line := range strings.Lines(text) {
		if len([]rune(line)) > 90 && !strings.Contains(line, "postgres") {
			t.Errorf("the line has more than 90 characters: %s", line)
		}
	}
	return url
}

// fails checks the exit code, and that the error is one line that contains text.
func (s setUp) fails(t *testing.T, code int, text string) {
	t.Helper()
	got := 1
	if coder, ok := errors.AsType[cli.ExitCoder](s.err); ok {
		got = coder.ExitCode()
	}
	if s.err == nil || got != code || !strings.Contains(s.err.Error(), text) || strings.Contains(s.err.Error(), "\n") {
		t.Errorf("exit code %d, error %v; want %d, one line with %q", got, s.err, code, text)
	}
}

var setupRoles atomic.Int64

// newRole returns the name of a role that does not exist yet. The role is dropped when the
// test ends.
func newRole(t *testing.T, db *pgtest.Database) string {
	name := fmt.Sprintf("otelcoder_setup_%d_%d", os.Getpid(), setupRoles.Add(1))
	t.Cleanup(func() {
		db.Exec(t, fmt.Sprintf(`DO $$ BEGIN IF to_regrole('%[1]s') IS NOT NULL THEN DROP OWNED BY %[1]s; DROP ROLE %[1]s; END IF; END $$`, name))
	})
	return name
}

// owned creates the database of a deployment, and returns it with the URL of its owner. As on
// managed servers, the owner is not a superuser: its role has the given attribute only.
func owned(t *testing.T, attribute string) (*pgtest.Database, string) {
	t.Helper()
	db := pgtest.New(t)
	owner := db.Role(t, func(role string) string {
		return fmt.Sprintf("ALTER ROLE %[1]s %[2]s; ALTER SCHEMA public OWNER TO %[1]s; SET ROLE %[1]s; %[3]s", role, attribute, live(t))
	})
	return db, owner
}

// rights returns everything about a role that setup may change, as text.
func rights(t *testing.T, db *pgtest.Database, role string) string {
	t.Helper()
	return pgtest.Value[string](t, db, `
		SELECT concat((SELECT row(r.*)::text FROM pg_authid r WHERE rolname = $1),
			(SELECT string_agg(row(a.attrelid, a.attname, a.attacl, a.xmin)::text, ' ' ORDER BY a.attrelid, a.attnum) FROM pg_attribute a WHERE a.attacl::text LIKE '%' || $1 || '%'))`, role)
}

func connect(t *testing.T, url string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err == nil {
		conn.Close(ctx)
	}
	return err
}

// TestSetup checks that the first run creates a role that can read everything, that a second
// run changes nothing and shows no password, and that --rotate-password replaces it.
func TestSetup(t *testing.T) {
	db, owner := owned(t, "CREATEROLE")
	role := newRole(t, db)

	dry := runSetup(t, owner, "--role", role, "--dry-run")
	if dry.err != nil || !strings.Contains(dry.stdout, `CREATE ROLE "`+role+`" LOGIN PASSWORD :'verifier';`) || !strings.Contains(dry.stdout, coderschema.Grants(instrument.Documented, role)) {
		t.Errorf("the dry run: %v\n%s", dry.err, dry.stdout)
	}
	if rights(t, db, role) != "" {
		t.Fatal("the dry run has created the role")
	}

	first := runSetup(t, owner, "--role", role)
	address := first.done(t)
	runCheck(t, address).wants(t, false, nil)
	if !strings.Contains(first.stdout, "\nChecked as ") {
		t.Errorf("no check in the output:\n%s", first.stdout)
	}
	secret, err := json.Marshal(address)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(first.stdout, "\nkind: Secret\nmetadata:\n  name: otelcoder-db-url\nstringData:\n  url: "+strings.ReplaceAll(string(secret), `\u0026`, "&")+"\n") {
		t.Errorf("no Secret with the URL:\n%s", first.stdout)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	chosen, _ := u.User.Password()
	if u.User.Username() != role || len(chosen) < 26 {
		t.Errorf("user %s, a password of %d characters", u.User.Username(), len(chosen))
	}

	before := rights(t, db, role)
	again := runSetup(t, owner, "--role", role)
	if again.err != nil || !strings.Contains(again.stdout, "nothing has been changed") || again.url(t) != "" || strings.Contains(again.stdout, chosen) {
		t.Errorf("again: %v\n%s%s", again.err, again.stdout, again.stderr)
	}
	if dry := runSetup(t, owner, "--role", role, "--dry-run"); dry.stdout != "-- Nothing to change: the role exists and can read everything.\n" {
		t.Errorf("the output of the dry run:\n%s", dry.stdout)
	}
	if rights(t, db, role) != before {
		t.Error("the second run changes something")
	}

	rotated := runSetup(t, owner, "--role", role, "--rotate-password").done(t)
	if rotated == address || connect(t, rotated) != nil {
		t.Error("the new URL does not connect")
	}
	if connect(t, address) == nil {
		t.Error("the old password still works")
	}
}

// TestSetupInAnEdition checks that the printed settings of the service name the edition,
// unless it is the default.
func TestSetupInAnEdition(t *testing.T) {
	db, owner := owned(t, "CREATEROLE")
	ofCoder := []string{
		"\nexport OTELCODER_METRIC_NAMES=coder\n",
		"\nmetricNames: coder\n",
		"\notelcoder metrics --metric-names coder --drop-from-coder\n",
	}
	inCoder := runSetup(t, owner, "--role", newRole(t, db), "--metric-names", "coder")
	inCoder.done(t)
	for _, want := range ofCoder {
		if !strings.Contains(inCoder.stdout, want) {
			t.Errorf("no %q in\n%s", want, inCoder.stdout)
		}
	}
	documented := runSetup(t, owner, "--role", newRole(t, db))
	documented.done(t)
	if text := documented.stdout; strings.Contains(text, "METRIC_NAMES") || strings.Contains(text, "metricNames") || !strings.Contains(text, "\notelcoder metrics --drop-from-coder\n") {
		t.Errorf("the output in the default edition:\n%s", text)
	}
}

// TestSetupAgain checks that a further run grants missing rights, such as those that an
// upgrade of Coder needs, and keeps the password.
func TestSetupAgain(t *testing.T) {
	db, owner := owned(t, "CREATEROLE")
	for name, broken := range map[string]string{
		"a column":       `REVOKE SELECT (jwt) ON licenses FROM %s`,
		"another column": `REVOKE SELECT (is_system) ON users FROM %s`,
		"login":          `ALTER ROLE %s NOLOGIN`,
	} {
		t.Run(name, func(t *testing.T) {
			role := newRole(t, db)
			address := runSetup(t, owner, "--role", role).done(t)
			db.Exec(t, fmt.Sprintf(broken, role))
			if again := runSetup(t, owner, "--role", role); again.err != nil || !strings.Contains(again.stdout, "already existed; it can now log in and read everything") {
				t.Errorf("error %v; the output:\n%s", again.err, again.stdout)
			}
			runCheck(t, address).wants(t, false, nil)
		})
	}
	t.Run("connect", func(t *testing.T) {
		name := pgtest.Value[string](t, db, "SELECT current_database()::text")
		db.Exec(t, "REVOKE CONNECT ON DATABASE "+name+" FROM PUBLIC")
		runSetup(t, db.URL, "--role", newRole(t, db)).done(t)
	})
}

// TestSetupOldVersion checks the setup for an older version of Coder: other columns are
// granted in place of those that it lacks.
func TestSetupOldVersion(t *testing.T) {
	db, owner := owned(t, "CREATEROLE")
	db.Exec(t, "ALTER TABLE provisioner_jobs DROP COLUMN job_status; ALTER TABLE users DROP COLUMN is_system; DROP TABLE tailnet_peers")
	role := newRole(t, db)
	first := runSetup(t, owner, "--role", role)
	address := first.url(t)
	if first.err != nil || address == "" {
		t.Fatalf("error %v; the output:\n%s%s", first.err, first.stdout, first.stderr)
	}
	runCheck(t, address).wants(t, false, nil)
	if again := runSetup(t, owner, "--role", role); !strings.Contains(again.stdout, "nothing has been changed") {
		t.Errorf("again: %v\n%s", again.err, again.stdout)
	}
}

// TestSetupSchema checks that the tables may be in a schema other than public.
func TestSetupSchema(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, live(t)+`; ALTER SCHEMA public RENAME TO "Coder's"; CREATE SCHEMA public`)
	role := newRole(t, db)
	address := runSetup(t, db.URL, "--role", role).done(t)
	runCheck(t, address).wants(t, false, nil)
	if again := runSetup(t, db.URL, "--role", role); !strings.Contains(again.stdout, "nothing has been changed") {
		t.Errorf("again: %v\n%s", again.err, again.stdout)
	}
}

// TestSetupPasswordIsNotLogged checks that the log of the server, which contains every
// statement, contains no password. The names of the database and of the role need every kind
// of quoting.
func TestSetupPasswordIsNotLogged(t *testing.T) {
	server := pgtest.Start(t)
	db := server.Database(t)
	for _, setting := range []string{"log_statement = 'all'", "log_min_messages = 'debug1'", "log_min_duration_statement = 0", "log_parameter_max_length = -1"} {
		db.Exec(t, "ALTER SYSTEM SET "+setting)
	}
	server.Restart(t)
	const name, role = `it's a/100% "db" é`, `o'tel/"cöder"\ @x`
	db.Exec(t, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" TEMPLATE template0")
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	odd := &pgtest.Database{URL: u.String()}
	odd.Exec(t, live(t))

	var secrets []string
	for _, args := range [][]string{{}, {"--rotate-password"}} {
		address := runSetup(t, odd.URL, append(args, "--role", role)...).done(t)
		runCheck(t, address).wants(t, false, nil)
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		chosen, _ := u.User.Password()
		if u.User.Username() != role || u.Path != "/"+name || len(chosen) < 26 {
			t.Errorf("user %q, path %q, a password of %d characters", u.User.Username(), u.Path, len(chosen))
		}
		secrets = append(secrets, chosen)
	}
	log := server.Log(t)
	if !strings.Contains(log, "CREATE ROLE") || !strings.Contains(log, "ALTER ROLE") {
		t.Fatal("the log lacks the statements")
	}
	for _, secret := range secrets {
		if strings.Contains(log, secret) {
			t.Error("the log shows a password")
		}
	}
}

// TestSetupRefuses checks that a setup that fails prints nothing and keeps the owner's
// password, and that its error names the remedy.
func TestSetupRefuses(t *testing.T) {
	db, owner := owned(t, "CREATEROLE")
	_, poor := owned(t, "")
	stranger := db.Role(t, func(role string) string { return "ALTER ROLE " + role + " CREATEROLE" })
	user := func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return u.User.Username()
	}
	expired := newRole(t, db)
	db.Exec(t, "CREATE ROLE "+expired+" LOGIN VALID UNTIL '2020-01-01'")
	exists := newRole(t, db)
	db.Exec(t, "CREATE ROLE "+exists+" LOGIN")
	empty := pgtest.New(t)
	for name, test := range map[string]struct {
		owner string
		args  []string
		code  int
		want  string
	}{
		"a role that is a URL": {owner, []string{"--role", "postgres://u:correct@h/d"}, 2, "invalid value for --role: a name must not have"},
		"a long role":          {owner, []string{"--role", strings.Repeat("r", 64)}, 2, "invalid value for --role: a name has 1 to 63 bytes"},
		"no role":              {owner, []string{"--role", ""}, 2, "invalid value for --role: "},
		"an argument":          {"", []string{owner}, 2, "otelcoder setup takes flags only; see otelcoder setup --help"},
		"words":                {"host=127.0.0.1 password=correct", nil, 2, "give it as postgres://user:password@host:port/database"},
		"a bad URL":            {"postgres://o:correct@battery@h/d", nil, 2, "the URL of the database cannot be parsed"},
		"an unreachable one":   {"postgres://o:correct@127.0.0.1:1/d", nil, 1, "connect as the owner: "},
		"a wrong password":     {strings.Replace(owner, "correct", "horse", 1), nil, 1, "connect as the owner: "},
		"not Coder's":          {empty.URL, nil, 1, "this is not the database of a Coder deployment"},
		"no CREATEROLE":        {poor, []string{"--role", newRole(t, db)}, 1, user(poor) + " may not create roles: let an administrator run CREATE ROLE"},
		"a role of others":     {poor, []string{"--role", exists, "--rotate-password"}, 1, "may not alter the role \"" + exists + "\": connect as a user with CREATEROLE or as an administrator: "},
		"not the owner":        {stranger, nil, 1, "may not grant the tables of Coder, which belong to " + user(owner) + ": "},
		"the owner itself":     {owner, []string{"--role", user(owner), "--rotate-password"}, 2, "give otelcoder a role of its own by --role"},
		"the tables' owner":    {db.URL, []string{"--role", user(owner), "--rotate-password"}, 2, "give otelcoder a role of its own by --role"},
		"an expired password":  {owner, []string{"--role", expired}, 1, "the password of \"" + expired + "\" has expired: --rotate-password sets another one"},
	} {
		t.Run(name, func(t *testing.T) {
			s := runSetup(t, test.owner, test.args...)
			s.fails(t, test.code, test.want)
			if s.stdout != "" {
				t.Errorf("it prints\n%s\nwant nothing", s.stdout)
			}
		})
	}
	if err := connect(t, owner); err != nil {
		t.Error(err)
	}
}

// TestSetupShowsThePasswordOfARoleThatCannotConnect checks that the URL is printed even if the
// check fails, since a later run does not show the password.
func TestSetupShowsThePasswordOfARoleThatCannotConnect(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, live(t))
	role := newRole(t, db)
	db.Exec(t, "CREATE ROLE "+role+" LOGIN CONNECTION LIMIT 0")
	s := runSetup(t, db.URL, "--role", role, "--rotate-password")
	s.fails(t, 1, `"`+role+`" is set up, but the check as this role fails: `)
	if s.url(t) == "" {
		t.Errorf("it does not print the URL:\n%s", s.stdout)
	}
}

// TestSetupDryRunWithoutURL checks that the dry run without a URL prints the SQL for a new
// role, and that this SQL fails without a verifier, so that it cannot set a known password.
func TestSetupDryRunWithoutURL(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(t, schema(t))
	role := newRole(t, db)
	s := runSetup(t, "", "--dry-run", "--role", role)
	if s.err != nil || !strings.Contains(s.stdout, coderschema.Grants(instrument.Documented, role)) {
		t.Errorf("error %v; the output:\n%s", s.err, s.stdout)
	}
	conn, err := pgx.Connect(t.Context(), db.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), s.stdout); err == nil {
		t.Error("the SQL runs without a verifier")
	}
	if _, err := conn.Exec(t.Context(), strings.ReplaceAll(s.stdout, ":'verifier'", "NULL")); err != nil {
		t.Errorf("the SQL fails with a verifier: %v", err)
	}
}

func TestRoleURL(t *testing.T) {
	config, err := pgx.ParseConfig("postgres://owner@db:5433/coder%2Fx")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PGSSLMODE", "")
	t.Setenv("PGSSLROOTCERT", "")
	for owner, want := range map[string]string{
		"postgres://owner:secret@db:5433/coder":                                         "postgres://a%2Fb:p%40w@db:5433/coder",
		"postgresql://owner@db/coder?sslmode=verify-full&sslrootcert=%2Fca.crt":         "postgresql://a%2Fb:p%40w@db/coder?sslmode=verify-full&sslrootcert=%2Fca.crt",
		"postgres://owner:x@one:1,two:2/co%20der?target_session_attrs=primary":          "postgres://a%2Fb:p%40w@one:1,two:2/co%20der?target_session_attrs=primary",
		"postgres://db/coder?user=owner&password=x&sslkey=k&sslcert=c&role=r&sslmode=a": "postgres://a%2Fb:p%40w@db/coder?sslmode=a",
		"postgres://db?user=o@w":                           "postgres://a%2Fb:p%40w@db/coder%2Fx",
		"postgres://owner@[::1]:5432/coder":                "postgres://a%2Fb:p%40w@[::1]:5432/coder",
		"postgres://owner@/coder?host=%2Frun&us%65r=other": "postgres://a%2Fb:p%40w@/coder?host=%2Frun",
		"postgres://":       "postgres://a%2Fb:p%40w@/coder%2Fx?host=db&port=5433",
		"postgres://owner@": "postgres://a%2Fb:p%40w@/coder%2Fx?host=db&port=5433",
	} {
		if got := roleURL(owner, "a/b", "p@w", config); got != want {
			t.Errorf("of %s: %s, want %s", owner, got, want)
		}
	}
	t.Setenv("PGSSLMODE", "require")
	if got, want := roleURL("postgres://owner@db/coder", "r", "p", config), "postgres://r:p@db/coder?sslmode=require"; got != want {
		t.Errorf("with PGSSLMODE: %s, want %s", got, want)
	}
}

// TestSetupScrapeJobs compares the jobs with those of the example, reduced to one replica.
func TestSetupScrapeJobs(t *testing.T) {
	example := read(t, "../../examples/prometheus/service/prometheus.yml")
	_, jobs, _ := strings.Cut(example, "scrape_configs:\n")
	jobs, _, _ = strings.Cut(jobs, "  # Coder's own endpoint")
	want := "scrape_configs:\n"
	for line := range strings.Lines(jobs) {
		if text := strings.TrimSpace(line); text != "" && !strings.HasPrefix(text, "#") {
			want += strings.Replace(line, `"otelcoder-0:2112", "otelcoder-1:2112"`, `"localhost:2112"`, 1)
		}
	}
	if scrapeJobs != want {
		t.Errorf("got\n%swant\n%s", scrapeJobs, want)
	}
}
