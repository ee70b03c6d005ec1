// Command alerts prints the shipped recording rules and alerts with parameters, for
// use without the chart:
//
//	make rules VALUES=examples/prometheus/values.yaml >rules.yaml
//
// It reads the chart's values disabled, thresholds, severities and alertLabels below
// prometheusRule, and ignores all others.
package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v2"
)

func main() {
	if err := run("..", os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "alerts:", err)
		os.Exit(1)
	}
}

// run prints the rules with the values of a file. root is the project's folder.
func run(root string, args []string, w io.Writer) error {
	if len(args) != 1 {
		return errors.New("give one file of values")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("read values: %w", err)
	}
	var v struct {
		PrometheusRule values `yaml:"prometheusRule"`
	}
	if err := yaml.Unmarshal(text, &v); err != nil {
		return fmt.Errorf("read values: %w", err)
	}
	var rules ruleFile
	for _, name := range []string{"alerts.yaml", "recording.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, "examples/prometheus/rules", name))
		if err != nil {
			return fmt.Errorf("read rules: %w", err)
		}
		var f ruleFile
		if err := yaml.UnmarshalStrict(text, &f); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		rules.Groups = append(rules.Groups, f.Groups...)
	}
	if err := rules.set(v.PrometheusRule); err != nil {
		return err
	}
	return yaml.NewEncoder(w).Encode(rules)
}

// values are the parameters of alerts. Parameters of a single alert are keyed by its name.
type values struct {
	Disabled    []string           `yaml:"disabled"`
	Thresholds  map[string]float64 `yaml:"thresholds"`
	Severities  map[string]string  `yaml:"severities"`
	AlertLabels map[string]string  `yaml:"alertLabels"`
}

type ruleFile struct {
	Groups []group `yaml:"groups"`
}

type group struct {
	Name  string `yaml:"name"`
	Rules []rule `yaml:"rules"`
}

type rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// threshold matches the adjustable number of an expression.
var threshold = regexp.MustCompile(`[0-9.]+ # threshold`)

// set applies the values. It rejects unknown names of alerts, and the additional label
// severity.
func (f *ruleFile) set(v values) error {
	if _, ok := v.AlertLabels["severity"]; ok {
		return errors.New("alertLabels: the label severity is set by severities")
	}
	var alerts, adjustable []string
	for i, g := range f.Groups {
		for j := range g.Rules {
			r := &g.Rules[j]
			if r.Alert == "" {
				continue
			}
			alerts = append(alerts, r.Alert)
			if threshold.MatchString(r.Expr) {
				adjustable = append(adjustable, r.Alert)
			}
			if value, ok := v.Thresholds[r.Alert]; ok {
				r.Expr = threshold.ReplaceAllString(r.Expr, strconv.FormatFloat(value, 'g', -1, 64)+" # threshold")
			}
			maps.Copy(r.Labels, v.AlertLabels)
			if severity, ok := v.Severities[r.Alert]; ok {
				r.Labels["severity"] = severity
			}
		}
		f.Groups[i].Rules = slices.DeleteFunc(g.Rules, func(r rule) bool { return slices.Contains(v.Disabled, r.Alert) })
	}
	f.Groups = slices.DeleteFunc(f.Groups, func(g group) bool { return len(g.Rules) == 0 })
	for _, name := range slices.Concat(v.Disabled, slices.Sorted(maps.Keys(v.Severities))) {
		if !slices.Contains(alerts, name) {
			return fmt.Errorf("there is no alert %s; there are %s", name, strings.Join(alerts, ", "))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.Thresholds)) {
		if !slices.Contains(adjustable, name) {
			return fmt.Errorf("%s has no threshold; these have: %s", name, strings.Join(adjustable, ", "))
		}
	}
	return nil
}
