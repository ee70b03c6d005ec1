// Package rules runs the unit tests of Prometheus rules as "promtool test rules"
// does, with Prometheus's own packages. promtool takes minutes to build; make
// check-rules runs it.
package rules

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"go.yaml.in/yaml/v2"
)

// File is a file of unit tests. It has the used part of promtool's format.
type File struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	Order              []string       `yaml:"group_eval_order"`
	Tests              []Test         `yaml:"tests"`
}

// Test is a unit test: input series, and the expected alerts and values.
type Test struct {
	Name        string         `yaml:"name"`
	Interval    model.Duration `yaml:"interval"`
	Series      []Series       `yaml:"input_series"`
	Alerts      []Alert        `yaml:"alert_rule_test"`
	Expressions []Expression   `yaml:"promql_expr_test"`
}

// Series is one series, in promtool's notation.
type Series struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

// Alert lists the expected firing alerts with a name at a time.
type Alert struct {
	Time     model.Duration `yaml:"eval_time"`
	Name     string         `yaml:"alertname"`
	Expected []Firing       `yaml:"exp_alerts"`
}

// Firing is a firing alert.
type Firing struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

// Expression is the expected result of an expression at a time.
type Expression struct {
	Expr     string         `yaml:"expr"`
	Time     model.Duration `yaml:"eval_time"`
	Expected []Sample       `yaml:"exp_samples"`
}

// Sample is a series, in promtool's notation, and its value.
type Sample struct {
	Labels string  `yaml:"labels"`
	Value  float64 `yaml:"value"`
}

// Read reads a file of tests, and resolves the names of its rule files.
func Read(t testing.TB, path string) File {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f File
	if err := yaml.UnmarshalStrict(text, &f); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var found []string
	for _, pattern := range f.RuleFiles {
		paths, err := filepath.Glob(filepath.Join(filepath.Dir(path), pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: no file matches %s (%v)", path, pattern, err)
		}
		found = append(found, paths...)
	}
	f.RuleFiles = found
	return f
}

// Run runs the tests, each as a subtest.
func (f File) Run(t *testing.T) {
	for _, test := range f.Tests {
		t.Run(test.Name, func(t *testing.T) { f.run(t, test) })
	}
}

func (f File) run(t *testing.T, test Test) {
	series, err := promqltest.NewLazyLoader(test.load(), promqltest.LazyLoaderOpts{EnableAtModifier: true})
	if err != nil {
		t.Fatal(err)
	}
	defer series.Close()
	interval := time.Duration(f.EvaluationInterval)
	series.SubqueryInterval = interval
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc:  rules.EngineQueryFunc(series.QueryEngine(), series.Storage()),
		Appendable: series.Storage(),
		Context:    t.Context(),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
		Logger:     promslog.NewNopLogger(),
		Parser:     parser.NewParser(parser.Options{}),
	})
	loaded, errs := manager.LoadGroups(time.Duration(test.Interval), labels.EmptyLabels(), "", nil, false, f.RuleFiles...)
	if errs != nil {
		t.Fatal(errs)
	}
	groups := slices.SortedFunc(maps.Values(loaded), func(a, b *rules.Group) int {
		return slices.Index(f.Order, a.Name()) - slices.Index(f.Order, b.Name())
	})
	for _, g := range groups {
		for _, rule := range g.AlertingRules() {
			rule.SetRestored(true) // otherwise it has no ALERTS series
		}
	}
	start := time.Unix(0, 0).UTC()
	for at := start; !at.After(start.Add(test.end())); at = at.Add(interval) {
		series.WithSamplesTill(at, func(err error) {
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range groups {
				g.Eval(series.Context(), at)
				for _, rule := range g.Rules() {
					if err := rule.LastError(); err != nil {
						t.Fatalf("%s at %v: %v", rule.Name(), at, err)
					}
				}
			}
		})
		for _, a := range test.Alerts {
			if time.Duration(a.Time) == at.Sub(start) {
				a.check(t, groups)
			}
		}
	}
	for _, e := range test.Expressions {
		e.check(t, series, start)
	}
}

// load returns the series in the notation of Prometheus's own tests.
func (test Test) load() string {
	var b strings.Builder
	fmt.Fprintf(&b, "load %s\n", test.Interval)
	for _, s := range test.Series {
		fmt.Fprintf(&b, "  %s %s\n", s.Series, s.Values)
	}
	return b.String()
}

// end returns the time of the last check.
func (test Test) end() (end time.Duration) {
	for _, a := range test.Alerts {
		end = max(end, time.Duration(a.Time))
	}
	for _, e := range test.Expressions {
		end = max(end, time.Duration(e.Time))
	}
	return end
}

func (a Alert) check(t *testing.T, groups []*rules.Group) {
	t.Helper()
	var got, want []string
	known := false
	for _, g := range groups {
		for _, rule := range g.AlertingRules() {
			if rule.Name() != a.Name {
				continue
			}
			known = true
			for _, active := range rule.ActiveAlerts() {
				if active.State == rules.StateFiring {
					got = append(got, fmt.Sprint(active.Labels, "\n  ", active.Annotations))
				}
			}
		}
	}
	if !known {
		t.Fatalf("no rule has the alert %s", a.Name)
	}
	for _, e := range a.Expected {
		all := maps.Clone(e.Labels)
		all[labels.AlertName] = a.Name
		want = append(want, fmt.Sprint(labels.FromMap(all), "\n  ", labels.FromMap(e.Annotations)))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s at %v: got firing\n%s\nwant\n%s", a.Name, a.Time, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (e Expression) check(t *testing.T, series *promqltest.LazyLoader, start time.Time) {
	t.Helper()
	query, err := series.QueryEngine().NewInstantQuery(series.Context(), series.Queryable(), nil, e.Expr, start.Add(time.Duration(e.Time)))
	if err != nil {
		t.Fatalf("%s: %v", e.Expr, err)
	}
	defer query.Close()
	vector, err := query.Exec(series.Context()).Vector()
	if err != nil {
		t.Fatalf("%s: %v", e.Expr, err)
	}
	var got, want []string
	for _, s := range vector {
		got = append(got, fmt.Sprint(s.Metric, " ", s.F))
	}
	for _, s := range e.Expected {
		set, err := parser.NewParser(parser.Options{}).ParseMetric(s.Labels)
		if err != nil {
			t.Fatalf("%s: %v", s.Labels, err)
		}
		want = append(want, fmt.Sprint(set, " ", s.Value))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s at %v: got\n%s\nwant\n%s", e.Expr, e.Time, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
