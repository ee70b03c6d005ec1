package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Query is a query of a dashboard's panel.
type Query struct {
	Dashboard, Panel string
	Expr             string // with variables such as $job
	Instant          bool   // evaluated once, not over the range of the dashboard
	First            bool   // in the dashboard's first row
	Steps            []Step // thresholds of the panel's colours, if any
}

// Step is the colour of a panel for values from Value up. Value is nil in the base step.
type Step struct {
	Color string
	Value *float64
}

// Colour returns the colour of a value. It is empty without thresholds.
func (q Query) Colour(value float64) (colour string) {
	for _, s := range q.Steps {
		if s.Value == nil || value >= *s.Value {
			colour = s.Color
		}
	}
	return colour
}

// labelValues matches the query of a variable for the values of a label.
var labelValues = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)

// grafana is the part of a dashboard that the tests read.
type grafana struct {
	Templating struct {
		List []struct{ Name, Type, Query string }
	}
	Panels []struct {
		Type, Title string
		FieldConfig struct {
			Defaults struct{ Thresholds struct{ Steps []Step } }
		}
		Targets []struct {
			Expr    string
			Instant bool
		}
	}
}

func readGrafana(t testing.TB, path string) (d grafana) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return d
}

// Variables returns the queries of the variables of a shipped dashboard, such as
// coder-api.json. root is the project's folder.
func Variables(t testing.TB, dashboard, root string) (queries []Query) {
	t.Helper()
	for _, variable := range readGrafana(t, filepath.Join(root, "examples/grafana", dashboard)).Templating.List {
		if variable.Type != "query" {
			continue
		}
		match := labelValues.FindStringSubmatch(variable.Query)
		if match == nil {
			t.Fatalf("%s: variable %s: got query %s, want label_values(...)", dashboard, variable.Name, variable.Query)
		}
		queries = append(queries, Query{
			Dashboard: dashboard, Panel: "variable " + variable.Name, Expr: "count by (" + match[2] + ") (" + match[1] + ")", Instant: true,
		})
	}
	return queries
}

// Queries returns the queries of all panels and variables of the shipped dashboards.
// It fails the test if there are none. root is the project's folder.
func Queries(t testing.TB, root string) (queries []Query) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "examples/grafana/*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards in %s (%v)", root, err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		queries = append(queries, Variables(t, name, root)...)
		rows := 0
		for _, panel := range readGrafana(t, path).Panels {
			if panel.Type == "row" {
				rows++
			}
			for _, target := range panel.Targets {
				queries = append(queries, Query{name, panel.Title, target.Expr, target.Instant, rows == 1, panel.FieldConfig.Defaults.Thresholds.Steps})
			}
		}
	}
	if len(queries) == 0 {
		t.Fatal("the dashboards have no queries")
	}
	return queries
}
