// Package statustest provides example deployments for tests of the status page.
package statustest

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/status"
)

// Now is the time of all facts.
var Now = time.Date(2026, 11, 26, 9, 30, 20, 0, time.UTC)

// Deployment is an example deployment. It implements [status.Backend].
type Deployment struct {
	Told   status.Facts
	Of     map[string]iter.Seq[status.Series] // by family
	Opened []string                           // families that were opened
}

// Facts implements [status.Backend].
func (d *Deployment) Facts(context.Context) status.Facts { return d.Told }

// Series implements [status.Backend].
func (d *Deployment) Series(_ context.Context, family string) iter.Seq[status.Series] {
	d.Opened = append(d.Opened, family)
	if series, found := d.Of[family]; found {
		return series
	}
	return func(func(status.Series) bool) {}
}

// Healthy is a deployment of 10,021 workspaces that is reported.
func Healthy() *Deployment {
	ago := func(d time.Duration) time.Time { return Now.Add(-d) }
	d := &Deployment{
		Told: status.Facts{
			At: Now, Version: "0.2.0", Started: ago(76 * time.Hour), MetricNames: "documented",
			Database: &status.Database{Address: "db:5432", Name: "coder"},
			Role:     status.Role{State: status.Reporting, Since: ago(3*time.Hour + 12*time.Minute), StandBys: []string{"10.0.0.7"}},
			Sources: []status.Source{
				{Name: "active_users", Up: true, LastSuccess: ago(12 * time.Second), IntervalSeconds: 60, DurationSeconds: 0.003, P95Seconds: 0.004, Series: 1},
				{Name: "latest_builds", Up: true, LastSuccess: ago(12 * time.Second), IntervalSeconds: 60, DurationSeconds: 0.041, P95Seconds: 0.062, Series: 6},
				{Name: "agents", Up: true, LastSuccess: ago(42 * time.Second), IntervalSeconds: 60, DurationSeconds: 0.24, P95Seconds: 0.31, Series: 30063},
				{Name: "agent_stats", Up: true, LastSuccess: ago(12 * time.Second), IntervalSeconds: 60, DurationSeconds: 0.07, P95Seconds: 0.09, Series: 80000},
				{Name: "insights", Up: true, LastSuccess: ago(31 * time.Second), IntervalSeconds: 300, DurationSeconds: 1.24, P95Seconds: 1.9, Series: 48},
				{Name: "license", Up: true, LastSuccess: ago(12 * time.Second), IntervalSeconds: 60, DurationSeconds: 0.002, P95Seconds: 0.002, Series: 3},
				{Name: "jobs", Up: true, LastSuccess: ago(2 * time.Second), IntervalSeconds: 5, DurationSeconds: 0.002, P95Seconds: 0.003, Series: 1},
			},
			Refused: []status.Refusal{
				{Origin: "agent", Reason: "duplicate", Count: 2, Last: ago(4 * time.Minute)},
				{Origin: "source", Reason: "undocumented"},
			},
			Push: &status.Push{Endpoint: "http://collector:4318", LastSuccess: ago(8 * time.Second), Successes: 18312},
			Scrapes: status.Scrapes{
				Last:      &status.Scrape{At: ago(3 * time.Second), By: "Prometheus/3.8.0", Path: "/metrics", Format: "text", Encoding: "gzip", Bytes: 131072, DurationSeconds: 0.0021},
				PerMinute: 2,
			},
			Sample: sample(0),
			Preview: `# HELP coderd_agents_apps Agent applications with statuses.
# TYPE coderd_agents_apps gauge
coderd_agents_apps{agent_name="main",app_name="code-server",health="healthy",username="ada",workspace_name="web"} 1
coderd_agents_apps{agent_name="main",app_name="jupyter",health="unhealthy",username="ann",workspace_name="dev"} 1
# HELP coderd_agents_connections Agent connections with statuses.
# TYPE coderd_agents_connections gauge
coderd_agents_connections{agent_name="main",lifecycle_state="ready",status="connected",tailnet_node="nodeid:8c1e",username="ada",workspace_name="web"} 1
`,
		},
		Of: make(map[string]iter.Seq[status.Series]),
	}
	d.Of["coderd_agents_connections"] = agents(9885)
	d.Of["coderd_agents_up"] = workspaces(10021)
	d.Of["coderd_api_request_latencies_seconds"] = slices.Values([]status.Series{
		{Labels: []string{"GET", "/api/v2/workspaces"}, Count: 1200, Sum: 31.2},
		{Labels: []string{"POST", "/api/v2/workspaces/{workspace}/builds"}, Count: 40, Sum: 8},
	})
	d.Of["coderd_workspace_builds_total"] = slices.Values([]status.Series{
		{Labels: []string{"START", "ada@example.com", "failed", "docker", "v7", "ada", "web"}, Value: 3},
		{Labels: []string{"START", "ann@example.com", "success", "docker", "v7", "ann", "dev"}, Value: 118},
	})
	counts := map[string]int{"coderd_agents_connections": 9885, "coderd_agents_up": 10021, "coderd_api_request_latencies_seconds": 2, "coderd_workspace_builds_total": 2,
		"coderd_agents_apps": 20120, "coderd_agentstats_rx_bytes": 10000, "coderd_agentstats_tx_bytes": 10000, "coderd_agents_connection_latencies_seconds": 19770}
	for f := range instrument.Documented.All() {
		row := instrument.Documented.Info(f)
		family := status.Family{Name: row.Name, Type: row.Type.String(), Help: row.Help, Labels: row.Labels, Group: row.Group.String(), Series: counts[row.Name]}
		if len(row.Labels) == 0 {
			family.Series = 1
		}
		d.Told.Families = append(d.Told.Families, family)
	}
	return d
}

// Degraded is the healthy deployment with a source that may not read a table.
func Degraded() *Deployment {
	d := Healthy()
	s := &d.Told.Sources[4]
	s.Up, s.LastSuccess = false, Now.Add(-7*time.Minute)
	s.DurationSeconds, s.P95Seconds = status.Unknown(), status.Unknown()
	s.Problem = &status.Problem{
		Error: `permission denied for table workspace_app_stats (SQLSTATE 42501)`, Since: Now.Add(-3 * time.Minute),
		Remedy:  "The role lacks SELECT on columns of this version of Coder. As the owner of the database, run:",
		Command: `otelcoder grants --role otelcoder | psql "$OWNER_URL"`, Runbook: "OtelcoderSourceDown",
	}
	return d
}

// Outage is the healthy deployment without its database.
func Outage() *Deployment {
	d := Healthy()
	d.Told.Role = status.Role{State: status.Unreachable, Since: Now.Add(-250 * time.Second), Problem: &status.Problem{
		Error:   "connect to db:5432: connection refused",
		Remedy:  "Check that PostgreSQL runs and accepts connections from this host. otelcoder reconnects by itself.",
		Command: `otelcoder check`, Runbook: "OtelcoderDatabaseDown",
	}}
	for i := range d.Told.Sources {
		s := &d.Told.Sources[i]
		s.Up, s.LastSuccess = false, Now.Add(-270*time.Second)
		s.Problem = &status.Problem{Error: "connection refused", Since: Now.Add(-250 * time.Second)}
	}
	d.withoutDeployment()
	return d
}

// StandBy is the healthy deployment while another process reports it.
func StandBy() *Deployment {
	d := Healthy()
	d.Told.Role = status.Role{State: status.StandingBy, Since: Now.Add(-2 * time.Hour), Reporter: "10.0.0.7"}
	d.Told.Sources, d.Told.Refused, d.Told.Push = nil, nil, nil
	d.withoutDeployment()
	return d
}

func (d *Deployment) withoutDeployment() {
	d.Told.Sample = status.NoSample()
	d.Told.Preview = "# HELP go_goroutines Number of goroutines that currently exist.\n# TYPE go_goroutines gauge\ngo_goroutines 21\n"
	for i, f := range d.Told.Families {
		if f.Group != "process" {
			d.Told.Families[i].Series = 0
			delete(d.Of, f.Name)
		}
	}
}

// Evil lists texts that outsiders may choose.
var Evil = []string{
	`<script>document.title="pwned"</script>`,
	`"><img src=x onerror=document.title="pwned">`,
	`javascript:document.title="pwned"`,
	`' onmouseover='document.title="pwned"`,
	`</style><script>document.title="pwned"</script>`,
	"user\u202egpj.exe", "bell\a null\x00 zero\u200bwidth \xff",
	"{{.Script}}", "https://evil.example/?a=b&c=d#e",
	strings.Repeat("long", 300), "فارسی שלום",
}

// Hostile is a deployment in which all untrusted texts are evil.
func Hostile() *Deployment {
	d := Degraded()
	all := strings.Join(Evil, " ")
	d.Told.Role.StandBys = Evil[:3]
	d.Told.Database = &status.Database{Address: Evil[1], Name: Evil[0]}
	d.Told.Push.Endpoint = Evil[2]
	d.Told.Push.Problem = &status.Problem{Error: all, Runbook: `../../evil"><script>`}
	d.Told.Scrapes.Last.By = Evil[1] + Evil[0]
	d.Told.Scrapes.Last.Path = Evil[3]
	d.Told.Preview = "# HELP x " + strings.Join(Evil, "\n")
	for i := range d.Told.Sources {
		d.Told.Sources[i].Problem = &status.Problem{Error: Evil[i], Since: Now, Command: Evil[i+1], Remedy: Evil[i]}
	}
	d.Told.Sources[5].Name, d.Told.Sources[6].Name = Evil[0], Evil[5]
	var evils []status.Series
	for _, evil := range Evil {
		d.Told.Refused = append(d.Told.Refused, status.Refusal{Origin: evil, Reason: evil, Count: 1, Last: Now})
		d.Told.Sample.Workspaces[evil] = 3
		d.Told.Sample.Agents[evil] = 3
		d.Told.Families = append(d.Told.Families, status.Family{Name: evil, Type: evil, Help: evil, Labels: []string{evil}, Group: evil, Series: 1})
		d.Of[evil] = slices.Values([]status.Series{{Labels: []string{evil}}})
		evils = append(evils, status.Series{Labels: []string{evil, evil, evil}, Value: math.NaN()})
	}
	d.Of["coderd_agents_up"] = slices.Values(evils)
	return d
}

// History is the hour before Now of the healthy deployment.
func History() *status.History {
	h := new(status.History)
	for age := time.Hour; age > 0; age -= status.SampleInterval {
		h.Record(Now.Add(-age), sample(age))
	}
	return h
}

// sample returns a past sample of the healthy deployment.
func sample(ago time.Duration) status.Sample {
	t := 60 - ago.Minutes()
	wave := func(period, height float64) float64 { return (1 + math.Sin(t*2*math.Pi/period)) / 2 * height }
	failing := 0.0
	if t > 40 && t < 46 {
		failing = 25 - 8*math.Abs(t-43)
	}
	built, lost := 2000.0, 0.0
	for minute := -60.0; minute < t; minute++ {
		share := min(t-minute, 1)
		built += math.Round(math.Abs(math.Sin(minute*minute*1.7)) * 4 * share)
		if math.Mod(minute+61, 23) == 0 {
			lost++
		}
	}
	s := status.Sample{
		Workspaces:  map[string]float64{"succeeded": 9946 - math.Round((60-t)*8), "running": 31 + math.Round(wave(13, 9)), "pending": 6, "failed": 27, "canceled": 9},
		Agents:      map[string]float64{"connected": 9870 - math.Round(max(failing, 0)), "disconnected": 12 + math.Round(max(failing, 0)), "timeout": 3},
		ActiveUsers: status.Number(math.Round(250 + 160*(1-math.Exp(-t/25)) + wave(9, 14))),
		SeatsTaken:  476,
		Seats:       500,
		JobsRunning: 5,
		Builds:      &status.Builds{Succeeded: built, Failed: lost},
	}
	// Requests come in waves; errors and slow ones in a burst.
	requests := 1e6 + 60*(t*41+40*(1-math.Cos(t/7)))
	burst := 1 / (1 + math.Exp(-(t-44)*1.2)) // share of the burst so far
	a := &status.APISample{
		Requests: requests, Errors: 2000 + (requests-1e6)*0.001 + burst*600,
		InFlight: math.Round(4 + wave(17, 5) + wave(3.1, 3)), Websockets: math.Round(290 + t/3 + wave(11, 8)),
		Bounds: []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10, 30},
	}
	slow := []float64{0, 0, 0.02, 0.15, 0.3, 0.4, 0.6, 0.85, 1, 1, 1, 1}
	drift := 900 * math.Sin(t/9)
	for i, share := range []float64{0.02, 0.2, 0.45, 0.76, 0.86, 0.945, 0.985, 0.995, 0.999, 1, 1, 1} {
		n := (requests-burst*4000)*share + burst*4000*slow[i]
		if i > 1 && i < 6 {
			n += drift * float64(6-i) / 4
		}
		a.Buckets = append(a.Buckets, n)
	}
	s.API = a
	return s
}

func agents(n int) iter.Seq[status.Series] {
	return func(yield func(status.Series) bool) {
		for i := range n {
			state, lifecycle := "connected", "ready"
			switch {
			case i%823 == 5 && i < 9500:
				state, lifecycle = "disconnected", "off"
			case i%3295 == 9:
				state, lifecycle = "timeout", "start_timeout"
			}
			if !yield(status.Series{Labels: []string{"main", lifecycle, state, fmt.Sprintf("nodeid:%016x", i*7919), name(i), fmt.Sprintf("workspace-%d", i)}, Value: 1}) {
				return
			}
		}
	}
}

func workspaces(n int) iter.Seq[status.Series] {
	return func(yield func(status.Series) bool) {
		for i := range n {
			if !yield(status.Series{Labels: []string{"docker", name(i), fmt.Sprintf("workspace-%d", i)}, Value: float64(i % 3)}) {
				return
			}
		}
	}
}

func name(i int) string {
	return []string{"ada", "ann", "grace", "linus", "barbara", "edsger"}[i%6] + fmt.Sprint(i/60)
}
