package meters

import (
	"time"
)

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

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

// subjects returns one subject for each source that there is.
func (s Sources) subjects(out *output, c config, refused sourceRefusals) []subject {
	var subjects []subject
	if s.ActiveUsers != nil {
		subjects = append(subjects, activeUsers(c, s.ActiveUsers, refused))
	}
	if s.LatestBuilds != nil {
		subjects = append(subjects, latestBuilds(c, s.LatestBuilds, refused))
	}
	if s.Agents != nil {
		subjects = append(subjects, agents(out, c, s.Agents, refused))
	}
	if s.AgentStats != nil {
		subjects = append(subjects, agentStats(c, s.AgentStats, refused))
	}
	if s.Insights != nil {
		subjects = append(subjects, insights(c, s.Insights, refused))
	}
	if s.License != nil {
		subjects = append(subjects, license(c, s.License, refused))
	}
	if s.Jobs != nil {
		subjects = append(subjects, runningJobs(out, c, s.Jobs, refused))
	}
	for i := range subjects {
		subjects[i].limit(c, refused)
	}
	return subjects
}

// LoggedError is the error of a source that has logged the failure itself, such as
// the one outage that makes several sources fail. [Meters.Poll] logs it at level DEBUG
// only.
type LoggedError struct{ Err error }

func (e *LoggedError) Error() string { return e.Err.Error() }
func (e *LoggedError) Unwrap() error { return e.Err }
