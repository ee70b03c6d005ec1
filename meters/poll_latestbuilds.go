package meters

import (
	"cmp"
	"context"
	"slices"

	"github.com/otelcoder/otelcoder/instrument"
)

// LatestBuildsSource counts workspaces by their latest build, without deleted workspaces
// and workspaces without a build. Several rows may be equal but for their number.
type LatestBuildsSource interface {
	LatestBuilds(ctx context.Context) ([]LatestBuilds, error)
}

// LatestBuilds is the number of workspaces whose latest builds are alike. The edition
// Documented needs only their status.
type LatestBuilds struct {
	Status          JobStatus
	Transition      Transition
	Template        string // the workspace's
	TemplateVersion string // the name of the build's version; empty if it has none
	Username        string // the owner's
	Workspaces      int
}

// JobStatus is the status of a provisioner job.
type JobStatus string

// The statuses of a provisioner job.
const (
	JobPending   JobStatus = "pending"
	JobRunning   JobStatus = "running"
	JobSucceeded JobStatus = "succeeded"
	JobCanceling JobStatus = "canceling"
	JobCanceled  JobStatus = "canceled"
	JobFailed    JobStatus = "failed"
	JobUnknown   JobStatus = "unknown"
)

// Transition is the transition of a workspace by a build, as Coder stores it.
type Transition string

// The transitions of a workspace.
const (
	TransitionStart  Transition = "start"
	TransitionStop   Transition = "stop"
	TransitionDelete Transition = "delete"
)

var transitions = [...]Transition{TransitionStart, TransitionStop, TransitionDelete}

// unknownVersion is the template version of a workspace without one, as a Coder server
// has it for its agents.
const unknownVersion = "unknown"

func latestBuilds(c config, source LatestBuildsSource, refused sourceRefusals) collector {
	series := latestBuildsSeries{
		edition:  c.edition,
		byStatus: newMerged[instrument.LatestBuild](c, instrument.APIWorkspaceLatestBuild),
		alike:    newMerged[instrument.LatestBuild](c, instrument.WorkspaceLatestBuildStatus),
	}
	return collector{
		name:     "latest_builds",
		families: []instrument.Family{instrument.APIWorkspaceLatestBuild, instrument.WorkspaceLatestBuildStatus},
		interval: c.interval,
		collect: func(ctx context.Context) (snapshot, int, error) {
			rows, err := source.LatestBuilds(ctx)
			if err != nil {
				return snapshot{}, 0, err
			}
			return snapshot{instrument.Deployment: series.samples(rows, refused)}, len(rows), nil
		},
	}
}

// latestBuildsSeries are the series of [LatestBuildsSource].
type latestBuildsSeries struct {
	edition         instrument.Edition
	byStatus, alike *merged[instrument.LatestBuild]
}

// samples returns a sample for each documented status, also without workspaces.
// Other statuses count as unknown, so that the sum is the number of workspaces. In editions
// with [instrument.WorkspaceLatestBuildStatus], a row with an undocumented transition is
// not in that family.
func (s *latestBuildsSeries) samples(rows []LatestBuilds, refused sourceRefusals) []sample {
	for _, status := range []JobStatus{JobPending, JobRunning, JobSucceeded, JobCanceling, JobCanceled, JobFailed, JobUnknown} {
		s.byStatus.add(instrument.LatestBuild{Status: string(status)}, 0)
	}
	for _, row := range rows {
		n := float64(row.Workspaces)
		if !refused.valid(n) {
			continue
		}
		if !row.Status.documented() {
			row.Status = JobUnknown
		}
		s.byStatus.add(instrument.LatestBuild{Status: string(row.Status)}, n)
		if s.edition.Has(instrument.WorkspaceLatestBuildStatus) && n > 0 && refused.documented(row.Transition.documented()) {
			s.alike.add(instrument.LatestBuild{
				OwnerName:       refused.text(row.Username),
				Status:          string(row.Status),
				TemplateName:    refused.text(row.Template),
				TemplateVersion: cmp.Or(refused.text(row.TemplateVersion), unknownVersion),
				Transition:      string(row.Transition),
			}, n)
		}
	}
	return s.alike.appendTo(s.byStatus.appendTo(nil))
}

func (s JobStatus) documented() bool {
	switch s {
	case JobPending, JobRunning, JobSucceeded, JobCanceling, JobCanceled, JobFailed, JobUnknown:
		return true
	}
	return false
}

func (t Transition) documented() bool {
	return slices.Contains(transitions[:], t)
}
