package meterstest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// t stands for the *testing.T of a test.
var t testing.TB = example{}

// A host tests that it counts a build.
func Example() {
	reader := meterstest.NewReader(t)
	m, err := meters.New(reader.Providers())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Shutdown(t.Context())

	build := m.Builds().Start(meters.Build{Action: meters.BuildStop, WorkspaceName: "dev"}) // by the host
	build.End(meters.Failed)

	n, _ := reader.Value(t, instrument.WorkspaceBuilds, instrument.WorkspaceBuild{Action: "STOP", Status: "failed", WorkspaceName: "dev"})
	if n != 1 {
		t.Errorf("%v failed builds are counted, want 1", n)
	}
	reader.Expect(t, `
		coderd_workspace_builds_total{action="STOP",owner_email="",status="failed",template_name="",template_version="",workspace_name="dev"} 1
		coderd_workspace_builds_total{action="STOP",owner_email="",status="success",template_name="",template_version="",workspace_name="dev"} 0
	`, instrument.WorkspaceBuilds)
	fmt.Println("passed")
	// Output: passed
}

// example is as much of a test as an example needs.
type example struct{ testing.TB }

func (example) Helper()                           {}
func (example) Cleanup(func())                    {}
func (example) Context() context.Context          { return context.Background() }
func (example) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (example) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
