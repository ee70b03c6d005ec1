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

// A test of a program that checks that it counts a build.
func Example() {
	reader := meterstest.NewReader(t)
	m, err := meters.New(reader.Providers())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Shutdown(t.Context())

	build := m.Builds().Start(meters.Build{Action: meters.BuildStop, WorkspaceName: "dev"}) // done by the program under test
	build.End(meters.Failed)

	n, _ := reader.Value(t, instrument.WorkspaceBuilds, instrument.WorkspaceBuild{Action: "STOP", Status: "failed", WorkspaceName: "dev"})
	if n != 1 {
		t.Errorf("got %v failed builds, want 1", n)
	}
	reader.Expect(t, `
		coderd_workspace_builds_total{action="STOP",owner_email="",status="failed",template_name="",template_version="",workspace_name="dev"} 1
		coderd_workspace_builds_total{action="STOP",owner_email="",status="success",template_name="",template_version="",workspace_name="dev"} 0
	`, instrument.WorkspaceBuilds)
	fmt.Println("passed")
	// Output: passed
}

// example implements the methods of testing.TB that the example needs.
type example struct{ testing.TB }

func (example) Helper()                           {}
func (example) Cleanup(func())                    {}
func (example) Context() context.Context          { return context.Background() }
func (example) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (example) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
