package rules_test

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/process"
	"github.com/otelcoder/otelcoder/e2e/rules"
)

func root(t *testing.T) string {
	t.Helper()
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// find returns the shipped files that match a pattern, and fails the test if there are none.
func find(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root(t), "examples/prometheus", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no file matches %s (%v)", pattern, err)
	}
	return paths
}

// groups reads all shipped rules as Prometheus does.
func groups(t *testing.T) []rulefmt.RuleGroup {
	t.Helper()
	var all []rulefmt.RuleGroup
	for _, path := range find(t, "rules/*.yaml") {
		g, errs := rulefmt.ParseFile(path, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
		for _, err := range errs {
			t.Error(err)
		}
		if g != nil {
			all = append(all, g.Groups...)
		}
	}
	return all
}

// ofCoder translates a series of the shipped tests to the edition Coder.
var ofCoder = strings.NewReplacer(
	"coderd_api_workspace_latest_build_total{", "coderd_api_workspace_latest_build{",
	"coderd_agents_up{", `coderd_agents_up{template_version="v1",`,
	`action="`, `workspace_transition="`,
	`owner_email="ada@example.com"`, `workspace_owner="ada"`,
	`owner_email="bela@example.com"`, `workspace_owner="bela"`,
)

// TestUnitTests checks that the shipped rules pass their shipped tests. Tests with series
// or labels that differ in the edition Coder must pass in that edition, too.
func TestUnitTests(t *testing.T) {
	for _, path := range find(t, "tests/*.yaml") {
		t.Run("documented/"+filepath.Base(path), rules.Read(t, path).Run)
		f := rules.Read(t, path)
		f.Tests = slices.DeleteFunc(f.Tests, func(test rules.Test) bool {
			same := true
			for i, s := range test.Series {
				test.Series[i].Series = ofCoder.Replace(s.Series)
				same = same && test.Series[i].Series == s.Series
				checkServed(t, e2e.ServedAsCoder(), test.Series[i].Series)
			}
			return same
		})
		t.Run("coder/"+filepath.Base(path), f.Run)
	}
}

// checkServed checks that the contract has a family with the name and labels of a series.
func checkServed(t *testing.T, served e2e.Contract, series string) {
	t.Helper()
	metric, err := parser.NewParser(parser.Options{}).ParseMetric(series)
	if err != nil {
		t.Fatal(err)
	}
	name := metric.Get(model.MetricNameLabel)
	f, ok := served[name]
	for _, suffix := range []string{"_bucket", "_count", "_sum"} {
		if base, cut := strings.CutSuffix(name, suffix); cut && !ok {
			f, ok = served[base]
		}
	}
	if name == "up" {
		return // added by Prometheus
	}
	metric.Range(func(l labels.Label) {
		if !ok || !slices.Contains(append(scraped, f.Labels...), l.Name) {
			t.Errorf("%s: no such family, or it has no label %s", series, l.Name)
		}
	})
}

// TestEveryAlertIsTested checks that each alert has a test in which it fires and one in
// which it does not.
func TestEveryAlertIsTested(t *testing.T) {
	fires, rests := make(map[string]bool), make(map[string]bool)
	for _, path := range find(t, "tests/*.yaml") {
		for _, test := range rules.Read(t, path).Tests {
			for _, a := range test.Alerts {
				if len(a.Expected) > 0 {
					fires[a.Name] = true
				} else {
					rests[a.Name] = true
				}
			}
		}
	}
	for _, g := range groups(t) {
		for _, rule := range g.Rules {
			if rule.Alert != "" && !(fires[rule.Alert] && rests[rule.Alert]) {
				t.Errorf("%s: got a test that fires %t, one that does not %t, want both", rule.Alert, fires[rule.Alert], rests[rule.Alert])
			}
		}
	}
}

// threshold matches the adjustable number of an expression.
var threshold = regexp.MustCompile(`([0-9.]+) # threshold`)

// TestRunbooks checks that each alert links to a page with its name, severity, threshold
// and all sections in order, and that each page belongs to an alert.
func TestRunbooks(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root(t), "docs/runbooks/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	left := make(map[string]bool)
	for _, page := range pages {
		left[filepath.Base(page)] = true
	}
	delete(left, "README.md")
	for _, g := range groups(t) {
		for _, rule := range g.Rules {
			if rule.Alert == "" {
				continue
			}
			name := rule.Alert + ".md"
			if !strings.HasSuffix(rule.Annotations["runbook_url"], "/docs/runbooks/"+name) {
				t.Errorf("%s: got the runbook %q, want %s", rule.Alert, rule.Annotations["runbook_url"], name)
			}
			page, err := os.ReadFile(filepath.Join(root(t), "docs/runbooks", name))
			if err != nil {
				t.Error(err)
				continue
			}
			head := "# " + rule.Alert + "\n\nSeverity: " + rule.Labels["severity"] + ". "
			if m := threshold.FindStringSubmatch(rule.Expr); m != nil {
				head += "Threshold: " + m[1] + ". "
			}
			text := string(page)
			if !strings.HasPrefix(text, head) || strings.Contains(head, "Threshold") != strings.Contains(text, "Threshold: ") {
				t.Errorf("%s does not begin with %q", name, head)
			}
			for _, want := range []string{"## What users feel\n", "## How to see it\n", "```promql\n", "On the status page: ", "## Likely causes\n", "1. **", "2. **", "3. **", "## Remedy\n", "## Who to ask\n"} {
				_, after, ok := strings.Cut(text, want)
				if !ok {
					t.Errorf("%s: %q is missing or out of order", name, want)
				}
				text = after
			}
			delete(left, name)
		}
	}
	for page := range left {
		t.Errorf("docs/runbooks/%s belongs to no alert", page)
	}
}

// scraped are the labels that a scrape may add, and the label of buckets.
var scraped = []string{model.MetricNameLabel, "job", "instance", "pod", "node", "namespace", "le"}

// TestFamilies checks that the expressions of rules, runbooks and pages read only recorded
// series and families of an edition, and use only labels that the families have in one.
func TestFamilies(t *testing.T) {
	// The labels by name. They are nil, which allows any, for Prometheus's own and recorded
	// series and for selectors of several names.
	known := map[string][]string{"up": nil, "ALERTS": nil, "ALERTS_FOR_STATE": nil, "": nil}
	for _, served := range []e2e.Contract{e2e.Served(), e2e.ServedAsCoder()} {
		for name, f := range served {
			known[name] = slices.Concat(known[name], f.Labels, scraped)
			if f.Type == "histogram" {
				known[name+"_bucket"], known[name+"_sum"], known[name+"_count"] = known[name], known[name], known[name]
			}
		}
	}
	expressions := rules.Pages(t, root(t))
	for _, g := range groups(t) {
		for _, rule := range g.Rules {
			known[rule.Record] = nil
			expressions[rule.Record+rule.Alert] = rule.Expr
		}
	}
	for where, text := range expressions {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		for _, selector := range parser.ExtractSelectors(expr) {
			name := nameOf(selector)
			has, ok := known[name]
			if !ok {
				t.Errorf("%s reads %s, which is neither served nor recorded", where, name)
			}
			for _, m := range selector {
				if has != nil && !slices.Contains(has, m.Name) {
					t.Errorf("%s: %s has no label %s", where, name, m.Name)
				}
			}
		}
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			aggregation, ok := node.(*parser.AggregateExpr)
			if !ok {
				return nil
			}
			var has []string
			for _, selector := range parser.ExtractSelectors(aggregation) {
				labels := known[nameOf(selector)]
				if labels == nil {
					return nil
				}
				has = append(has, labels...)
			}
			for _, label := range aggregation.Grouping {
				if !slices.Contains(has, label) {
					t.Errorf("%s: no family has %s in %s", where, label, aggregation)
				}
			}
			return nil
		})
	}
}

// nameOf returns the metric name of a selector. It is empty if several names match.
func nameOf(selector []*labels.Matcher) string {
	for _, m := range selector {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			return m.Value
		}
	}
	return ""
}

// TestConfigurations checks that Prometheus loads each shipped configuration, that its rule
// files exist, and that it has the expected jobs.
func TestConfigurations(t *testing.T) {
	want := map[string][]string{
		"embed":   {"coder /metrics"},
		"service": {"otelcoder /metrics/replica", "otelcoder-deployment /metrics/deployment", "coder /metrics"},
		"large": {"otelcoder /metrics/replica", "otelcoder-deployment /metrics/deployment", "otelcoder-agents /metrics/deployment",
			"otelcoder-latencies /metrics/deployment", "otelcoder-agentstats /metrics/deployment"},
	}
	for _, path := range find(t, "*/prometheus.yml") {
		c, err := config.LoadFile(path, false, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, pattern := range c.RuleFiles {
			if found, _ := filepath.Glob(pattern); len(found) == 0 {
				t.Errorf("%s: no rule file matches %s", path, pattern)
			}
		}
		var jobs []string
		for _, s := range c.ScrapeConfigs {
			jobs = append(jobs, s.JobName+" "+s.MetricsPath)
		}
		if name := filepath.Base(filepath.Dir(path)); !slices.Equal(jobs, want[name]) {
			t.Errorf("%s: got the jobs %q, want %q", path, jobs, want[name])
		}
	}
}

// TestSplitJobs checks that the jobs for a large deployment name each of the deployment's
// families, of both editions, exactly once.
func TestSplitJobs(t *testing.T) {
	c, err := config.LoadFile(find(t, "large/prometheus.yml")[0], false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, s := range c.ScrapeConfigs {
		named = append(named, s.Params["name[]"]...)
	}
	slices.Sort(named)
	all := e2e.Documented()
	maps.Copy(all, e2e.Coder())
	if want := slices.Sorted(maps.Keys(all.OfScope("deployment"))); !slices.Equal(named, want) {
		t.Errorf("got the names\n%q, want\n%q", named, want)
	}
}

// TestRelabelling checks that the shipped job of Coder's own endpoint has the relabelling
// of docs/service.md.
func TestRelabelling(t *testing.T) {
	read := func(path string) string {
		text, err := os.ReadFile(filepath.Join(root(t), path))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(string(text)), " ")
	}
	of := regexp.MustCompile(`metric_relabel_configs: (- source_labels: \[__name__\] action: drop regex: "[^"]*coderd_workspace_builds_total")`)
	page, shipped := of.FindString(read("docs/service.md")), of.FindString(read("examples/prometheus/service/prometheus.yml"))
	if page == "" || page != shipped {
		t.Errorf("the page has\n%s\nthe shipped configuration\n%s", page, shipped)
	}
}
