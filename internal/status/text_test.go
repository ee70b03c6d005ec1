package status_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/otelcoder/otelcoder/internal/status"
	"github.com/otelcoder/otelcoder/internal/status/statustest"
)

// text returns the terminal report of a deployment, rendered from its JSON.
func text(t *testing.T, d *statustest.Deployment, color bool) string {
	t.Helper()
	w := httptest.NewRecorder()
	status.NewPage(d, statustest.History()).ServeHTTP(w, httptest.NewRequest("GET", "/status?format=json", nil))
	var report status.Report
	if err := json.Unmarshal(w.Body.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := status.WriteText(&out, report, color); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestText(t *testing.T) {
	const want = `▲ Reporting for 3 h 12 m, but 1 of 7 sources fail: insights. 1 replica stands by (10.0.0.7). Oldest data: 7 m.
otelcoder 0.2.0, database coder at db:5432, up for 3 d 4 h, metric names: documented

DEPLOYMENT
workspaces    9,946 succeeded, 33 running, 27 failed, 9 canceled, 6 pending
agents        9,870 connected, 12 disconnected, 3 timeout
active users  396 in the last hour
seats         476 taken of 500
jobs          5 running
builds        154 succeeded, 3 failed in the last hour
requests      46.2 a second, 0.1 % errors, 11 ms median, 97 ms 95th percentile, 9 in flight
websockets    315 open

SOURCE         STATE  AGE   EVERY  TAKES   P95     SERIES
active_users   up     12 s  1 m    3 ms    4 ms    1
latest_builds  up     12 s  1 m    41 ms   62 ms   6
agents         up     42 s  1 m    240 ms  310 ms  30,063
agent_stats    up     12 s  1 m    70 ms   90 ms   80,000
insights       down   7 m   5 m    –       –       48
  permission denied for table workspace_app_stats (SQLSTATE 42501)
  The role lacks SELECT on columns of this version of Coder. As the owner of the database, run:
  $ otelcoder grants --role otelcoder | psql "$OWNER_URL"
  docs/runbooks/OtelcoderSourceDown.md
license        up     12 s  1 m    2 ms    2 ms    3
jobs           up     2 s   5 s    2 ms    3 ms    1

REFUSED  REASON     COUNT  LAST     MEANS
agent    duplicate  2      4 m ago  An agent sent a series twice; the second was dropped.

PUSH
http://collector:4318, last success 8 s ago, 18,312 successes, 0 failures

SCRAPES
last 3 s ago by Prometheus/3.8.0 (text, gzip, 131 kB in 2.1 ms), 2 a minute, 0 errors
`
	if got := text(t, statustest.Degraded(), false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestTextOfStates checks that the report of an outage starts with the cause and the remedy,
// and that the report of a standby has no deployment.
func TestTextOfStates(t *testing.T) {
	empty := &statustest.Deployment{Told: status.Facts{At: statustest.Now, Sample: status.NoSample(), Role: status.Role{State: status.Reporting},
		Sources: []status.Source{{Name: "agents", DurationSeconds: status.Unknown(), P95Seconds: status.Unknown()}},
		Scrapes: status.Scrapes{PerMinute: status.Unknown()}}}
	for name, test := range map[string]struct {
		deployment *statustest.Deployment
		begins     string
		has, lacks []string
	}{
		"outage": {statustest.Outage(), `▲ Database unreachable for 4 m 10 s. Deployment metrics are not served.
  connect to db:5432: connection refused
  Check that PostgreSQL runs and accepts connections from this host. otelcoder reconnects by itself.
  $ otelcoder check
`, []string{"\nagents         down   4 m 30 s"}, []string{"DEPLOYMENT"}},
		"standing by": {statustest.StandBy(), "○ Standing by for 2 h. Replica 10.0.0.7 reports. ", []string{"\nSCRAPES\n"}, []string{"DEPLOYMENT", "SOURCE", "REFUSED", "PUSH"}},
		"healthy":     {statustest.Healthy(), "● Reporting this deployment for 3 h 12 m. ", nil, []string{"  $ "}},
		"starting":    {empty, "○ Starting. 1 source has not answered yet.\n", []string{"agents  starting  –    –      –      –    0\n", "\nnone yet, 0 errors\n"}, []string{"NaN", "DEPLOYMENT", "PUSH"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := text(t, test.deployment, false)
			if !strings.HasPrefix(got, test.begins) {
				t.Errorf("got\n%s\nwant it to begin with\n%s", got, test.begins)
			}
			for _, want := range test.has {
				if !strings.Contains(got, want) {
					t.Errorf("got\n%s\nwant %q in it", got, want)
				}
			}
			for _, unwanted := range test.lacks {
				if strings.Contains(got, unwanted) {
					t.Errorf("got\n%s\nwant it without %q", got, unwanted)
				}
			}
		})
	}
}

// TestTextIsSafe checks that colours are the only control characters of the report: names
// cannot write others to the terminal.
func TestTextIsSafe(t *testing.T) {
	hostile := statustest.Degraded()
	const escape = "\x1b[2J\x9b2J\r\n\u202e"
	hostile.Told.Version += escape
	hostile.Told.Database.Name += escape
	hostile.Told.Sources[4].Name += escape
	hostile.Told.Sources[4].Problem.Error += escape
	hostile.Told.Sources[4].Problem.Command += escape
	hostile.Told.Refused[0].Reason += escape
	hostile.Told.Scrapes.Last.By += escape
	hostile.Told.Role.StandBys[0] += escape
	for _, color := range []bool{false, true} {
		got := text(t, hostile, color)
		colors := strings.Contains(got, "\x1b[33m▲ ") && strings.Contains(got, "\x1b[31minsights")
		if colors != color {
			t.Errorf("got colours %t, want %t, in\n%q", colors, color, got)
		}
		for _, known := range []string{"\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[33m"} {
			got = strings.ReplaceAll(got, known, "")
		}
		if strings.ContainsAny(got, "\x1b\r\u009b\u202e") || strings.Contains(got, "\n\n\n") {
			t.Errorf("got control characters other than colours in\n%q", got)
		}
	}
}
