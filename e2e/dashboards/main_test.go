package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/instrument"
)

const root = "../.."

// TestFresh checks that the generated files in the tree are up to date, and that their
// folders have no other files.
func TestFresh(t *testing.T) {
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		if got, err := os.ReadFile(filepath.Join(root, path)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is stale: run make dashboards (%v)", path, err)
		}
	}
	for _, pattern := range []string{"examples/grafana/*.json", "examples/grafana/*/*", "helm/otelcoder/files/*/*.*", "helm/otelcoder/files/*/*/*"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			path, _ = filepath.Rel(root, path)
			if _, ok := files[path]; !ok {
				t.Errorf("%s is not generated: remove it", path)
			}
		}
	}
}

// dashboardJSON is the checked part of a dashboard in the format of Grafana.
type dashboardJSON struct {
	edition      instrument.Edition
	file         string // relative to examples/grafana
	UID, Refresh string
	Editable     bool
	Templating   struct {
		List []struct {
			Name, Type, Query, AllValue string
			Refresh                     int
			IncludeAll                  bool
		}
	}
	Annotations struct{ List []struct{ Name, Expr string } }
	Panels      []panelJSON
}

type panelJSON struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Datasource               struct{ UID string }
	Links                    []struct{ URL string }
	FieldConfig              struct {
		Defaults struct {
			Unit       string
			Thresholds struct{ Steps []struct{ Color string } }
			Color      struct{ Mode string }
		}
		Overrides []struct {
			Matcher    struct{ Options string }
			Properties []struct {
				ID    string
				Value json.RawMessage
			}
		}
	}
	Targets []struct {
		Expr       string
		Datasource struct{ UID string }
	}
}

// served returns the expected families of an edition.
func served(e instrument.Edition) e2e.Contract {
	if e == instrument.Coder {
		return e2e.ServedAsCoder()
	}
	return e2e.Served()
}

// shipped returns the dashboards of each edition, without the panels of type row.
func shipped(t *testing.T) []dashboardJSON {
	t.Helper()
	var all []dashboardJSON
	for e := range instrument.Editions() {
		for _, b := range boards(e) {
			text, err := b.json()
			if err != nil {
				t.Fatal(err)
			}
			d := dashboardJSON{edition: e, file: b.uid + ".json"}
			if _, err := os.Stat(filepath.Join(root, "examples/grafana", e.String(), d.file)); err == nil {
				d.file = e.String() + "/" + d.file
			}
			if err := json.Unmarshal(text, &d); err != nil {
				t.Fatal(err)
			}
			d.Panels = slices.DeleteFunc(d.Panels, func(p panelJSON) bool { return p.Type == "row" })
			all = append(all, d)
		}
	}
	return all
}

// TestOneFileIfEqual checks that the chart has a second file only for dashboards that differ
// in the edition Coder. For the others it uses the documented dashboard.
func TestOneFileIfEqual(t *testing.T) {
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	var second []string
	for path := range files {
		if name, ok := strings.CutPrefix(path, "helm/otelcoder/files/dashboards/coder/"); ok {
			second = append(second, name)
		}
	}
	slices.Sort(second)
	if want := []string{"coder-deployment.json", "coder-health.json"}; !slices.Equal(second, want) {
		t.Errorf("a second file have %q, want %q", second, want)
	}
}

// TestSchema checks each dashboard against Grafana's schema: it decodes strictly, without
// unknown fields, into the types of the builders.
func TestSchema(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	strictly := func(text []byte) string {
		var d dashboard.Dashboard //lint:ignore SA1019 as in board.go
		problem := ""
		for _, err := range []error{d.UnmarshalJSONStrict(text), d.Validate()} {
			if err != nil {
				problem += err.Error() // empty for an empty list of errors
			}
		}
		return problem
	}
	for _, b := range slices.Concat(boards(instrument.Documented), boards(instrument.Coder)) {
		text, err := b.json()
		if err != nil {
			t.Fatal(err)
		}
		if problem := strictly(text); problem != "" {
			t.Errorf("%s: %s", b.uid, problem)
		}
		for _, field := range []string{`"graphMode"`, `"gridPos"`, `"legendFormat"`, `"templating"`} {
			if strictly(bytes.Replace(text, []byte(field), []byte(`"nonsense"`), 1)) == "" {
				t.Errorf("%s: nonsense in place of %s is in the schema", b.uid, field)
			}
		}
	}
}

// variables fills in the built-in variables as Grafana does.
var variables = strings.NewReplacer("$__rate_interval", "5m", "$__interval", "5m", "$__range", "6h")

// TestLint checks the documented rules of Grafana's dashboard-linter, under the same names.
// It leaves out template-instance-rule and target-instance-rule, because the deployment's
// series have no label instance, so that they outlive their replica.
func TestLint(t *testing.T) {
	dashboardRules := map[string]func(dashboardJSON) bool{
		"uneditable-dashboard": func(d dashboardJSON) bool { return !d.Editable },
		"template-datasource-rule": func(d dashboardJSON) bool {
			v := d.Templating.List[0]
			return v.Name == "datasource" && v.Type == "datasource" && v.Query == "prometheus"
		},
		"template-job-rule": func(d dashboardJSON) bool {
			v := d.Templating.List[1]
			return v.Name == "job" && v.Type == "query" && v.IncludeAll && v.AllValue != ""
		},
		"template-label-promql-rule": func(d dashboardJSON) bool {
			return !slices.ContainsFunc(e2e.Variables(t, d.file, root), func(q e2e.Query) bool { return parse(q.Expr) != nil })
		},
		"template-on-time-change-reload-rule": func(d dashboardJSON) bool {
			for _, v := range d.Templating.List {
				if v.Type == "query" && v.Refresh != 2 {
					return false
				}
			}
			return true
		},
	}
	panelRules := map[string]func(panelJSON) bool{
		"panel-datasource-rule":        func(p panelJSON) bool { return p.Datasource.UID == "${datasource}" },
		"panel-title-description-rule": func(p panelJSON) bool { return p.Title != "" && p.Description != "" },
		"panel-units-rule":             func(p panelJSON) bool { return p.FieldConfig.Defaults.Unit != "" },
		"panel-no-targets-rule":        func(p panelJSON) bool { return len(p.Targets) > 0 },
	}
	targetRules := map[string]func(panelJSON, string) bool{
		"target-promql-rule": func(_ panelJSON, expr string) bool { return parse(expr) == nil },
		"target-job-rule": func(_ panelJSON, expr string) bool {
			return strings.Count(expr, `job=~"$job`) == strings.Count(expr, "{")
		},
		// Only rate is checked: bars show counts per interval, and some panels a fixed window.
		"target-rate-interval-rule": func(p panelJSON, expr string) bool {
			return !regexp.MustCompile(`\brate\([^[]*\[`).MatchString(expr) || strings.Contains(expr, "[$__rate_interval]")
		},
	}
	for _, d := range shipped(t) {
		for name, ok := range dashboardRules {
			if !ok(d) {
				t.Errorf("%s: %s", d.file, name)
			}
		}
		for _, p := range d.Panels {
			for name, ok := range panelRules {
				if !ok(p) {
					t.Errorf("%s, %s: %s", d.file, p.Title, name)
				}
			}
			for _, target := range p.Targets {
				for name, ok := range targetRules {
					if target.Datasource.UID != "${datasource}" || !ok(p, target.Expr) {
						t.Errorf("%s, %s: %s: %s", d.file, p.Title, name, target.Expr)
					}
				}
			}
		}
	}
}

func parse(expr string) error {
	_, err := parser.NewParser(parser.Options{}).ParseExpr(variables.Replace(expr))
	return err
}

// TestQueries checks the PromQL of panels and annotations against the catalogue: queries
// read only served families, use only labels that the families have, and suit their types
// and scopes.
func TestQueries(t *testing.T) {
	for _, d := range shipped(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				for _, problem := range misread(d.edition, target.Expr) {
					t.Errorf("%s, %s: %s", d.file, p.Title, problem)
				}
			}
		}
		for _, a := range d.Annotations.List {
			for _, problem := range misread(d.edition, a.Expr) {
				t.Errorf("%s, annotation %s: %s", d.file, a.Name, problem)
			}
		}
	}
}

func TestMisread(t *testing.T) {
	documented := map[string]string{
		`sum(coderd_nonsense{})`:                                                               "coderd_nonsense is not served",
		`max(coderd_agents_up{code="500"})`:                                                    "coderd_agents_up has no label code",
		`max by (code) (coderd_agents_up{})`:                                                   "no label code in max by (code) (coderd_agents_up)",
		`rate(coderd_api_workspace_latest_build_total{}[5m])`:                                  "rate of coderd_api_workspace_latest_build_total, which is a gauge",
		`sum(increase(coderd_agentstats_rx_bytes{}[5m]))`:                                      "increase of coderd_agentstats_rx_bytes, which is a gauge",
		`sum(coderd_agents_up{})`:                                                              "sum over replicas of coderd_agents_up, which each may report",
		`coderd_agents_up{} > 0`:                                                               "coderd_agents_up of each replica, which each may report",
		`sum(max by (username) (coderd_agents_up{}))`:                                          "",
		`sum(rate(coderd_api_request_latencies_seconds_bucket{}[5m]))`:                         "",
		`sum by (code, instance) (rate(coderd_api_requests_processed_total{code=~"5.."}[5m]))`: "",
		`sum by (action) (increase(coderd_workspace_builds_total{}[5m]))`:                      "",
	}
	coder := map[string]string{
		`max(coderd_api_workspace_latest_build_total{})`:                        "coderd_api_workspace_latest_build_total is not served",
		`max(coderd_api_workspace_latest_build{})`:                              "",
		`sum by (action) (increase(coderd_workspace_builds_total{}[5m]))`:       "no label action in sum by (action) (increase(coderd_workspace_builds_total[5m]))",
		`sum(increase(coderd_prebuilt_workspaces_created_total{}[5m]))`:         "sum over replicas of coderd_prebuilt_workspaces_created_total, which each may report",
		`sum by (type) (coderd_workspace_creation_duration_seconds_count{})`:    "",
		`max by (organization_name) (coderd_insights_templates_active_users{})`: "",
	}
	for e, of := range map[instrument.Edition]map[string]string{instrument.Documented: documented, instrument.Coder: coder} {
		for expr, want := range of {
			if got := strings.Join(misread(e, expr), "; "); got != want {
				t.Errorf("%s: %s: %q, want %q", e, expr, got, want)
			}
		}
	}
}

// targetLabels are the labels that a scrape adds, and the label of buckets.
var targetLabels = []string{"job", "instance", "pod", "le"}

// misread returns the problems of an expression in an edition.
func misread(e instrument.Edition, text string) (problems []string) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(variables.Replace(text))
	if err != nil {
		return []string{err.Error()}
	}
	served := served(e)
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok || selector.Name == "ALERTS" {
			return nil
		}
		f, ok := served[selector.Name]
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if base, cut := strings.CutSuffix(selector.Name, suffix); cut && !ok {
				f, ok = served[base]
			}
		}
		if !ok {
			problems = append(problems, selector.Name+" is not served")
			return nil
		}
		for _, m := range selector.LabelMatchers {
			if m.Name != model.MetricNameLabel && !slices.Contains(append(f.Labels, targetLabels...), m.Name) {
				problems = append(problems, fmt.Sprintf("%s has no label %s", f.Name, m.Name))
			}
		}
		merged := false
		for _, above := range slices.Backward(path) {
			switch above := above.(type) {
			case *parser.Call:
				if name := above.Func.Name; (name == "rate" || name == "increase") && f.Type == "gauge" && f.Name != "otelcoder_reporter" {
					problems = append(problems, fmt.Sprintf("%s of %s, which is a gauge", name, f.Name))
					merged = true
				}
			case *parser.AggregateExpr:
				if f.Scope == "deployment" && !merged && above.Op == parser.SUM {
					problems = append(problems, fmt.Sprintf("sum over replicas of %s, which each may report", f.Name))
				}
				merged = true
			}
		}
		if f.Scope == "deployment" && !merged {
			problems = append(problems, fmt.Sprintf("%s of each replica, which each may report", f.Name))
		}
		return nil
	})
	// A grouping may use a label of any aggregated family.
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		aggregation, ok := node.(*parser.AggregateExpr)
		if !ok {
			return nil
		}
		has := slices.Clone(targetLabels)
		for _, selector := range parser.ExtractSelectors(aggregation) {
			for _, m := range selector {
				if m.Name != model.MetricNameLabel {
					continue
				}
				for _, f := range read(m.Value + "{}") {
					has = append(has, e.Info(f).Labels...)
				}
				if m.Value == "ALERTS" {
					has = append(has, aggregation.Grouping...)
				}
			}
		}
		for _, label := range aggregation.Grouping {
			if !slices.Contains(has, label) {
				problems = append(problems, fmt.Sprintf("no label %s in %s", label, aggregation))
			}
		}
		return nil
	})
	return problems
}

// TestEveryFamilyIsShown checks that each family of an edition has a panel, including
// otelcoder's health families but not those of the Go runtime.
func TestEveryFamilyIsShown(t *testing.T) {
	shown := make(map[instrument.Edition]map[string]bool)
	for _, d := range shipped(t) {
		if shown[d.edition] == nil {
			// The dashboard of health shows this time as the age of the source's data.
			shown[d.edition] = map[string]bool{"coderd_prebuilt_workspaces_metrics_last_updated": true}
		}
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				for _, f := range read(target.Expr) {
					shown[d.edition][d.edition.Name(f)] = true
				}
			}
		}
	}
	for e := range instrument.Editions() {
		for name, f := range served(e) {
			if f.Origin != "runtime" && !shown[e][name] {
				t.Errorf("%s: no panel shows %s", e, name)
			}
		}
	}
}

// TestData checks that each query of a panel returns samples if the families that it reads
// have series.
func TestData(t *testing.T) {
	for _, d := range shipped(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				if strings.Contains(target.Expr, "ALERTS{") || strings.Contains(target.Expr, "max(otelcoder_reporter{") {
					continue // empty while no alert fires and a replica reports
				}
				families := append(read(target.Expr), instrument.HealthBuildInfo)
				slices.Sort(families)
				load := "load 30s\n"
				for _, f := range slices.Compact(families) {
					load += series(served(d.edition)[d.edition.Name(f)])
				}
				if steps(t, load, target.Expr, 25*time.Minute) == 0 {
					t.Errorf("%s, %s is empty: %s", d.file, p.Title, target.Expr)
				}
			}
		}
	}
}

// series returns series of a family in the notation of Prometheus's tests, with all label
// values that queries match.
func series(f e2e.Family) (load string) {
	sets := []string{`job="otelcoder",instance="a"`}
	for _, label := range f.Labels {
		values := map[string][]string{
			"status":               {"succeeded", "failed", "pending", "connected", "disconnected"},
			"workspace_transition": {"start", "START"},
			"code":                 {"200", "500"},
			"health":               {"healthy", "unhealthy"},
			"preferred":            {"true"},
		}[label]
		if values == nil {
			values = []string{"x"}
		}
		var longer []string
		for _, set := range sets {
			for _, value := range values {
				longer = append(longer, fmt.Sprintf("%s,%s=%q", set, label, value))
			}
		}
		sets = longer
	}
	for _, set := range sets {
		switch {
		case f.Type == "histogram" || f.Type == "summary":
			for _, bound := range f.Buckets {
				load += fmt.Sprintf("  %s_bucket{%s,le=\"%g\"} 0+1x120\n", f.Name, set, bound)
			}
			load += fmt.Sprintf("  %[1]s_bucket{%[2]s,le=\"+Inf\"} 0+1x120\n  %[1]s_count{%[2]s} 0+1x120\n  %[1]s_sum{%[2]s} 0+1x120\n", f.Name, set)
		case f.Type == "counter":
			load += fmt.Sprintf("  %s{%s} 0+1x120\n", f.Name, set)
		case f.Name == "coderd_prebuilt_workspaces_desired":
			load += fmt.Sprintf("  %s{%s} 2x120\n", f.Name, set)
		default:
			load += fmt.Sprintf("  %s{%s} 1x120\n", f.Name, set)
		}
	}
	return load
}

func TestImportOnly(t *testing.T) {
	var got []string
	for f := range instrument.Documented.All() {
		if importOnly(f) {
			got = append(got, f.String())
		}
	}
	want := []string{
		"coderd_api_concurrent_requests", "coderd_api_concurrent_websockets", "coderd_api_request_latencies_seconds",
		"coderd_api_requests_processed_total", "coderd_api_websocket_durations_seconds",
		"coderd_oauth2_external_requests_rate_limit_next_reset_unix", "coderd_oauth2_external_requests_rate_limit_remaining",
		"coderd_oauth2_external_requests_rate_limit_reset_in_seconds", "coderd_oauth2_external_requests_rate_limit_total",
		"coderd_oauth2_external_requests_rate_limit_used", "coderd_oauth2_external_requests_total",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestPanels checks that panels do not overlap, and that each has a link to an existing page
// and a description whose last paragraph states whether the panel needs the import. Stats
// and bar gauges must have thresholds or one neutral colour.
func TestPanels(t *testing.T) {
	for _, d := range shipped(t) {
		if d.Panels[0].Title != "Alerts" {
			t.Errorf("%s does not begin with what is wrong now", d.file)
		}
		taken, ids := make(map[[2]int]string), make(map[int]string)
		for _, p := range d.Panels {
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
					if at[0] >= 24 || taken[at] != "" {
						t.Errorf("%s: %s and %s overlap, or it does not fit", d.file, p.Title, taken[at])
					}
					taken[at] = p.Title
				}
			}
			if other, ok := ids[p.ID]; ok {
				t.Errorf("%s: %s and %s have the ID %d", d.file, p.Title, other, p.ID)
			}
			ids[p.ID] = p.Title
			paragraphs := strings.Split(p.Description, "\n\n")
			if len(paragraphs) != 3 || !strings.Contains(paragraphs[2], "import") {
				t.Errorf("%s: %s says %q", d.file, p.Title, p.Description)
			}
			if len(p.Links) != 1 {
				t.Fatalf("%s: %s has %d links", d.file, p.Title, len(p.Links))
			}
			path, ok := strings.CutPrefix(p.Links[0].URL, pages)
			if _, err := os.Stat(filepath.Join(root, path)); err != nil || !ok {
				t.Errorf("%s: %s links to %s: %v", d.file, p.Title, p.Links[0].URL, err)
			}
			steps, mode := p.FieldConfig.Defaults.Thresholds.Steps, p.FieldConfig.Defaults.Color.Mode
			counts := len(steps) == 2 && steps[0].Color == green && steps[1].Color == blue
			if (p.Type == "stat" || p.Type == "bargauge") && (mode == "thresholds") != (len(steps) == 3 || counts) {
				t.Errorf("%s: %s has the colours %s with %d thresholds", d.file, p.Title, mode, len(steps))
			}
		}
	}
}

// TestGreen checks that every panel of the first row that shows a number is green at 0 or,
// where less is worse, at 1, and not green when something is wrong.
func TestGreen(t *testing.T) {
	for _, q := range e2e.Queries(t, root) {
		if !q.First || q.Panel == "Firing alerts" {
			continue
		}
		if q.Colour(0) == q.Colour(1e6) || q.Colour(0) != green && q.Colour(1) != green && q.Panel != "Who reports" {
			t.Errorf("%s, %s: 0 is %q, 1 is %q, a million is %q", q.Dashboard, q.Panel, q.Colour(0), q.Colour(1), q.Colour(1e6))
		}
	}
}

// TestOtherPrograms checks that queries of common metrics, such as go_goroutines, return only
// programs of the deployment, even if "All" jobs are selected.
func TestOtherPrograms(t *testing.T) {
	const series = "load 30s\n" +
		"  %s{job=\"node\",instance=\"n\",code=\"200\"} 0+1x120\n" +
		"  otelcoder_build_info{job=\"otelcoder\",instance=\"a\"} 1x120\n"
	everyProgram := regexp.MustCompile(`\b(process|go|promhttp)_\w+`)
	read := 0
	for _, d := range shipped(t) {
		expressions := make(map[string]string)
		for _, p := range d.Panels {
			for i, target := range p.Targets {
				expressions[fmt.Sprint(p.Title, i)] = target.Expr
			}
		}
		for _, a := range d.Annotations.List {
			expressions[a.Name] = a.Expr
		}
		for title, expr := range expressions {
			name := everyProgram.FindString(expr)
			if name == "" {
				continue
			}
			read++
			if found := steps(t, fmt.Sprintf(series, name), expr, 0); found > 0 {
				t.Errorf("%s, %s: shows another program: %s", d.file, title, expr)
			}
		}
	}
	if read < 8 {
		t.Errorf("only %d expressions read metrics of every program", read)
	}
}

// TestAnnotations checks that each takeover and each failed build is annotated, with scrapes
// every 30 seconds and every minute, at any offset between scrapes and steps.
func TestAnnotations(t *testing.T) {
	series := map[string]string{
		"Takeovers":     `otelcoder_reporter{job="otelcoder",instance="a"} `,
		"Failed builds": `coderd_workspace_builds_total{job="otelcoder",status="failed",template_name="gpu"} `,
	}
	for _, d := range shipped(t) {
		for _, a := range d.Annotations.List {
			for _, interval := range []string{"30s", "60s"} {
				for before := range 4 {
					for offset := range time.Minute / (15 * time.Second) {
						load := fmt.Sprintf("load %s\n  %s 0x%d 1x40\n", interval, series[a.Name], 10+before)
						if series[a.Name] != "" && steps(t, load, a.Expr, offset*15*time.Second) == 0 {
							t.Errorf("%s, %s is missing at scrapes every %s, the event after %d, offset %v", d.file, a.Name, interval, 10+before, offset*15*time.Second)
						}
					}
				}
			}
		}
	}
}

// steps returns the number of samples of an expression in the first half hour, at steps of a
// minute from start.
func steps(t *testing.T, load, expr string, start time.Duration) (n int) {
	t.Helper()
	series, err := promqltest.NewLazyLoader(load, promqltest.LazyLoaderOpts{})
	if err != nil {
		t.Fatal(err)
	}
	defer series.Close()
	epoch := time.Unix(0, 0).UTC()
	series.WithSamplesTill(epoch.Add(30*time.Minute), func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	})
	text := strings.NewReplacer("$job", ".*", "$template", ".*", "$user", ".*", "$workspace", ".*").Replace(variables.Replace(expr))
	query, err := series.QueryEngine().NewRangeQuery(series.Context(), series.Queryable(), nil, text, epoch.Add(start), epoch.Add(30*time.Minute), time.Minute)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer query.Close()
	matrix, err := query.Exec(series.Context()).Matrix()
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for _, s := range matrix {
		n += len(s.Floats)
	}
	return n
}

// TestStates checks that a state has the same colour on every graph, and that at most one
// override matches its legend.
func TestStates(t *testing.T) {
	want := map[string]string{
		"succeeded": "green", "START success": "green", "connected": "green", "ready": "green", "healthy": "green", "200": "green", "github 200": "green", "docker success=true": "green",
		"pending": "orange", "connecting": "orange", "starting": "orange", "initializing": "orange", "created": "orange", "404": "orange",
		"failed": "red", "STOP failed": "red", "disconnected": "red", "timeout": "red", "start_error": "red", "start_timeout": "red", "shutdown_timeout": "red",
		"unhealthy": "red", "503": "red", "github 0": "red", "p95 terraform failed": "red", "docker success=false": "red",
		"canceled": "#808080", "off": "#808080", "disabled": "#808080", "unknown": "#808080", "101": "#808080",
		"p50": "", "docker": "", "received": "",
	}
	for _, d := range shipped(t) {
		for _, p := range d.Panels {
			if p.Type != "timeseries" {
				continue
			}
			for legend, colour := range want {
				got := ""
				for _, o := range p.FieldConfig.Overrides {
					if regexp.MustCompile(strings.Trim(o.Matcher.Options, "/")).MatchString(legend) {
						var value struct{ FixedColor string }
						if err := json.Unmarshal(o.Properties[0].Value, &value); err != nil {
							t.Fatal(err)
						}
						got += value.FixedColor
					}
				}
				if got != colour {
					t.Errorf("%s: %s: %s is %q, want %q", d.file, p.Title, legend, got, colour)
				}
			}
		}
	}
}
