// Command dashboards writes the Grafana dashboards, and puts them and the rules of
// Prometheus into the chart, which can only read files of its own folder:
//
//	make dashboards
//
// The dashboards are written down in api.go, deployment.go and health.go. Their
// queries are made of families of the catalogue alone (expression.go).
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	check := flag.Bool("check", false, "write nothing: fail if what is there is stale")
	flag.Parse()
	if err := run(".", *check); err != nil {
		fmt.Fprintln(os.Stderr, "dashboards:", err)
		os.Exit(1)
	}
}

// all are the dashboards, in the order of their use.
var all = []dashboard{deployment, api, health}

// Where rules are written down, and where each kind of file goes.
const (
	rules           = "examples/prometheus/rules"
	grafana         = "examples/grafana"
	chartDashboards = "helm/otelcoder/files/dashboards"
	chartRules      = "helm/otelcoder/files/rules"
)

// run writes every file below root, or tells of the first that is not as it
// would be written.
func run(root string, check bool) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		full := filepath.Join(root, path)
		if check {
			if got, err := os.ReadFile(full); err != nil || !bytes.Equal(got, files[path]) {
				return fmt.Errorf("%s is stale: run make dashboards", path)
			}
			continue
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, files[path], 0o644)); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	for _, dir := range []string{grafana, chartDashboards, chartRules} {
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil {
			return fmt.Errorf("look for left-overs: %w", err)
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if _, ok := files[path]; !ok && e.Name() != "README.md" {
				return fmt.Errorf("%s is not generated: remove it", path)
			}
		}
	}
	return nil
}

// generate returns the files by their path below root.
func generate(root string) (map[string][]byte, error) {
	files := make(map[string][]byte)
	for _, d := range all {
		text, err := d.json()
		if err != nil {
			return nil, err
		}
		files[filepath.Join(grafana, d.file+".json")] = text
		files[filepath.Join(chartDashboards, d.file+".json")] = text
	}
	paths, err := filepath.Glob(filepath.Join(root, rules, "*.yaml"))
	if err != nil || len(paths) == 0 {
		return nil, errors.Join(fmt.Errorf("no rules in %s", rules), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		files[filepath.Join(chartRules, filepath.Base(path))] = text
	}
	return files, nil
}
