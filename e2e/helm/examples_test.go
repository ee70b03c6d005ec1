package helm_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/otelcoder/otelcoder/e2e/helm"
	"github.com/otelcoder/otelcoder/e2e/process"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestExamples checks the example objects for deployments without a chart. Each
// ServiceMonitor selects its Service, by labels and port. The Service of the control plane
// selects the pods of Coder's chart; the Service of otelcoder selects the pods of this
// chart.
func TestExamples(t *testing.T) {
	own := helm.Only[*appsv1.Deployment](t, helm.Load(t).Render(t, "")).Spec.Template.Labels
	for dir, pods := range map[string]labels.Set{
		"embed":   {"app.kubernetes.io/name": "coder", "app.kubernetes.io/instance": "coder", "app.kubernetes.io/part-of": "coder"},
		"service": own,
	} {
		t.Run(dir, func(t *testing.T) {
			read := func(name string) string { return readFile(t, filepath.Join("examples/prometheus", dir, name)) }
			service := helm.Only[*corev1.Service](t, helm.Decode(t, "service.yaml", read("service.yaml")))
			monitor := helm.Only[*monitoringv1.ServiceMonitor](t, helm.Decode(t, "servicemonitor.yaml", read("servicemonitor.yaml")))
			if !labels.SelectorFromSet(service.Spec.Selector).Matches(pods) {
				t.Errorf("the Service selects %v, the pods have the labels %v", service.Spec.Selector, pods)
			}
			selector, err := metav1.LabelSelectorAsSelector(&monitor.Spec.Selector)
			if err != nil || !selector.Matches(labels.Set(service.Labels)) || monitor.Namespace != service.Namespace {
				t.Errorf("the ServiceMonitor selects %v (%v), the Service has the labels %v", selector, err, service.Labels)
			}
			// The Service of Coder's API has the labels of Coder's pods.
			if dir == "embed" && selector.Matches(pods) {
				t.Error("the ServiceMonitor selects the Service of the API, too")
			}
			if service.Spec.ClusterIP != corev1.ClusterIPNone {
				t.Error("the Service is not headless")
			}
			for _, e := range monitor.Spec.Endpoints {
				if !slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool {
					return p.Name == e.Port && p.Port == 2112 && p.TargetPort.IntValue() == 2112
				}) {
					t.Errorf("the ServiceMonitor reads port %q, the Service has the ports %v", e.Port, service.Spec.Ports)
				}
			}
		})
	}
}

// TestExampleIsTheCharts checks that the example ServiceMonitor has the same endpoints as
// the chart's.
func TestExampleIsTheCharts(t *testing.T) {
	example := helm.Only[*monitoringv1.ServiceMonitor](t, helm.Decode(t, "servicemonitor.yaml", readFile(t, "examples/prometheus/service/servicemonitor.yaml")))
	chart := helm.Only[*monitoringv1.ServiceMonitor](t, helm.Load(t).Render(t, "serviceMonitor: {enabled: true}"))
	for i := range chart.Spec.Endpoints {
		chart.Spec.Endpoints[i].Scheme = nil // the default is http
	}
	if a, b := example.Spec.Endpoints, chart.Spec.Endpoints; !equality.Semantic.DeepEqual(a, b) {
		t.Errorf("the example has\n%+v\nthe chart has\n%+v", a, b)
	}
}
