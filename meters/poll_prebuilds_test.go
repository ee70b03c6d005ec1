package meters

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func TestPrebuilds(t *testing.T) {
	small := Preset{Organization: "coder", Template: "docker", Name: "small"}
	synctest.Test(t, func(t *testing.T) {
		m := meterstest.NewReaderOf(t, instrument.Coder)
		poll(t, m, Sources{Edition: instrument.Coder, Prebuilds: prebuildsFunc(answers(Prebuilds{Licensed: true, Presets: []PresetPrebuilds{
			{Preset: small, Desired: 3, Running: 2, Eligible: 1, HardLimited: true},
			{Preset: small, Desired: 1, Running: 1, Eligible: 1, HardLimited: true, ValidationFailed: true}, // equal labels
			{Preset: Preset{Organization: "other\xff", Template: "docker", Name: "small"}, Desired: -1},
		}}))})
		// The clock of the test begins at 2000-01-01.
		m.Expect(t, `# TYPE coderd_prebuilt_workspaces_desired gauge
coderd_prebuilt_workspaces_desired{organization_name="coder",preset_name="small",template_name="docker"} 4
# TYPE coderd_prebuilt_workspaces_eligible gauge
coderd_prebuilt_workspaces_eligible{organization_name="coder",preset_name="small",template_name="docker"} 2
coderd_prebuilt_workspaces_eligible{organization_name="other�",preset_name="small",template_name="docker"} 0
# TYPE coderd_prebuilt_workspaces_metrics_last_updated gauge
coderd_prebuilt_workspaces_metrics_last_updated 9.466848e+08
# TYPE coderd_prebuilt_workspaces_preset_hard_limited gauge
coderd_prebuilt_workspaces_preset_hard_limited{organization_name="coder",preset_name="small",template_name="docker"} 1
# TYPE coderd_prebuilt_workspaces_preset_validation_failed gauge
coderd_prebuilt_workspaces_preset_validation_failed{organization_name="coder",preset_name="small",template_name="docker"} 1
# TYPE coderd_prebuilt_workspaces_running gauge
coderd_prebuilt_workspaces_running{organization_name="coder",preset_name="small",template_name="docker"} 3
coderd_prebuilt_workspaces_running{organization_name="other�",preset_name="small",template_name="docker"} 0
`, instrument.PrebuiltWorkspacesDesired, instrument.PrebuiltWorkspacesEligible, instrument.PrebuiltWorkspacesLastUpdated,
			instrument.PrebuiltWorkspacesHardLimited, instrument.PrebuiltWorkspacesValidationFailed, instrument.PrebuiltWorkspacesRunning)
		wantRefused(t, m, 0, 1)
	})
	synctest.Test(t, func(t *testing.T) {
		m := meterstest.NewReaderOf(t, instrument.Coder)
		poll(t, m, Sources{Edition: instrument.Coder, Prebuilds: prebuildsFunc(answers(Prebuilds{Presets: []PresetPrebuilds{{Preset: small, Desired: 3}}}))})
		m.Expect(t, "", instrument.PrebuiltWorkspacesDesired, instrument.PrebuiltWorkspacesLastUpdated)
		wantValue(t, m, `otelcoder_source_up{source="prebuilds"}`, 1)
	})
}

func TestCreations(t *testing.T) {
	small := Preset{Organization: "coder", Template: "docker", Name: "small"}
	synctest.Test(t, func(t *testing.T) {
		m := meterstest.NewReaderOf(t, instrument.Coder)
		poll(t, m, Sources{Edition: instrument.Coder, Creations: creationsFunc(answers(Creations{
			Workspaces: []WorkspaceCreations{
				{Preset: small}, {Preset: small, Workspaces: 4},
				{Preset: Preset{Organization: "coder", Template: "docker"}, Workspaces: 2},
				{Preset: small, Workspaces: -1},
			},
			Prebuilds: []PrebuildCreations{{Preset: small, Created: 5, Failed: 2, Claimed: 1}, {Preset: small, Created: 1, Claimed: 1}},
		}))})
		m.Expect(t, `# TYPE coderd_prebuilt_workspaces_claimed_total counter
coderd_prebuilt_workspaces_claimed_total{organization_name="coder",preset_name="small",template_name="docker"} 2
# TYPE coderd_prebuilt_workspaces_created_total counter
coderd_prebuilt_workspaces_created_total{organization_name="coder",preset_name="small",template_name="docker"} 6
# TYPE coderd_prebuilt_workspaces_failed_total counter
coderd_prebuilt_workspaces_failed_total{organization_name="coder",preset_name="small",template_name="docker"} 2
# TYPE coderd_workspace_creation_total counter
coderd_workspace_creation_total{organization_name="coder",preset_name="",template_name="docker"} 2
coderd_workspace_creation_total{organization_name="coder",preset_name="small",template_name="docker"} 4
`, instrument.PrebuiltWorkspacesClaimed, instrument.PrebuiltWorkspacesCreated, instrument.PrebuiltWorkspacesFailed, instrument.WorkspaceCreation)
		wantRefused(t, m, 0, 1)
	})
}

// TestCreationsPartialError checks that counts returned with a PartialError are served until
// the source returns another error, though the source is not up.
func TestCreationsPartialError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		var err variable[error]
		err.set(&PartialError{errors.New("canceled")})
		m := meterstest.NewReaderOf(t, instrument.Coder)
		poll(t, m, Sources{Edition: instrument.Coder, Creations: creationsFunc(func(context.Context) (Creations, error) {
			return Creations{Workspaces: []WorkspaceCreations{{Preset: Preset{Organization: "coder", Template: "go"}, Workspaces: 5}}}, err.get()
		})}, l.option())
		for range 2 {
			m.Expect(t, `# TYPE coderd_workspace_creation_total counter
coderd_workspace_creation_total{organization_name="coder",preset_name="",template_name="go"} 5
`, instrument.WorkspaceCreation)
			wantValue(t, m, `otelcoder_source_up{source="creations"}`, 0)
			time.Sleep(time.Hour)
		}
		err.set(errors.New("canceled"))
		time.Sleep(10 * time.Minute)
		m.Expect(t, "", instrument.WorkspaceCreation)
		l.want(t,
			`level=WARN msg="source fails" source=creations error=canceled`,
			`level=WARN msg="series of source withdrawn" source=creations`,
		)
	})
}
