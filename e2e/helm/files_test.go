package helm_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"go.yaml.in/yaml/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/otelcoder/otelcoder/e2e/helm"
)

// TestDashboards checks that the ConfigMaps contain the shipped dashboards, with the
// labels by which Grafana's sidecar finds them.
func TestDashboards(t *testing.T) {
	for edition, differ := range map[string][]string{
		"documented": nil,
		"coder":      {"coder-deployment.json", "coder-health.json"},
	} {
		t.Run(edition, func(t *testing.T) { testDashboards(t, edition, differ) })
	}
}

// testDashboards checks the dashboards of an edition. The dashboards in differ have their
// own file in this edition.
func testDashboards(t *testing.T, edition string, differ []string) {
	maps := helm.All[*corev1.ConfigMap](helm.Load(t).Render(t, "metricNames: "+edition+"\ndashboards: {enabled: true, annotations: {grafana_folder: Coder}}"))
	found := 0
	for _, m := range maps {
		if m.Labels["grafana_dashboard"] != "1" || m.Annotations["grafana_folder"] != "Coder" {
			t.Errorf("%s: got labels %v and annotations %v, want grafana_dashboard=1 and grafana_folder=Coder", m.Name, m.Labels, m.Annotations)
		}
		for name, text := range m.Data {
			found++
			path := "examples/grafana/" + name
			if slices.Contains(differ, name) {
				path = "examples/grafana/" + edition + "/" + name
			}
			// helm trims white space at the end of an object.
			if want := readFile(t, path); strings.TrimSpace(text) != strings.TrimSpace(want) {
				t.Errorf("%s in %s differs from %s", name, m.Name, path)
			}
			if !json.Valid([]byte(text)) {
				t.Errorf("%s is not valid JSON", name)
			}
		}
	}
	if found != 3 || len(maps) != 3 {
		t.Errorf("got %d dashboards in %d ConfigMaps, want 3 in 3", found, len(maps))
	}
}

// TestRules checks that the PrometheusRule contains the rules of examples/prometheus, in
// both editions.
func TestRules(t *testing.T) {
	for _, edition := range []string{"documented", "coder"} {
		t.Run(edition, func(t *testing.T) { testRules(t, edition) })
	}
}

func testRules(t *testing.T, edition string) {
	rule := helm.Only[*monitoringv1.PrometheusRule](t, helm.Load(t).Render(t, "metricNames: "+edition+"\nprometheusRule: {enabled: true}"))
	type group struct {
		Name  string
		Rules []struct {
			Record, Alert, Expr, For string
			Labels, Annotations      map[string]string
		}
	}
	want := make(map[string]string)
	for _, name := range []string{"alerts.yaml", "recording.yaml"} {
		var file struct{ Groups []group }
		if err := yaml.Unmarshal([]byte(readFile(t, "examples/prometheus/rules/"+name)), &file); err != nil {
			t.Fatal(err)
		}
		for _, g := range file.Groups {
			for _, r := range g.Rules {
				want[g.Name+" "+r.Record+r.Alert] = r.Expr + r.For + r.Annotations["description"] + r.Labels["severity"]
			}
		}
	}
	for _, g := range rule.Spec.Groups {
		for _, r := range g.Rules {
			key := g.Name + " " + r.Record + r.Alert
			text := r.Expr.String()
			if r.For != nil {
				text += string(*r.For)
			}
			text += r.Annotations["description"] + r.Labels["severity"]
			if want[key] != text {
				t.Errorf("%s: got\n%s\nwant\n%s", key, text, want[key])
			}
			delete(want, key)
		}
	}
	if len(want) > 0 {
		t.Errorf("the chart lacks %v", want)
	}
}
