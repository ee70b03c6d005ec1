package main

import (
	"context"
	"maps"
	"time"

	"github.com/otelcoder/otelcoder/meters"
)

// The store has a method for each source of meters.Meters.Poll. With a real database,
// each method would be a query.

func (s *store) ActiveUsers(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	active := 0
	for _, u := range s.users.rows {
		if time.Since(u.LastSeen) < time.Hour {
			active++
		}
	}
	return active, nil
}

func (s *store) LatestBuilds(context.Context) ([]meters.LatestBuilds, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	builds := make([]meters.LatestBuilds, len(s.workspaces.rows)) // the poller adds them up
	for i, w := range s.workspaces.rows {
		builds[i] = meters.LatestBuilds{Status: w.Latest.Status, Workspaces: 1}
	}
	return builds, nil
}

func (s *store) Agents(context.Context) ([]meters.Workspace, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	workspaces := make([]meters.Workspace, len(s.workspaces.rows))
	for i, w := range s.workspaces.rows {
		workspaces[i] = meters.Workspace{Name: w.Name, Username: w.Owner, Template: w.Template}
		if w.up() {
			for _, a := range w.agents {
				workspaces[i].Agents = append(workspaces[i].Agents, a.Agent)
			}
		}
	}
	return workspaces, nil
}

func (s *store) AgentStats(context.Context) ([]meters.AgentStats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var stats []meters.AgentStats
	for _, a := range s.agents.rows {
		if a.reported {
			stats = append(stats, a.stats)
			a.stats, a.reported = meters.AgentStats{}, false
		}
	}
	return stats, nil
}

// insightsWindow is the period that the insights cover.
const insightsWindow = 5 * time.Minute

func (s *store) Insights(context.Context) (insights meters.Insights, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := time.Now().Add(-insightsWindow)

	users := make(map[string]map[string]bool) // by template
	minutesOf := make(map[usage]int)          // of all users
	for u, minutes := range s.usage {
		maps.DeleteFunc(minutes, func(minute int64, _ bool) bool { return minute < since.Unix()/60 })
		if len(minutes) == 0 {
			delete(s.usage, u)
			continue
		}
		if users[u.template] == nil {
			users[u.template] = make(map[string]bool)
		}
		users[u.template][u.user] = true
		u.user = ""
		minutesOf[u] += len(minutes)
	}
	for template, users := range users {
		insights.ActiveUsers = append(insights.ActiveUsers, meters.TemplateUsers{Template: template, Users: len(users)})
		for _, name := range builtins { // served for every template in use, even if 0
			minutesOf[usage{template: template, application: name}] += 0
		}
	}
	for u, minutes := range minutesOf {
		insights.Applications = append(insights.Applications, meters.ApplicationUsage{
			Template: u.template, Application: u.application, Slug: u.slug, Seconds: 60 * float64(minutes),
		})
	}

	// The poller sums rows with equal labels.
	for _, w := range s.workspaces.rows {
		if w.Latest.Created.Before(since) {
			continue
		}
		for _, p := range w.template.parameters {
			insights.Parameters = append(insights.Parameters, meters.ParameterUsage{
				Template: w.Template, Name: p.name, Type: p.kind, Value: w.Latest.Parameters[p.name], Builds: 1,
			})
		}
	}
	return insights, nil
}

// License returns a licence for twice the number of users.
func (s *store) License(context.Context) (meters.License, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	users := len(s.users.rows)
	return meters.License{ActiveUsers: users, Limit: 2 * users}, nil
}
