package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"go.yaml.in/yaml/v2"

	"github.com/otelcoder/otelcoder/e2e/helm"
)

const root = "../.."

// print returns the rules that the command prints with values.
func print(t *testing.T, values string) (ruleFile, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(path, []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run(root, []string{path}, &out); err != nil {
		return ruleFile{}, err
	}
	var f ruleFile
	if err := yaml.UnmarshalStrict([]byte(out.String()), &f); err != nil {
		t.Fatal(err)
	}
	return f, nil
}

// TestValues checks the effect of each parameter.
func TestValues(t *testing.T) {
	shipped, err := os.ReadFile(filepath.Join(root, "examples/prometheus/values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := print(t, string(shipped))
	if err != nil {
		t.Fatal(err)
	}
	alerts := make(map[string]rule)
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				if r.Labels != nil {
					t.Errorf("recording rule %s: got labels %v, want none", r.Record, r.Labels)
				}
				continue
			}
			alerts[r.Alert] = r
			if r.Labels["team"] != "platform" {
				t.Errorf("%s: got labels %v, want team=platform", r.Alert, r.Labels)
			}
		}
	}
	if _, ok := alerts["CoderLicenseSeats"]; ok || len(alerts) < 15 {
		t.Errorf("got %d alerts, CoderLicenseSeats among them %t; want at least 15 without it", len(alerts), ok)
	}
	if got := alerts["CoderAPIErrors"].Expr; strings.Count(got, "0.001 # threshold") != 4 || strings.Contains(got, "0.005") {
		t.Errorf("CoderAPIErrors: got\n%s\nwant the threshold 0.001 four times", got)
	}
	if got := alerts["CoderAPISlow"].Expr; !strings.Contains(got, "> 5 # threshold") {
		t.Errorf("CoderAPISlow: got\n%s\nwant the threshold 5", got)
	}
	if alerts["OtelcoderRefused"].Labels["severity"] != "warning" || alerts["CoderAPIErrors"].Labels["severity"] != "critical" {
		t.Errorf("OtelcoderRefused, CoderAPIErrors: got labels %v, %v, want severities warning, critical", alerts["OtelcoderRefused"].Labels, alerts["CoderAPIErrors"].Labels)
	}
}

// TestChart checks that the chart renders the same rules as the command for the same
// values.
func TestChart(t *testing.T) {
	chart := helm.Load(t)
	for _, values := range []string{
		"prometheusRule: {enabled: true}",
		"prometheusRule: {enabled: true, disabled: [CoderLicenseSeats, OtelcoderAbsent], thresholds: {CoderAPIErrors: 0.001, CoderAPISlow: 5, OtelcoderRefused: 2000000}, " +
			"severities: {OtelcoderRefused: warning}, alertLabels: {team: platform}}",
	} {
		want, err := print(t, values)
		if err != nil {
			t.Fatal(err)
		}
		var got ruleFile
		for _, g := range helm.Only[*monitoringv1.PrometheusRule](t, chart.Render(t, values)).Spec.Groups {
			rules := make([]rule, len(g.Rules))
			for i, r := range g.Rules {
				rules[i] = rule{r.Record, r.Alert, r.Expr.String(), "", r.Labels, r.Annotations}
				if r.For != nil {
					rules[i].For = string(*r.For)
				}
			}
			got.Groups = append(got.Groups, group{g.Name, rules})
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the chart has\n%+v\nthe command prints\n%+v", values, got, want)
		}
	}
}

// TestRefused checks that both the command and the chart reject unknown alerts and invalid
// labels.
func TestRefused(t *testing.T) {
	chart := helm.Load(t)
	for values, want := range map[string]string{
		"{enabled: true, alertLabels: {severity: page}}":     "the label severity is set by severities",
		"{enabled: true, disabled: [CoderNonsense]}":         "there is no alert CoderNonsense; there are CoderAPIErrors, ",
		"{enabled: true, severities: {CoderNonsense: info}}": "there is no alert CoderNonsense",
		"{enabled: true, thresholds: {OtelcoderAbsent: 1}}":  "OtelcoderAbsent has no threshold; these have: CoderAPIErrors, ",
		"{enabled: true, thresholds: {CoderNonsense: 1}}":    "CoderNonsense has no threshold",
	} {
		values = "prometheusRule: " + values
		if _, err := print(t, values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %s", values, err, want)
		}
		if _, err := chart.Template(t, values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v of the chart, want %s", values, err, want)
		}
	}
	for _, args := range [][]string{nil, {"a", "b"}, {"no such file"}} {
		if err := run(root, args, new(strings.Builder)); err == nil {
			t.Errorf("arguments %q: got no error", args)
		}
	}
}
