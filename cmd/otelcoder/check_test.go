package main

import (
	"bytes"
	"context"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// checked is the output and the error of "otelcoder check".
type checked struct {
	stdout, stderr string
	err            error
}

func runCheck(t *testing.T, url string, args ...string) checked {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	err := run(ctx, append([]string{"otelcoder", "check", "--verbose", "--postgres-url", url}, args...), &stdout, &stderr)
	c := checked{stdout.String(), stderr.String(), err}
	if err != nil && strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %v", err)
	}
	said := c.stdout + c.stderr
	if err != nil {
		said += err.Error()
	}
	if found := password.FindString(said); found != "" {
		t.Errorf("a part of the password is shown: %s", found)
	}
	return c
}

// wants checks whether the check failed, that the table has the rows, without their last cell,
// a duration, and that the output contains the texts in lines.
func (c checked) wants(t *testing.T, failed bool, rows []string, lines ...string) {
	t.Helper()
	if (c.err != nil) != failed {
		t.Errorf("error %v", c.err)
	}
	spaces, took := regexp.MustCompile(` {2,}`), regexp.MustCompile(`(?m) {2,}[0-9.]+(µs|ms|s)$`)
	text := spaces.ReplaceAllString(took.ReplaceAllString(c.stdout, ""), " | ")
	for _, row := range rows {
		if !has(text, row+"\n") {
			t.Errorf("no row %s", row)
		}
	}
	for _, line := range lines {
		if !strings.Contains(c.stdout+c.stderr, line) {
			t.Errorf("the output lacks %s", line)
		}
	}
	if t.Failed() {
		t.Logf("the output and the error:\n%s%s%v", c.stdout, c.stderr, c.err)
	}
}

func TestCheck(t *testing.T) {
	_, url := deployment(t, live(t))
	c := runCheck(t, url)
	c.wants(t, false, []string{
		"METRIC | IMPORT | SERVICE | SERIES | TOOK",
		"agent_scripts_executed_total | yes | yes | from 0",
		"coderd_agents_connection_latencies_seconds | yes | yes | 2",
		"coderd_agents_up | yes | yes | 1",
		"coderd_agentstats_tx_bytes | yes | yes | 1",
		"coderd_api_active_users_duration_hour | yes | yes | 1",
		"coderd_api_requests_processed_total | yes | no",
		"coderd_api_workspace_latest_build_total | yes | yes | 7",
		"coderd_insights_applications_usage_seconds | yes | yes | 5",
		"coderd_insights_parameters | yes | yes | 1",
		"coderd_license_limit_users | yes | yes | 1",
		"coderd_oauth2_external_requests_total | yes | no",
		"coderd_provisionerd_jobs_current | yes | yes | 2",
		"coderd_workspace_builds_total | yes | yes | from 0",
		"go_* (27) | yes | its own",
		"documented | 73 | 62",
	}, "✓ grants              the role "+roleOf(t, url)+" can read every column that otelcoder needs\n",
		"✓ schema              public has Coder's tables\n",
		"✓ pooler              none in transaction mode\n",
		"✓ connection limit    none\n",
		"✓ row-level security  hides no rows from the role\n",
		"✓ high availability   tailnet nodes are known for 1 of 1 connected agents\n",
		"✓ found               1 workspace, 1 agent (1 connected), 1 active user\n",
		"✓ slowest source      ")
	if c.stderr != "" {
		t.Errorf("on standard error:\n%s", c.stderr)
	}
	for line := range strings.Lines(c.stdout) {
		if strings.TrimRight(line, " \n") != strings.TrimRight(line, "\n") {
			t.Errorf("the line %q ends in spaces", line)
		}
	}
}

func TestCheckWithoutAgentStats(t *testing.T) {
	_, url := deployment(t, live(t))
	runCheck(t, url, "--prometheus-collect-agent-stats=false").wants(t, false, []string{
		"agent_scripts_executed_total | yes | yes | off",
		"coderd_agentstats_rx_bytes | yes | yes | off",
		"coderd_agentstats_startup_script_seconds | yes | yes | off",
		"coderd_agents_up | yes | yes | 1",
		"coderd_workspace_builds_total | yes | yes | from 0",
	})
}

// TestCheckAggregated checks that check counts the series that the server would serve with the
// same flags.
func TestCheckAggregated(t *testing.T) {
	_, url := deployment(t, live(t)+`;
		INSERT INTO workspace_agents (id, resource_id, name, created_at) VALUES (u(502), u(201), 'other', now());
		INSERT INTO workspace_agent_stats (created_at, user_id, agent_id, workspace_id, template_id, connection_median_latency_ms)
		SELECT created_at, user_id, u(502), workspace_id, template_id, 1 FROM workspace_agent_stats`)
	runCheck(t, url).wants(t, false, []string{"coderd_agentstats_rx_bytes | yes | yes | 2"})
	runCheck(t, url, "--prometheus-aggregate-agent-stats-by", "username").wants(t, false, []string{"coderd_agentstats_rx_bytes | yes | yes | 1"})
}

func TestCheckWithoutParameters(t *testing.T) {
	_, url := deployment(t, live(t))
	runCheck(t, url, "--without-parameters").wants(t, false, []string{
		"coderd_insights_parameters | yes | yes | off",
		"coderd_insights_templates_active_users | yes | yes | 1",
	}, "✓ grants ")
}

// TestCheckWithoutHighAvailability checks the warning for a deployment without Coder's
// high-availability license, whose database does not contain the tailnet of the agents.
func TestCheckWithoutHighAvailability(t *testing.T) {
	_, url := deployment(t, live(t)+"; DELETE FROM tailnet_peers")
	runCheck(t, url).wants(t, false, []string{
		"coderd_agents_connection_latencies_seconds | yes | yes | 0",
		"coderd_agents_connections | yes | yes | 1",
	}, "! high availability   tailnet_peers has no connected agent: Coder fills it only with its high-availability license; "+
		"keep coderd_agents_connection_latencies_seconds and coderd_agents_connections from Coder's own endpoint")
}

func TestCheckMissingGrant(t *testing.T) {
	db, url := deployment(t, live(t))
	role := roleOf(t, url)
	db.Exec(t, "REVOKE SELECT (jwt) ON licenses FROM "+role)
	c := runCheck(t, url)
	c.wants(t, true, []string{
		"coderd_license_limit_users | yes | yes | failed",
		"coderd_agents_up | yes | yes | 1",
	}, "✗ grants              the role "+role+" cannot read licenses.jwt; license fails\n"+
		"    otelcoder grants --role "+role+` | psql "$OWNER_URL"`+"\n")
	if c.err == nil || c.err.Error() != "1 of 13 checks failed, see above" {
		t.Errorf("error %v", c.err)
	}
}

func TestCheckMissingTable(t *testing.T) {
	db, url := deployment(t, live(t))
	db.Exec(t, "DROP TABLE workspace_app_stats")
	runCheck(t, url).wants(t, true, []string{
		"coderd_insights_templates_active_users | yes | yes | failed",
		"coderd_agents_up | yes | yes | 1",
	}, "✗ schema              public lacks 6 columns of workspace_app_stats, which every supported version of Coder has; insights fails\n")
}

// TestCheckSettings checks that settings of the database do not affect the check.
func TestCheckSettings(t *testing.T) {
	db, url := deployment(t, live(t))
	db.Exec(t, "ALTER DATABASE "+db.Name()+" SET DateStyle = 'SQL, DMY'; ALTER DATABASE "+db.Name()+" SET search_path = 'pg_catalog'")
	runCheck(t, url).wants(t, false, []string{"coderd_agents_up | yes | yes | 1"}, "✓ grants ")
}

func TestCheckConnectionLimit(t *testing.T) {
	db, url := deployment(t, live(t))
	role := roleOf(t, url)
	db.Exec(t, "ALTER ROLE "+role+" CONNECTION LIMIT 3")
	runCheck(t, url).wants(t, false, nil)
	db.Exec(t, "ALTER ROLE "+role+" CONNECTION LIMIT 2")
	runCheck(t, url).wants(t, true, nil,
		"✗ connection limit    too few connections are allowed: 2, and each process needs 3\n"+
			`    psql "$OWNER_URL" -c 'ALTER ROLE "`+role+`" CONNECTION LIMIT 3'`+"\n")
}

func TestCheckRowLevelSecurity(t *testing.T) {
	db, url := deployment(t, live(t))
	db.Exec(t, "ALTER TABLE licenses ENABLE ROW LEVEL SECURITY")
	runCheck(t, url).wants(t, true, []string{
		"coderd_license_limit_users | yes | yes | failed",
		"coderd_agents_up | yes | yes | 1",
	}, "✗ row-level security  hides every row of licenses from the role; license fails\n"+
		`    psql "$OWNER_URL" -c 'CREATE POLICY "`)
	db.Exec(t, "CREATE POLICY everything ON licenses USING (true)")
	runCheck(t, url).wants(t, false, []string{
		"coderd_license_limit_users | yes | yes | 1",
	}, "! row-level security  applies to licenses: hidden rows are not counted\n",
		`level=WARN msg="row-level security applies to the role: what its policies hide is not counted" tables=licenses`)
}

// TestCheckStandby checks that a standby can be read, and that the reporter then needs the URL
// of the primary.
func TestCheckStandby(t *testing.T) {
	primary := pgtest.Start(t)
	db := primary.Database(t)
	db.Exec(t, live(t))
	url := db.Role(t, grants)
	standby := primary.Standby(t)
	db.Exec(t, "CREATE TABLE something ()") // to be replayed
	copied := standby.Of(t, url)
	deadline := time.Now().Add(30 * time.Second)
	for !strings.Contains(runCheck(t, copied).stdout, "give the reporter the URL of the primary (--postgres-reporter-url)\n") {
		if time.Now().After(deadline) {
			t.Fatal("check does not report that the server is a standby")
		}
	}
	c := runCheck(t, copied)
	for !strings.Contains(c.stdout, "coderd_agents_up") || strings.Contains(c.stdout, "has not replayed") {
		if time.Now().After(deadline) {
			t.Fatalf("the standby has not replayed the primary within 30s:\n%s", c.stdout)
		}
		c = runCheck(t, copied)
	}
	c.wants(t, true, []string{"coderd_agents_up | yes | yes | 1"}, "✗ server role         the server is a standby, whose locks no process at the primary sees")
	runCheck(t, copied, "--postgres-reporter-url", url).wants(t, false, []string{"coderd_agents_up | yes | yes | 1"})
	runCheck(t, copied, "--postgres-reporter-url", "postgres://127.0.0.1:1/coder").wants(t, true,
		[]string{"coderd_agents_up | yes | yes | 1"}, "✗ reporter            connect to the database: failed to connect")
}

// TestCheckOtherVersion checks that a missing optional table is a warning and not a failure,
// and that the families that need it are not served.
func TestCheckOtherVersion(t *testing.T) {
	_, url := deployment(t, live(t)+read(t, "../../meters/coderdb/testdata/without.sql"))
	runCheck(t, url).wants(t, false, []string{
		"agent_scripts_executed_total | yes | yes | missing",
		"coderd_agents_connection_latencies_seconds | yes | yes | missing",
		"coderd_agents_connections | yes | yes | 1",
		"coderd_workspace_builds_total | yes | yes | from 0",
	}, "! Coder version       lacks workspace_agent_scripts, workspace_agent_script_timings: agent_scripts_executed_total is not served\n",
		"table=workspace_agent_scripts so=\"agent_scripts_executed_total is not served\"")
}

func TestCheckEmptyDatabase(t *testing.T) {
	db, url := deployment(t, schema(t))
	db.Empty(t)
	c := runCheck(t, url)
	c.wants(t, true, nil, "✗ schema  no schema of the database \""+db.Name()+"\" has Coder's tables: is this the database of a Coder deployment?\n")
	if n := strings.Count(c.stdout+c.stderr, "\n") + 1; n > 5 {
		t.Errorf("%d lines with the error, want at most 5:\n%s%s%v", n, c.stdout, c.stderr, c.err)
	}
}

func TestCheckUnreachable(t *testing.T) {
	db, good := deployment(t, schema(t))
	role := roleOf(t, good)
	db.Exec(t, "ALTER ROLE "+role+" PASSWORD 'another'")
	for url, want := range map[string]string{
		"postgres://otelcoder:hunter2@127.0.0.1:1/coder":                                        "connect to the database: failed to connect to ",
		"postgres://otelcoder:hunter2@" + taken(t) + "/coder?sslmode=disable&connect_timeout=1": "connect to the database: failed to connect to ",
		"postgres://otelcoder:hunter2%zz@127.0.0.1/coder":                                       "the URL of the database cannot be parsed",
		good: "password authentication failed",
		"":   "no URL of the database: set ",
	} {
		c := runCheck(t, url)
		if c.err == nil || !strings.Contains(c.err.Error(), want) || strings.Contains(c.err.Error(), "hunter2") || c.stdout+c.stderr != "" {
			t.Errorf("%s: error %v, output %q", url, c.err, c.stdout+c.stderr)
		}
	}
}

// TestCheckPooler checks that a pooler in transaction mode fails the check: everything can be
// read through it, but no process can report.
func TestCheckPooler(t *testing.T) {
	_, url := deployment(t, live(t))
	runCheck(t, pgtest.NewPgBouncer(t, url, "transaction", 2)).wants(t, true, []string{
		"coderd_agents_up | yes | yes | 1",
	}, "✗ pooler              a connection pooler in transaction mode is in between: give the address of PostgreSQL itself, or of a pool in session mode\n")
}

func roleOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.User.Username()
}
