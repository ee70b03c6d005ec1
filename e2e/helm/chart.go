// Package helm renders the project's chart with helm's own packages, as "helm
// template" does, and decodes the objects into the types of Kubernetes and the
// Prometheus operator. Unknown fields are errors.
//
//	chart := helm.Load(t)
//	objects := chart.Render(t, "replicas: 3")
//	deployment := helm.Only[*appsv1.Deployment](t, objects)
package helm

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	monitoringv1alpha1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/otelcoder/otelcoder/e2e/process"
)

// Name and namespace of the rendered release.
const (
	Release   = "otelcoder"
	Namespace = "coder"
)

// Chart is the project's chart.
type Chart struct {
	dir   string
	chart *chart.Chart
}

// Load reads the chart.
func Load(t testing.TB) *Chart {
	t.Helper()
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	c := &Chart{dir: filepath.Join(root, "helm/otelcoder")}
	if c.chart, err = loader.Load(c.dir); err != nil {
		t.Fatalf("load the chart: %v", err)
	}
	return c
}

// Lint returns the messages of "helm lint" with values, a YAML text. "helm lint
// --strict" fails on warnings and errors.
func (c *Chart) Lint(t testing.TB, values string) []support.Message {
	t.Helper()
	return lint.AllWithKubeVersion(c.dir, read(t, values), Namespace, nil).Messages
}

// Template returns the files that "helm template" renders with values, by path. The
// error is helm's.
func (c *Chart) Template(t testing.TB, values string) (map[string]string, error) {
	t.Helper()
	rendered, err := c.render(read(t, values))
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(rendered, func(path, text string) bool {
		name := filepath.Base(path)
		return name == "NOTES.txt" || strings.HasPrefix(name, "_") || strings.TrimSpace(text) == ""
	})
	return rendered, nil
}

// Notes returns the notes that helm prints after an installation with values.
func (c *Chart) Notes(t testing.TB, values string) string {
	t.Helper()
	rendered, err := c.render(read(t, values))
	if err != nil {
		t.Fatal(err)
	}
	return rendered["otelcoder/templates/NOTES.txt"]
}

func (c *Chart) render(values chartutil.Values) (map[string]string, error) {
	release := chartutil.ReleaseOptions{Name: Release, Namespace: Namespace, Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(c.chart, values, release, nil)
	if err != nil {
		return nil, err
	}
	return engine.Render(c.chart, all)
}

func read(t testing.TB, values string) chartutil.Values {
	t.Helper()
	v, err := chartutil.ReadValues([]byte(values))
	if err != nil {
		t.Fatalf("read values: %v", err)
	}
	return v
}

// Render returns the objects that the chart renders with values. It fails the test
// if one does not decode strictly into its type.
func (c *Chart) Render(t testing.TB, values string) []runtime.Object {
	t.Helper()
	files, err := c.Template(t, values)
	if err != nil {
		t.Fatal(err)
	}
	var objects []runtime.Object
	for _, path := range slices.Sorted(maps.Keys(files)) {
		objects = append(objects, Decode(t, path, files[path])...)
	}
	return objects
}

// types decodes the types of Kubernetes and of the Prometheus operator.
var types = func() serializer.CodecFactory {
	all := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, monitoringv1.AddToScheme, monitoringv1alpha1.AddToScheme} {
		if err := add(all); err != nil {
			panic(fmt.Sprintf("helm: %v", err))
		}
	}
	return serializer.NewCodecFactory(all, serializer.EnableStrict)
}()

// Decode returns the objects of a YAML text.
func Decode(t testing.TB, path, text string) []runtime.Object {
	t.Helper()
	objects, err := decode(text)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return objects
}

// Check returns an error if an object of a YAML text does not decode strictly into its
// type.
func Check(text string) error {
	_, err := decode(text)
	return err
}

func decode(text string) ([]runtime.Object, error) {
	documents := releaseutil.SplitManifests(text)
	var objects []runtime.Object
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		object, _, err := types.UniversalDeserializer().Decode([]byte(documents[name]), nil, nil)
		if err != nil {
			return nil, fmt.Errorf("%w\n%s", err, documents[name])
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// All returns the objects of a type.
func All[T runtime.Object](objects []runtime.Object) []T {
	var some []T
	for _, o := range objects {
		if o, ok := o.(T); ok {
			some = append(some, o)
		}
	}
	return some
}

// Only returns the only object of a type.
func Only[T runtime.Object](t testing.TB, objects []runtime.Object) T {
	t.Helper()
	some := All[T](objects)
	if len(some) != 1 {
		t.Fatalf("got %d objects of type %T, want 1", len(some), *new(T))
	}
	return some[0]
}
