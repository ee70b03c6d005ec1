package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Query is a query of a dashboard's panel, as Grafana asks it.
type Query struct {
	Dashboard, Panel string
	Expr             string // with variables such as $job
	Instant          bool   // about now, not about the time that is shown
}

// Queries returns the queries of all panels of the dashboards that are shipped,
// of which there are some. root is the project's folder.
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
		for _, panel := range dashboard.Panels {
			for _, target := range panel.Targets {
				queries = append(queries, Query{filepath.Base(path), panel.Title, target.Expr, target.Instant})
			}
		}
	}
	if len(queries) == 0 {
		t.Fatal("the dashboards ask for nothing")
	}
	return queries
}
