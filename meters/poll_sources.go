package meters

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/otelcoder/otelcoder/instrument"
)

// Sources are the sources of a deployment's state. The families of a nil source are not
// served. Sources are called concurrently, each by one goroutine at a time, and must
// return when the context ends, at the time limit of the collection.
type Sources struct {
	// Edition is the edition whose label values the sources return. If it is not that of
	// the meters' providers, the sources are not called and count as failing.
	Edition instrument.Edition

	ActiveUsers  ActiveUsersSource
	LatestBuilds LatestBuildsSource
	Agents       AgentsSource
	AgentStats   AgentStatsSource
	Insights     InsightsSource
	License      LicenseSource
	Jobs         JobsSource

	// Only the edition Coder has families of these sources.

	Users     UsersSource
	Daemons   DaemonsSource
	Prebuilds PrebuildsSource
	Creations CreationsSource
}

// collectors returns one collector for each source that is not nil and has families of the
// edition.
func (s Sources) collectors(out *output, c config, refused sourceRefusals) []collector {
	var collectors []collector
	if s.ActiveUsers != nil {
		collectors = append(collectors, activeUsers(c, s.ActiveUsers, refused))
	}
	if s.LatestBuilds != nil {
		collectors = append(collectors, latestBuilds(c, s.LatestBuilds, refused))
	}
	if s.Agents != nil {
		collectors = append(collectors, agents(out, c, s.Agents, refused))
	}
	if s.AgentStats != nil {
		collectors = append(collectors, agentStats(out, c, s.AgentStats, refused))
	}
	if s.Insights != nil {
		collectors = append(collectors, insights(c, s.Insights, refused))
	}
	if s.License != nil {
		collectors = append(collectors, license(c, s.License, refused))
	}
	if s.Jobs != nil {
		collectors = append(collectors, runningJobs(out, c, s.Jobs, refused))
	}
	if s.Users != nil {
		collectors = append(collectors, users(c, s.Users, refused))
	}
	if s.Daemons != nil {
		collectors = append(collectors, daemons(c, s.Daemons, refused))
	}
	if s.Prebuilds != nil {
		collectors = append(collectors, prebuilds(c, s.Prebuilds, refused))
	}
	if s.Creations != nil {
		collectors = append(collectors, creations(c, s.Creations, refused))
	}
	for i := range collectors {
		collector := &collectors[i]
		collector.families = slices.DeleteFunc(collector.families, func(f instrument.Family) bool { return !c.edition.Has(f) })
		collector.limit(c, refused)
		if s.Edition != c.edition {
			collector.collect = func(context.Context) (snapshot, int, error) { return nil, 0, s.wrongEdition(c.edition) }
		}
	}
	return slices.DeleteFunc(collectors, func(s collector) bool { return len(s.families) == 0 })
}

// wrongEdition returns the error of sources whose edition is not that of the providers.
func (s Sources) wrongEdition(providers instrument.Edition) error {
	return fmt.Errorf("the sources are of the edition %s, and the meter providers of the edition %s: "+
		"pass coderdb.WithEdition and exporters.WithEdition the same edition, or set Sources.Edition", s.Edition, providers)
}

// PartialError is the error of a source that returned rows nevertheless, because only
// some families need what failed. [Meters.Poll] serves these rows, and the source counts
// as failing. The sources of agents and insights may return it, and that of creations
// with its latest counts.
type PartialError struct{ Err error }

func (e *PartialError) Error() string { return e.Err.Error() }
func (e *PartialError) Unwrap() error { return e.Err }

// partial reports whether an error came with rows.
func partial(err error) bool {
	_, is := errors.AsType[*PartialError](err)
	return is
}

// LoggedError wraps the error of a source that has already logged it, such as an outage
// that affects several sources. [Meters.Poll] logs it only at level DEBUG.
type LoggedError struct{ Err error }

func (e *LoggedError) Error() string { return e.Err.Error() }
func (e *LoggedError) Unwrap() error { return e.Err }
