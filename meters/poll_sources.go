package meters

// Sources are where the state of a deployment is read. A nil source leaves its
// families out. Each is asked by one goroutine, never twice at a time, with a
// context that ends at the collection's time limit; it must return by then.
type Sources struct {
	ActiveUsers  ActiveUsersSource
	LatestBuilds LatestBuildsSource
	Agents       AgentsSource
	AgentStats   AgentStatsSource
	Insights     InsightsSource
	License      LicenseSource
	Jobs         JobsSource
}

// collectors returns one collector for each source that there is.
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
	for i := range collectors {
		collectors[i].limit(c, refused)
	}
	return collectors
}

// LoggedError is the error of a source that has logged the failure itself, such as
// the one outage that makes several sources fail. [Meters.Poll] logs it at level DEBUG
// only.
type LoggedError struct{ Err error }

func (e *LoggedError) Error() string { return e.Err.Error() }
func (e *LoggedError) Unwrap() error { return e.Err }
