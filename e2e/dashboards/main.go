// Command dashboards writes the Grafana dashboards, and puts them and the rules of
// Prometheus into the chart, which can only read files of its own folder:
//
//	make dashboards
//
// The dashboards are in deployment.go, api.go and health.go, their common first
// row in wrong.go. board.go builds them with Grafana's builders: it adds the
// matchers of the dashboard's variables to the PromQL of each panel.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// generate returns the files by their path below root, the project's folder.
func generate(root string) (map[string][]byte, error) {
	files := make(map[string][]byte)
	for _, b := range []board{deployment(), api(), health()} {
		text, err := b.json()
		if err != nil {
			return nil, err
		}
		files["examples/grafana/"+b.uid+".json"] = append(text, '\n')
		files["helm/otelcoder/files/dashboards/"+b.uid+".json"] = append(text, '\n')
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
