// Command dashboards writes the Grafana dashboards. It also copies them and the
// Prometheus rules into the chart, which can only read files in its own folder:
//
//	make dashboards
//
// A dashboard that differs in the edition Coder has a second file in the folder coder,
// with that edition's names and labels, and with panels for its additional families.
//
// The dashboards are in deployment.go, api.go and health.go, their common first
// row in wrong.go. board.go builds them with Grafana's builders, and adds the matchers
// of the dashboard's variables to the PromQL of each panel.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/otelcoder/otelcoder/instrument"
)

func main() {
	files, err := generate("..")
	for path, text := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join("..", path), text, 0o644))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dashboards:", err)
		os.Exit(1)
	}
}

// boards returns the dashboards of an edition.
func boards(e instrument.Edition) []board { return []board{deployment(e), api(e), health(e)} }

// generate returns the files by path, relative to root, the project's folder.
func generate(root string) (map[string][]byte, error) {
	files := make(map[string][]byte)
	for e := range instrument.Editions() {
		for _, b := range boards(e) {
			text, err := b.json()
			if err != nil {
				return nil, err
			}
			text, name := append(text, '\n'), b.uid+".json"
			if e != instrument.Documented {
				if bytes.Equal(text, files["examples/grafana/"+name]) {
					continue
				}
				name = e.String() + "/" + name
			}
			files["examples/grafana/"+name] = text
			files["helm/otelcoder/files/dashboards/"+name] = text
		}
	}
	for _, name := range []string{"alerts.yaml", "recording.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, "examples/prometheus/rules", name))
		if err != nil {
			return nil, fmt.Errorf("copy rules: %w", err)
		}
		files["helm/otelcoder/files/rules/"+name] = text
	}
	return files, nil
}
