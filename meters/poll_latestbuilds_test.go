package meters

import (
	"testing"
	"testing/synctest"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func TestLatestBuilds(t *testing.T) {
	for _, test := range []struct {
		name    string
		edition instrument.Edition
		rows    []LatestBuilds
		want    string
		// Numbers of refused rows.
		undocumented, negative int
	}{
		{"no workspaces", instrument.Documented, nil, `# TYPE coderd_api_workspace_latest_build_total gauge
coderd_api_workspace_latest_build_total{status="canceled"} 0
coderd_api_workspace_latest_build_total{status="canceling"} 0
coderd_api_workspace_latest_build_total{status="failed"} 0
coderd_api_workspace_latest_build_total{status="pending"} 0
coderd_api_workspace_latest_build_total{status="running"} 0
coderd_api_workspace_latest_build_total{status="succeeded"} 0
coderd_api_workspace_latest_build_total{status="unknown"} 0
`, 0, 0},
		{
			"any other status is unknown", instrument.Documented,
			[]LatestBuilds{
				{Status: JobSucceeded, Workspaces: 15}, {Status: JobSucceeded, Workspaces: 5}, {Status: JobFailed, Workspaces: 3},
				{Status: JobUnknown, Workspaces: 1}, {Status: "hanging", Workspaces: 2}, {Status: "\xff", Workspaces: 4}, {Status: JobPending, Workspaces: -1},
			},
			`# TYPE coderd_api_workspace_latest_build_total gauge
coderd_api_workspace_latest_build_total{status="canceled"} 0
coderd_api_workspace_latest_build_total{status="canceling"} 0
coderd_api_workspace_latest_build_total{status="failed"} 3
coderd_api_workspace_latest_build_total{status="pending"} 0
coderd_api_workspace_latest_build_total{status="running"} 0
coderd_api_workspace_latest_build_total{status="succeeded"} 20
coderd_api_workspace_latest_build_total{status="unknown"} 7
`, 0, 1,
		},
		{
			"edition Coder without workspaces", instrument.Coder, nil, `# TYPE coderd_api_workspace_latest_build gauge
coderd_api_workspace_latest_build{status="canceled"} 0
coderd_api_workspace_latest_build{status="canceling"} 0
coderd_api_workspace_latest_build{status="failed"} 0
coderd_api_workspace_latest_build{status="pending"} 0
coderd_api_workspace_latest_build{status="running"} 0
coderd_api_workspace_latest_build{status="succeeded"} 0
coderd_api_workspace_latest_build{status="unknown"} 0
`, 0, 0,
		},
		{
			"edition Coder", instrument.Coder,
			[]LatestBuilds{
				{JobSucceeded, TransitionStart, "docker", "v1", "ann", 3},
				{JobSucceeded, TransitionStart, "docker", "v1", "ann", 1}, // in another organization
				{JobSucceeded, TransitionStart, "docker", "v2", "ann", 1},
				{JobSucceeded, TransitionStop, "docker", "v1", "ann", 1},
				{JobFailed, TransitionDelete, "docker", "", "bob", 2},
				{"hanging", TransitionStart, "do\xffcker", "v1", "bob", 1},
				{JobRunning, "restart", "docker", "v1", "bob", 5},
				{JobCanceled, TransitionStart, "docker", "v1", "bob", 0},
				{JobPending, TransitionStart, "docker", "v1", "bob", -1},
			},
			`# TYPE coderd_api_workspace_latest_build gauge
coderd_api_workspace_latest_build{status="canceled"} 0
coderd_api_workspace_latest_build{status="canceling"} 0
coderd_api_workspace_latest_build{status="failed"} 2
coderd_api_workspace_latest_build{status="pending"} 0
coderd_api_workspace_latest_build{status="running"} 5
coderd_api_workspace_latest_build{status="succeeded"} 6
coderd_api_workspace_latest_build{status="unknown"} 1
# TYPE coderd_workspace_latest_build_status gauge
coderd_workspace_latest_build_status{status="failed",template_name="docker",template_version="unknown",workspace_owner="bob",workspace_transition="delete"} 2
coderd_workspace_latest_build_status{status="succeeded",template_name="docker",template_version="v1",workspace_owner="ann",workspace_transition="start"} 4
coderd_workspace_latest_build_status{status="succeeded",template_name="docker",template_version="v1",workspace_owner="ann",workspace_transition="stop"} 1
coderd_workspace_latest_build_status{status="succeeded",template_name="docker",template_version="v2",workspace_owner="ann",workspace_transition="start"} 1
coderd_workspace_latest_build_status{status="unknown",template_name="do�cker",template_version="v1",workspace_owner="bob",workspace_transition="start"} 1
`, 1, 1,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := meterstest.NewReaderOf(t, test.edition)
				poll(t, m, Sources{Edition: test.edition, LatestBuilds: latestBuildsFunc(answers(test.rows))})
				m.Expect(t, test.want, instrument.APIWorkspaceLatestBuild, instrument.WorkspaceLatestBuildStatus)
				wantRefused(t, m, test.undocumented, test.negative)
			})
		})
	}
}
