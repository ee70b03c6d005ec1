package meters

import (
	"context"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// PrebuildsSource counts the prebuilt workspaces of presets.
type PrebuildsSource interface {
	Prebuilds(ctx context.Context) (Prebuilds, error)
}

// Prebuilds are the prebuilt workspaces of a deployment.
type Prebuilds struct {
	// Licensed reports whether the deployment's license includes prebuilt workspaces.
	// Otherwise no family has series.
	Licensed bool
	// Presets are the presets with a desired number of prebuilt workspaces, of the active
	// versions of templates that are not deleted.
	Presets []PresetPrebuilds
}

// Preset names a preset of a template.
type Preset struct {
	Organization string // the template's
	Template     string
	Name         string // empty for workspaces without a preset
}

// PresetPrebuilds are the prebuilt workspaces of a preset that no user has claimed.
type PresetPrebuilds struct {
	Preset
	Desired          int // by the schedule in force; 0 if the template is deprecated
	Running          int
	Eligible         int  // running, ready and not expired; 0 if the template is deprecated
	HardLimited      bool // Coder builds no more of them, since the newest ones failed
	ValidationFailed bool // Coder rejected the preset's parameters
}

// measured returns the label values of the preset.
func (p Preset) measured(text labelText) instrument.Preset {
	return instrument.Preset{OrganizationName: text(p.Organization), TemplateName: text(p.Template), PresetName: text(p.Name)}
}

func prebuilds(c config, source PrebuildsSource, refused sourceRefusals) collector {
	return collector{
		name: "prebuilds",
		families: []instrument.Family{
			instrument.PrebuiltWorkspacesDesired,
			instrument.PrebuiltWorkspacesEligible,
			instrument.PrebuiltWorkspacesHardLimited,
			instrument.PrebuiltWorkspacesLastUpdated,
			instrument.PrebuiltWorkspacesRunning,
			instrument.PrebuiltWorkspacesValidationFailed,
		},
		interval: c.interval,
		collect: func(ctx context.Context) (snapshot, int, error) {
			p, err := source.Prebuilds(ctx)
			if err != nil || !p.Licensed {
				return snapshot{}, 0, err
			}
			return snapshot{
				instrument.Deployment: prebuildsSamples(p.Presets, c, refused),
				instrument.Process: {
					c.sample(instrument.PrebuiltWorkspacesLastUpdated, instrument.NoLabels{}, unixSeconds(time.Now())),
				},
			}, len(p.Presets), nil
		},
	}
}

// prebuildsSamples sums the numbers of presets with equal labels. The conditions have a
// series, 1, if they hold for one of these presets.
func prebuildsSamples(presets []PresetPrebuilds, c config, refused sourceRefusals) []sample {
	of := func(f instrument.Family) *merged[instrument.Preset] {
		return newMerged[instrument.Preset](c, f)
	}
	desired, running, eligible := of(instrument.PrebuiltWorkspacesDesired), of(instrument.PrebuiltWorkspacesRunning), of(instrument.PrebuiltWorkspacesEligible)
	limited, invalid := of(instrument.PrebuiltWorkspacesHardLimited), of(instrument.PrebuiltWorkspacesValidationFailed)
	for _, p := range presets {
		m := p.measured(refused.text)
		refused.sum(desired, m, p.Desired)
		refused.sum(running, m, p.Running)
		refused.sum(eligible, m, p.Eligible)
		if p.HardLimited {
			limited.raise(m, 1)
		}
		if p.ValidationFailed {
			invalid.raise(m, 1)
		}
	}
	var samples []sample
	for _, values := range []*merged[instrument.Preset]{desired, running, eligible, limited, invalid} {
		samples = values.appendTo(samples)
	}
	return samples
}

// sum adds the number of a preset, unless it is refused.
func (r sourceRefusals) sum(to *merged[instrument.Preset], m instrument.Preset, n int) {
	if r.valid(float64(n)) {
		to.add(m, float64(n))
	}
}
