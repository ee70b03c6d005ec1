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

// variables are filled in as Grafana does for a dashboard in which everything is
// chosen: of three jobs in one, so that a query cannot be right by luck.
var variables = strings.NewReplacer(
	"$job", "(coder|otelcoder|otelcoder-deployment)",
	"$template", "(aws-linux|docker|gpu|kubernetes)",
	"$user", ".*", "$workspace", ".*",
	"$__interval", "1m",
	"$__rate_interval", "1m",
	"$__range", "5m",
)

// TestShipped lets a real Prometheus scrape the example with the configuration
// that is shipped for it. Each rule is evaluated without an error, each recording
// rule records something, no alert fires; and each query of each panel of each
// dashboard finds something, but for those that show what is wrong: TestWrong has
// them find it.
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
			t.Errorf("rule %s is %s", rule.Name(), rule.Health())
		}
		switch rule := rule.(type) {
		case *rules.RecordingRule:
			down := rule.Name() == "deployment:otelcoder_database_down:seconds"
			if recorded := p.Query(t, rule.Name()+`{apps=""}`); (len(recorded) == 0) != down {
				t.Errorf("rule %s records %v", rule.Name(), recorded)
			}
		case *rules.AlertingRule:
			if rule.State() == rules.StateFiring {
				t.Errorf("%s fires", rule.Name())
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

// unanswered returns the queries that find no number.
func unanswered(t *testing.T, p *prometheus.Prometheus, queries []e2e.Query) []string {
	t.Helper()
	var empty []string
	for _, q := range queries {
		if strings.Contains(q.Expr, "sum by (alertname") || strings.Contains(q.Expr, "max(otelcoder_reporter{") {
			continue // of alerts that fire, and when nobody reports
		}
		expression := variables.Replace(q.Expr)
		if strings.Contains(expression, "$") {
			t.Fatalf("%s, %s: a variable is not filled in: %s", q.Dashboard, q.Panel, expression)
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
