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
		counts  map[JobStatus]int
		want    string
		refused int
	}{
		{"no workspaces", nil, `# TYPE coderd_api_workspace_latest_build_total gauge
coderd_api_workspace_latest_build_total{status="canceled"} 0
coderd_api_workspace_latest_build_total{status="canceling"} 0
coderd_api_workspace_latest_build_total{status="failed"} 0
coderd_api_workspace_latest_build_total{status="pending"} 0
coderd_api_workspace_latest_build_total{status="running"} 0
coderd_api_workspace_latest_build_total{status="succeeded"} 0
coderd_api_workspace_latest_build_total{status="unknown"} 0
`, 0},
		{
			"any other status is unknown",
			map[JobStatus]int{JobSucceeded: 20, JobFailed: 3, JobUnknown: 1, "hanging": 2, "\xff": 4, JobPending: -1},
			`# TYPE coderd_api_workspace_latest_build_total gauge
coderd_api_workspace_latest_build_total{status="canceled"} 0
coderd_api_workspace_latest_build_total{status="canceling"} 0
coderd_api_workspace_latest_build_total{status="failed"} 3
coderd_api_workspace_latest_build_total{status="pending"} 0
coderd_api_workspace_latest_build_total{status="running"} 0
coderd_api_workspace_latest_build_total{status="succeeded"} 20
coderd_api_workspace_latest_build_total{status="unknown"} 7
`, 1,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := meterstest.NewReader(t)
				poll(t, m, Sources{LatestBuilds: latestBuildsFunc(answers(test.counts))})
				m.Expect(t, test.want, instrument.APIWorkspaceLatestBuild)
				wantRefused(t, m, 0, test.refused)
			})
		})
	}
}
