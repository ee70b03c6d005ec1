package helm_test

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/otelcoder/otelcoder/e2e/helm"
)

// TestObjects checks that the objects of each case are valid, and that each selector and
// each port refers to the right object.
func TestObjects(t *testing.T) {
	chart := helm.Load(t)
	for _, c := range cases(t) {
		t.Run(c.name, func(t *testing.T) {
			objects := chart.Render(t, c.text)
			checkNames(t, objects)
			checkPod(t, objects)
			checkSelectors(t, objects)
		})
	}
}

// checkNames checks that every object is in the release's namespace and has the release's
// labels, and that no object exists twice.
func checkNames(t *testing.T, objects []runtime.Object) {
	seen := make(map[string]bool)
	for _, o := range objects {
		m := o.(metav1.Object)
		key := o.GetObjectKind().GroupVersionKind().Kind + "/" + m.GetName()
		if seen[key] {
			t.Errorf("%s exists twice", key)
		}
		seen[key] = true
		if m.GetNamespace() != helm.Namespace {
			t.Errorf("%s: got namespace %q, want %q", key, m.GetNamespace(), helm.Namespace)
		}
		if m.GetLabels()["app.kubernetes.io/instance"] != helm.Release || m.GetLabels()["app.kubernetes.io/managed-by"] != "Helm" {
			t.Errorf("%s: got labels %v, want instance %s, managed by Helm", key, m.GetLabels(), helm.Release)
		}
	}
}

// checkPod checks that all references of the pod resolve, and that the pod has no more
// permissions than it needs.
func checkPod(t *testing.T, objects []runtime.Object) {
	pod := helm.Only[*appsv1.Deployment](t, objects).Spec.Template.Spec
	if account := helm.Only[*corev1.ServiceAccount](t, objects); account.Name != pod.ServiceAccountName {
		t.Errorf("got service account %q, want %q", pod.ServiceAccountName, account.Name)
	}
	c := pod.Containers[0]

	// The level "restricted" of Kubernetes's pod security standards, and a read-only
	// root file system.
	if s := pod.SecurityContext; !*s.RunAsNonRoot || *s.RunAsUser == 0 || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("the pod is not restricted: got security context %v", s)
	}
	if s := c.SecurityContext; *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem ||
		!slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) > 0 {
		t.Errorf("the container is not restricted: got security context %v", s)
	}
	if *pod.AutomountServiceAccountToken || pod.HostNetwork || pod.HostPID {
		t.Error("the pod has a service account token, the host's network or the host's PIDs")
	}

	health := portOf(t, c, "health")
	if address := value(t, c, "OTELCODER_HEALTH_ADDRESS"); address != net.JoinHostPort("0.0.0.0", health) {
		t.Errorf("got health address %s, want port %s", address, health)
	}
	for path, probe := range map[string]*corev1.Probe{"/healthz": c.LivenessProbe, "/readyz": c.ReadinessProbe} {
		if get := probe.HTTPGet; get.Path != path || get.Port.String() != "health" || cmp.Or(get.Scheme, corev1.URISchemeHTTP) != corev1.URISchemeHTTP {
			t.Errorf("got a probe of %v, want %s of port health over HTTP", get, path)
		}
	}
	for _, name := range []string{"CODER_PG_CONNECTION_URL", "PGPASSWORD"} {
		if v := lookup(c, name); v != nil && v.Value != "postgres:///" && v.ValueFrom.SecretKeyRef == nil {
			t.Errorf("%s is not from a Secret", name)
		}
	}
	names := make(map[string]bool)
	for _, v := range c.Env {
		if names[v.Name] {
			t.Errorf("%s is set twice", v.Name)
		}
		names[v.Name] = true
		for name := range names {
			v.Value = strings.ReplaceAll(v.Value, "$("+name+")", "")
		}
		if strings.Contains(v.Value, "$(") {
			t.Errorf("%s refers to a variable that is not set before it: %s", v.Name, v.Value)
		}
	}
	volumes := slices.DeleteFunc(slices.Clone(pod.Volumes), func(v corev1.Volume) bool { return v.Name == vaultToken })
	if len(c.VolumeMounts) != len(volumes) {
		t.Fatalf("got %d mounts of %d volumes, want all mounted", len(c.VolumeMounts), len(volumes))
	}
	for i, mount := range c.VolumeMounts {
		used := slices.ContainsFunc(c.Env, func(v corev1.EnvVar) bool { return strings.HasPrefix(v.Value, mount.MountPath+"/") })
		if mount.Name != volumes[i].Name || used == (mount.Name == "spare") {
			t.Errorf("mount %v of volume %s: got used by a variable %t, want %t", mount, volumes[i].Name, used, mount.Name != "spare")
		}
	}
}

// vaultToken is the name of the volume that Vault's injector mounts, instead of the chart.
const vaultToken = "vault-token"

// TestVault checks that Vault's injector finds a token of the service account. It rejects
// a pod that has neither an automounted token nor a projected volume with the name in its
// annotation.
func TestVault(t *testing.T) {
	template := helm.Only[*appsv1.Deployment](t, helm.Load(t).Render(t, readFile(t, "helm/otelcoder/ci/vault-values.yaml"))).Spec.Template
	if got := template.Annotations["vault.hashicorp.com/agent-service-account-token-volume-name"]; got != vaultToken {
		t.Errorf("got volume %q in the annotation, want %q", got, vaultToken)
	}
	i := slices.IndexFunc(template.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == vaultToken })
	if i < 0 {
		t.Fatalf("got volumes %v, want one named %s", template.Spec.Volumes, vaultToken)
	}
	projected := template.Spec.Volumes[i].Projected
	if projected == nil || len(projected.Sources) != 1 || projected.Sources[0].ServiceAccountToken == nil || projected.Sources[0].ServiceAccountToken.Path != "token" {
		t.Errorf("got volume %v, want a projected token of the service account", template.Spec.Volumes[i])
	}
}

// TestHelmTest checks that the pod of "helm test" requests the path of the liveness probe
// through the Service, and that the Service does not select that pod.
func TestHelmTest(t *testing.T) {
	chart := helm.Load(t)
	for _, c := range cases(t) {
		objects := chart.Render(t, c.text)
		pod, service := helm.Only[*corev1.Pod](t, objects), helm.Only[*corev1.Service](t, objects)
		deployment := helm.Only[*appsv1.Deployment](t, objects)
		if pod.Annotations["helm.sh/hook"] != "test" {
			t.Errorf("%s: got annotations %v of the pod, want helm.sh/hook=test", c.name, pod.Annotations)
		}
		if labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.Labels)) {
			t.Errorf("%s: the Service selects the pod of the test", c.name)
		}
		i := slices.IndexFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == "health" })
		if i < 0 {
			t.Fatalf("%s: got ports %v of the Service, want one named health", c.name, service.Spec.Ports)
		}
		served := deployment.Spec.Template.Spec.Containers[0]
		port := service.Spec.Ports[i]
		if port.TargetPort.String() != served.LivenessProbe.HTTPGet.Port.String() {
			t.Errorf("%s: the Service has the port %v, the probe requests %v", c.name, port, served.LivenessProbe.HTTPGet)
		}
		want := fmt.Sprintf("http://%s.%s.svc:%d%s", service.Name, service.Namespace, port.Port, served.LivenessProbe.HTTPGet.Path)
		if command := pod.Spec.Containers[0].Command; command[0] != "wget" || command[len(command)-1] != want {
			t.Errorf("%s: got command %q, want a wget of %s", c.name, command, want)
		}
	}
}

// checkSelectors checks that selectors of pods select the Deployment's pods, that ports
// refer to ports of these pods, and that the monitor finds the Service.
func checkSelectors(t *testing.T, objects []runtime.Object) {
	deployment := helm.Only[*appsv1.Deployment](t, objects)
	pods := labels.Set(deployment.Spec.Template.Labels)
	container := deployment.Spec.Template.Spec.Containers[0]
	selects := func(what string, selector *metav1.LabelSelector, set labels.Set) {
		t.Helper()
		s, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil || s.Empty() || !s.Matches(set) {
			t.Errorf("the %s selects %v (%v), want a match of the labels %v", what, selector, err, set)
		}
		other := maps.Clone(set)
		other["app.kubernetes.io/instance"] = "another"
		if s.Matches(other) {
			t.Errorf("the %s also selects objects of another release", what)
		}
	}
	selects("Deployment", deployment.Spec.Selector, pods)
	for _, budget := range helm.All[*policyv1.PodDisruptionBudget](objects) {
		selects("PodDisruptionBudget", budget.Spec.Selector, pods)
	}
	for _, policy := range helm.All[*networkingv1.NetworkPolicy](objects) {
		selects("NetworkPolicy", &policy.Spec.PodSelector, pods)
		for _, rule := range policy.Spec.Ingress {
			for _, port := range rule.Ports {
				portOf(t, container, port.Port.String())
				if (port.Port.String() == "health") != (len(rule.From) == 0) {
					t.Errorf("port %v is open to %v", port.Port, rule.From)
				}
			}
		}
	}

	service := helm.Only[*corev1.Service](t, objects)
	if address := lookup(container, "CODER_PROMETHEUS_ADDRESS"); address == nil {
		if len(service.Spec.Ports) != 1 || service.Spec.Ports[0].Name != "health" || len(helm.All[*monitoringv1.ServiceMonitor](objects)) > 0 {
			t.Error("got a port or a monitor without an endpoint")
		}
		return
	}
	selects("Service", metav1.SetAsLabelSelector(service.Spec.Selector), pods)
	if service.Spec.ClusterIP != corev1.ClusterIPNone {
		t.Error("the Service is not headless: a scrape would read an arbitrary pod")
	}
	_, listens, err := net.SplitHostPort(value(t, container, "CODER_PROMETHEUS_ADDRESS"))
	if err != nil || value(t, container, "CODER_PROMETHEUS_ENABLE") != "true" {
		t.Errorf("the endpoint is not enabled (%v)", err)
	}
	for _, port := range service.Spec.Ports {
		if port.Name == "health" {
			continue // see TestHelmTest
		}
		if port.Name != "prom-http" || port.Port != 2112 || portOf(t, container, port.TargetPort.String()) != listens {
			t.Errorf("got the Service's port %v, want prom-http, 2112 to the endpoint's port %s", port, listens)
		}
	}

	for _, monitor := range helm.All[*monitoringv1.ServiceMonitor](objects) {
		selects("ServiceMonitor", &monitor.Spec.Selector, service.Labels)
		if !slices.Equal(monitor.Spec.NamespaceSelector.MatchNames, []string{service.Namespace}) {
			t.Errorf("the ServiceMonitor: got namespaces %v, want %s", monitor.Spec.NamespaceSelector, service.Namespace)
		}
		var paths []string
		for _, e := range monitor.Spec.Endpoints {
			if !slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == e.Port }) {
				t.Errorf("the ServiceMonitor reads port %q, which the Service does not have", e.Port)
			}
			paths = append(paths, e.Path)
		}
		if !slices.Equal(paths, []string{"/metrics/replica", "/metrics/deployment"}) {
			t.Errorf("the ServiceMonitor: got paths %q, want /metrics/replica and /metrics/deployment", paths)
		}
	}
}

// TestSchemes checks that the ServiceMonitor reads the endpoint over TLS if there is a web
// configuration, unless a scheme is set.
func TestSchemes(t *testing.T) {
	chart := helm.Load(t)
	for values, want := range map[string]string{
		"serviceMonitor: {enabled: true}":                                                                                                     "http",
		"serviceMonitor: {enabled: true}\nwebConfig: {secretName: web}":                                                                       "https",
		"serviceMonitor: {enabled: true, scheme: http}\nwebConfig: {secretName: web}":                                                         "http",
		"serviceMonitor: {enabled: true, tlsConfig: {serverName: x}, scheme: https}\nenv: [{name: CODER_PROMETHEUS_ENABLE, value: \"true\"}]": "https",
	} {
		for _, e := range helm.Only[*monitoringv1.ServiceMonitor](t, chart.Render(t, values)).Spec.Endpoints {
			if got := cmp.Or(e.Scheme.String(), "http"); got != want {
				t.Errorf("%s: got scheme %q, want %q", values, got, want)
			}
		}
	}
}

// lookup returns a variable of a container, or nil if it is not set.
func lookup(c corev1.Container, name string) *corev1.EnvVar {
	i := slices.IndexFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Env[i]
}

func variable(t *testing.T, c corev1.Container, name string) *corev1.EnvVar {
	t.Helper()
	v := lookup(c, name)
	if v == nil {
		t.Fatalf("%s is not set", name)
	}
	return v
}

func value(t *testing.T, c corev1.Container, name string) string {
	t.Helper()
	return variable(t, c, name).Value
}

// portOf returns the number of a container's port by name.
func portOf(t *testing.T, c corev1.Container, name string) string {
	t.Helper()
	i := slices.IndexFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("the container has no port %q", name)
	}
	return strconv.Itoa(int(c.Ports[i].ContainerPort))
}

// TestLabelsOfOthers checks that additional labels do not override the chart's own.
func TestLabelsOfOthers(t *testing.T) {
	objects := helm.Load(t).Render(t, `
podLabels: {app.kubernetes.io/name: other, team: platform}
serviceMonitor: {enabled: true, labels: {app.kubernetes.io/instance: other, release: prometheus}}
prometheusRule: {enabled: true, labels: {role: alerts}}
`)
	checkNames(t, objects)
	checkSelectors(t, objects)
	for label, got := range map[string]string{
		"platform":   helm.Only[*appsv1.Deployment](t, objects).Spec.Template.Labels["team"],
		"prometheus": helm.Only[*monitoringv1.ServiceMonitor](t, objects).Labels["release"],
		"alerts":     helm.Only[*monitoringv1.PrometheusRule](t, objects).Labels["role"],
	} {
		if got != label {
			t.Errorf("got label %q, want %q", got, label)
		}
	}
}

// TestVariables checks that docs/service.md documents every variable of the service that
// the chart sets.
func TestVariables(t *testing.T) {
	chart, page := helm.Load(t), readFile(t, "docs/service.md")
	for _, c := range cases(t) {
		container := helm.Only[*appsv1.Deployment](t, chart.Render(t, c.text)).Spec.Template.Spec.Containers[0]
		for _, v := range container.Env {
			ours := strings.HasPrefix(v.Name, "CODER_") || strings.HasPrefix(v.Name, "OTELCODER_")
			if ours && !strings.Contains(page, "`"+v.Name+"`") {
				t.Errorf("%s: docs/service.md does not have %s", c.name, v.Name)
			}
		}
	}
}
