package helm_test

import (
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	monitoringv1alpha1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v2"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/otelcoder/otelcoder/e2e/helm"
)

// TestScrapeConfig applies the relabelings of the ScrapeConfigs with Prometheus's own code:
// they keep only the endpoint's port of the release's pods, with the labels that the
// ServiceMonitor sets.
func TestScrapeConfig(t *testing.T) {
	chart := helm.Load(t)
	monitor := helm.Only[*monitoringv1.ServiceMonitor](t, chart.Render(t, "serviceMonitor: {enabled: true}"))
	rendered := chart.Render(t, readFile(t, "helm/otelcoder/ci/scrapeconfig-values.yaml"))
	checkSelectors(t, rendered)
	if n := len(helm.All[*monitoringv1.ServiceMonitor](rendered)); n > 0 {
		t.Errorf("got %d ServiceMonitors, want 0", n)
	}
	found := make(map[string]bool)
	for _, c := range helm.All[*monitoringv1alpha1.ScrapeConfig](rendered) {
		if len(c.Spec.KubernetesSDConfigs) != 1 || c.Spec.KubernetesSDConfigs[0].Namespaces.Names[0] != helm.Namespace {
			t.Errorf("%s: got discovery of %v, want only namespace %s", c.Name, c.Spec.KubernetesSDConfigs, helm.Namespace)
		}
		if c.Labels["release"] != "prometheus" {
			t.Errorf("%s: got labels %v, want release=prometheus", c.Name, c.Labels)
		}
		if *c.Spec.ScrapeTimeout != monitor.Spec.Endpoints[0].ScrapeTimeout || *c.Spec.ScrapeInterval != monitor.Spec.Endpoints[0].Interval {
			t.Errorf("%s: got interval %s and timeout %s, want those of the ServiceMonitor", c.Name, *c.Spec.ScrapeInterval, *c.Spec.ScrapeTimeout)
		}
		for _, e := range monitor.Spec.Endpoints {
			if e.Path == *c.Spec.MetricsPath {
				found[e.Path] = true
				if !equality.Semantic.DeepEqual(e.MetricRelabelConfigs, c.Spec.MetricRelabelConfigs) {
					t.Errorf("%s: got metric relabelings %v, the ServiceMonitor has %v", c.Name, c.Spec.MetricRelabelConfigs, e.MetricRelabelConfigs)
				}
			}
		}
		rules := prometheusRules(t, c.Spec.RelabelConfigs)
		pod := map[string]string{
			"__address__":                                            "10.0.0.1:2112",
			"__meta_kubernetes_namespace":                            "coder",
			"__meta_kubernetes_pod_name":                             "otelcoder-1",
			"__meta_kubernetes_pod_container_name":                   "otelcoder",
			"__meta_kubernetes_pod_phase":                            "Running",
			"__meta_kubernetes_pod_label_app_kubernetes_io_name":     "otelcoder",
			"__meta_kubernetes_pod_label_app_kubernetes_io_instance": helm.Release,
			"__meta_kubernetes_pod_container_port_name":              "prom-http",
		}
		b := labels.NewBuilder(labels.FromMap(pod))
		if !relabel.ProcessBuilder(b, rules...) {
			t.Errorf("%s drops the pods", c.Name)
		}
		got := b.Labels()
		for label, want := range map[string]string{
			"job": c.Name, "namespace": "coder", "pod": "otelcoder-1", "container": "otelcoder", "service": "otelcoder", "endpoint": "prom-http",
		} {
			if got.Get(label) != want {
				t.Errorf("%s: got label %s=%q, want %q", c.Name, label, got.Get(label), want)
			}
		}
		for label, other := range map[string]string{
			"__meta_kubernetes_pod_label_app_kubernetes_io_name":     "coder",
			"__meta_kubernetes_pod_label_app_kubernetes_io_instance": "another",
			"__meta_kubernetes_pod_container_port_name":              "health",
			"__meta_kubernetes_pod_phase":                            "Succeeded",
		} {
			b := labels.NewBuilder(labels.FromMap(pod))
			if b.Set(label, other); relabel.ProcessBuilder(b, rules...) {
				t.Errorf("%s keeps a target with %s=%s", c.Name, label, other)
			}
		}
	}
	if len(found) != len(monitor.Spec.Endpoints) {
		t.Errorf("got the paths %v, want those of the ServiceMonitor", found)
	}
}

// prometheusRules converts relabelings of the operator to those of Prometheus.
func prometheusRules(t *testing.T, from []monitoringv1.RelabelConfig) []*relabel.Config {
	t.Helper()
	var rules []*relabel.Config
	for _, r := range from {
		rule := map[string]any{}
		if r.Action != "" {
			rule["action"] = r.Action
		}
		if len(r.SourceLabels) > 0 {
			rule["source_labels"] = r.SourceLabels
		}
		if r.Regex != "" {
			rule["regex"] = r.Regex
		}
		if r.TargetLabel != "" {
			rule["target_label"] = r.TargetLabel
		}
		if r.Replacement != nil {
			rule["replacement"] = *r.Replacement
		}
		text, err := yaml.Marshal(rule)
		if err != nil {
			t.Fatal(err)
		}
		var c relabel.Config
		if err := yaml.UnmarshalStrict(text, &c); err != nil {
			t.Fatal(err)
		}
		if err := c.Validate(model.UTF8Validation); err != nil {
			t.Fatal(err)
		}
		rules = append(rules, &c)
	}
	return rules
}

// TestMetricRelabelings checks that each job drops the metrics of
// serviceMonitor.metricRelabelings, and that the job of the deployment still drops the
// labels of a replica.
func TestMetricRelabelings(t *testing.T) {
	chart, values := helm.Load(t), readFile(t, "helm/otelcoder/ci/beside-coder-values.yaml")
	jobs := make(map[string][]monitoringv1.RelabelConfig) // by path and kind
	for _, e := range helm.Only[*monitoringv1.ServiceMonitor](t, chart.Render(t, values)).Spec.Endpoints {
		jobs[e.Path+" of the ServiceMonitor"] = e.MetricRelabelConfigs
	}
	values = strings.Replace(values, "enabled: true", "enabled: true\n  kind: ScrapeConfig", 1)
	for _, c := range helm.All[*monitoringv1alpha1.ScrapeConfig](chart.Render(t, values)) {
		jobs[*c.Spec.MetricsPath+" of a ScrapeConfig"] = c.Spec.MetricRelabelConfigs
	}
	if len(jobs) != 4 {
		t.Errorf("got %d jobs, want 4", len(jobs))
	}
	for job, configs := range jobs {
		rules := prometheusRules(t, configs)
		for name, keeps := range map[string]bool{"coderd_agents_connections": false, "coderd_agents_connection_latencies_seconds": true} {
			b := labels.NewBuilder(labels.FromStrings("__name__", name, "pod", "otelcoder-1"))
			if relabel.ProcessBuilder(b, rules...) != keeps {
				t.Errorf("%s: %s: got kept %t, want %t", job, name, !keeps, keeps)
			}
			if keeps && (b.Labels().Get("pod") == "") != strings.HasPrefix(job, "/metrics/deployment ") {
				t.Errorf("%s: got series %v, want the label pod only outside of /metrics/deployment", job, b.Labels())
			}
		}
	}
}
