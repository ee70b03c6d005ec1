package e2e_test

import (
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/rules"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/process"
	"github.com/otelcoder/otelcoder/e2e/prometheus"
	alerts "github.com/otelcoder/otelcoder/e2e/rules"
)

// variables fills in the variables of a dashboard as Grafana does when all values are
// selected. It selects three jobs, so that a query that can read only one does not pass.
var variables = strings.NewReplacer(
	"$job", "(coder|otelcoder|otelcoder-deployment)",
	"$template", "(aws-linux|docker|gpu|kubernetes)",
	"$user", ".*", "$workspace", ".*",
	"$__interval", "1m",
	"$__rate_interval", "1m",
	"$__range", "5m",
)

// TestShipped lets a real Prometheus scrape the example with its shipped
// configuration. It checks that every rule is evaluated without an error, that every
// recording rule but that of a failed database records a series, that no alert fires,
// and that every query of a dashboard returns a number. It leaves out the queries that
// return something only when a part has failed; TestWrong checks those.
func TestShipped(t *testing.T) {
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	endpoint, err := url.Parse(program.Start(t).Metrics)
	if err != nil {
		t.Fatal(err)
	}
	p := prometheus.StartFile(t, filepath.Join(root, "examples/prometheus/embed/prometheus.yml"), map[string]string{"coder:2112": endpoint.Host})
	p.WaitScraped(t, 2)

	queries := e2e.Queries(t, root)
	var empty []string
	for deadline := time.Now().Add(90 * time.Second); ; time.Sleep(time.Second) {
		if empty = unanswered(t, p, queries); len(empty) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("empty after 90 s:\n%s", strings.Join(empty, "\n"))
			break
		}
	}

	for _, rule := range p.Rules(t) {
		if err := rule.LastError(); err != nil {
			t.Errorf("rule %s: %v", rule.Name(), err)
		}
		if rule.Health() != rules.HealthGood {
			t.Errorf("rule %s: got health %s, want %s", rule.Name(), rule.Health(), rules.HealthGood)
		}
		switch rule := rule.(type) {
		case *rules.RecordingRule:
			down := rule.Name() == "deployment:otelcoder_database_down:seconds"
			if recorded := p.Query(t, rule.Name()+`{apps=""}`); (len(recorded) == 0) != down {
				t.Errorf("rule %s records %v, want no series: %t", rule.Name(), recorded, down)
			}
		case *rules.AlertingRule:
			if rule.State() == rules.StateFiring {
				t.Errorf("alert %s fires", rule.Name())
			}
		}
	}
	for where, expression := range alerts.Pages(t, root) {
		if err := p.Try(expression); err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}
	p.CheckHealthy(t)
}

// unanswered returns the queries that return no number.
func unanswered(t *testing.T, p *prometheus.Prometheus, queries []e2e.Query) []string {
	t.Helper()
	var empty []string
	for _, q := range queries {
		if strings.Contains(q.Expr, "sum by (alertname") || strings.Contains(q.Expr, "max(otelcoder_reporter{") {
			continue // empty while no alert fires and a replica reports
		}
		expression := variables.Replace(q.Expr)
		if strings.Contains(expression, "$") {
			t.Fatalf("%s, %s: unknown variable in %s", q.Dashboard, q.Panel, expression)
		}
		var found bool
		if q.Instant {
			for _, s := range p.Query(t, expression) {
				found = found || !math.IsNaN(s.F)
			}
		} else {
			for _, s := range p.QueryRange(t, expression, time.Minute, 5*time.Second) {
				for _, point := range s.Floats {
					found = found || !math.IsNaN(point.F)
				}
			}
		}
		if !found {
			empty = append(empty, fmt.Sprintf("%s, %s: %s", q.Dashboard, q.Panel, expression))
		}
	}
	return empty
}
