package meters

import "slices"

// Sources are the sources of a deployment's state. The families of a nil source are not
// served. Sources are called concurrently, each by one goroutine at a time, and must
// return when the context ends, at the time limit of the collection.
type Sources struct {
	ActiveUsers  ActiveUsersSource
	LatestBuilds LatestBuildsSource
	Agents       AgentsSource
	AgentStats   AgentStatsSource
	Insights     InsightsSource
	License      LicenseSource
	Jobs         JobsSource
	Prebuilds    PrebuildsSource
	Creations    CreationsSource
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
		collectors = append(collectors, agentStats(c, s.AgentStats, refused))
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
	if s.Prebuilds != nil {
		collectors = append(collectors, prebuilds(c, s.Prebuilds, refused))
	}
	if s.Creations != nil {
		collectors = append(collectors, creations(c, s.Creations, refused))
	}
	collectors = slices.DeleteFunc(collectors, func(s collector) bool { return !slices.ContainsFunc(s.families, c.edition.Has) })
	for i := range collectors {
		collectors[i].limit(c, refused)
	}
	return collectors
}

// LoggedError wraps the error of a source that has already logged it, such as an outage
// that affects several sources. [Meters.Poll] logs it only at level DEBUG.
type LoggedError struct{ Err error }

func (e *LoggedError) Error() string { return e.Err.Error() }
func (e *LoggedError) Unwrap() error { return e.Err }
