package meters

import (
	"context"

	"github.com/otelcoder/otelcoder/instrument"
)

// CreationsSource counts the workspaces that were ever created, including deleted ones. It
// may count less often than it is called, and return the latest counts, with a
// [PartialError] if a later count has failed.
type CreationsSource interface {
	Creations(ctx context.Context) (Creations, error)
}

// Creations are the workspaces that were ever created from templates that are not deleted.
// The counts fall when a template is deleted.
type Creations struct {
	Workspaces []WorkspaceCreations
	Prebuilds  []PrebuildCreations // none if the deployment's license does not include them
}

// WorkspaceCreations are the workspaces that users created from a template.
type WorkspaceCreations struct {
	Preset     // of the first build that succeeded
	Workspaces int
}

// PrebuildCreations are the prebuilt workspaces of a preset.
type PrebuildCreations struct {
	Preset
	Created int
	Failed  int // of Created, in their first build
	Claimed int // of Created, by a user
}

func creations(c config, source CreationsSource, refused sourceRefusals) collector {
	return collector{
		name: "creations",
		families: []instrument.Family{
			instrument.PrebuiltWorkspacesClaimed,
			instrument.PrebuiltWorkspacesCreated,
			instrument.PrebuiltWorkspacesFailed,
			instrument.WorkspaceCreation,
		},
		interval: c.interval,
		collect: func(ctx context.Context) (snapshot, int, error) {
			all, err := source.Creations(ctx)
			if err != nil && !partial(err) {
				return snapshot{}, 0, err
			}
			return snapshot{instrument.Deployment: creationsSamples(all, c, refused)}, len(all.Workspaces) + len(all.Prebuilds), err
		},
	}
}

// creationsSamples sums the numbers of presets with equal labels.
func creationsSamples(all Creations, c config, refused sourceRefusals) []sample {
	workspaces := newMerged[instrument.Preset](c, instrument.WorkspaceCreation)
	for _, row := range all.Workspaces {
		refused.sum(workspaces, row.measured(refused.text), row.Workspaces)
	}
	created := newMerged[instrument.Preset](c, instrument.PrebuiltWorkspacesCreated)
	failed := newMerged[instrument.Preset](c, instrument.PrebuiltWorkspacesFailed)
	claimed := newMerged[instrument.Preset](c, instrument.PrebuiltWorkspacesClaimed)
	for _, row := range all.Prebuilds {
		m := row.measured(refused.text)
		refused.sum(created, m, row.Created)
		refused.sum(failed, m, row.Failed)
		refused.sum(claimed, m, row.Claimed)
	}
	samples := workspaces.appendTo(nil)
	samples = created.appendTo(samples)
	samples = failed.appendTo(samples)
	return claimed.appendTo(samples)
}
