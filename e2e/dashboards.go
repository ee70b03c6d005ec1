package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Query is a query of a dashboard's panel, as Grafana asks it.
type Query struct {
	Dashboard, Panel string
	Expr             string // with variables such as $job
	Instant          bool   // about now, not about the time that is shown
}

// labelValues is how a variable asks which values a label has.
var labelValues = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)

// Queries returns the queries of all panels and of all variables of the dashboards
// that are shipped, of which there are some. root is the project's folder.
func Queries(t testing.TB, root string) []Query {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "examples/grafana/*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards in %s (%v)", root, err)
	}
	var queries []Query
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var dashboard struct {
			Templating struct {
				List []struct{ Name, Type, Query string }
			}
			Panels []struct {
				Title   string
				Targets []struct {
					Expr    string
					Instant bool
				}
			}
		}
		if err := json.Unmarshal(text, &dashboard); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		name := filepath.Base(path)
		for _, variable := range dashboard.Templating.List {
			if variable.Type != "query" {
				continue
			}
			match := labelValues.FindStringSubmatch(variable.Query)
			if match == nil {
				t.Fatalf("%s: variable %s asks %s", path, variable.Name, variable.Query)
			}
			queries = append(queries, Query{name, "variable " + variable.Name, "count by (" + match[2] + ") (" + match[1] + ")", true})
		}
		for _, panel := range dashboard.Panels {
			for _, target := range panel.Targets {
				queries = append(queries, Query{name, panel.Title, target.Expr, target.Instant})
			}
		}
	}
	if len(queries) == 0 {
		t.Fatal("the dashboards ask for nothing")
	}
	return queries
}
