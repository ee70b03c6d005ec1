package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/otelcoder/otelcoder/meters"
)

// connectedAgents is the number of agents that connect. The agents of further workspaces
// are only records in the store.
const connectedAgents = 50

type app struct{ slug, name string }

// apps are the apps of every template; builtins are the apps built into Coder.
var (
	apps     = []app{{"code-server", "code-server"}, {"jupyter", "JupyterLab"}, {"portal", "Admin Portal"}, {"docs", "Documentation"}}
	builtins = []string{"Visual Studio Code", "JetBrains", "Web Terminal", "SSH"}
)

// regions are the relay (DERP) regions by number.
var regions = map[int]string{1: "New York", 2: "Frankfurt", 10: "Sydney", 999: "Unnamed 999"}

var (
	userNames      = []string{"ada", "bela", "chen", "dara", "emil", "fatima", "goran", "hana", "ivo", "jun", "kofi", "lena", "mika", "noor", "otto", "priya"}
	workspaceNames = []string{"dev", "api", "web"} // of each user

	statuses   = []meters.AgentStatus{meters.AgentConnected, meters.AgentConnecting, meters.AgentDisconnected, meters.AgentTimeout}
	healths    = []meters.AppHealth{meters.AppHealthy, meters.AppInitializing, meters.AppUnhealthy, meters.AppDisabled}
	lifecycles = []meters.AgentLifecycle{
		meters.LifecycleReady, meters.LifecycleCreated, meters.LifecycleStarting, meters.LifecycleStartTimeout,
		meters.LifecycleStartError, meters.LifecycleShuttingDown, meters.LifecycleShutdownTimeout,
		meters.LifecycleShutdownError, meters.LifecycleOff,
	}
)

// newStore returns an invented deployment of n workspaces.
func newStore(n int) *store {
	s := &store{usage: make(map[usage]map[int64]bool)}
	for _, t := range []*template{
		{Name: "docker", Version: 1, parameters: []parameter{{"image", "string", []string{"go", "node", "rust"}}}},
		{Name: "kubernetes", Version: 1, parameters: []parameter{{"cpu", "number", []string{"2", "4", "8"}}, {"zone", "string", []string{"a", "b"}}}},
		{Name: "aws-linux", Version: 1, parameters: []parameter{{"region", "string", []string{"us-east-1", "eu-central-1"}}}},
		{Name: "gpu", Version: 1, parameters: []parameter{{"spot", "bool", []string{"true", "false"}}}},
	} {
		s.templates.add(t.Name, t)
	}
	for i := range (n + len(workspaceNames) - 1) / len(workspaceNames) {
		name := userNames[i%len(userNames)]
		if i >= len(userNames) {
			name = fmt.Sprint(name, i/len(userNames))
		}
		seen := time.Now().Add(-time.Duration(i%16) * 5 * time.Minute) // most of them within the hour
		s.users.add(name, &user{name, name + "@example.com", seen})
	}
	for i := range n {
		s.addWorkspace(i)
	}
	return s
}

// addWorkspace adds the i-th workspace. Some workspaces are stopped.
func (s *store) addWorkspace(i int) {
	w := &workspace{
		Name:     workspaceNames[i/len(s.users.rows)],
		owner:    s.users.rows[i%len(s.users.rows)],
		template: s.templates.rows[i%len(s.templates.rows)],
	}
	w.ID, w.Owner, w.Template = w.Name+"."+w.owner.Name, w.owner.Name, w.template.Name
	w.Latest = newBuild(w, meters.BuildStart)
	w.Latest.Status = meters.JobSucceeded
	switch i % 10 {
	case 6:
		w.Latest.Status = meters.JobFailed
	case 9:
		w.Latest.Action = meters.BuildStop
	}
	s.workspaces.add(w.ID, w)
	s.addAgent(w, "main", i)
	if i%5 == 0 { // an agent that never connects
		s.addAgent(w, "sidecar", i/5+1)
	}
}

// addAgent adds an agent in the i-th of all states. An agent that connects soon reports
// its own state.
func (s *store) addAgent(w *workspace, name string, i int) {
	a := &agent{ID: name + "." + w.ID, workspace: w}
	a.Agent = meters.Agent{Name: name, Status: statuses[i%len(statuses)], Lifecycle: lifecycles[i%len(lifecycles)]}
	if a.Status == meters.AgentConnected {
		a.TailnetNode = newTailnetNode()
		a.Latencies = []meters.RegionLatency{{Region: regions[2], Preferred: true, Seconds: 0.02}}
	}
	for j, app := range apps {
		a.Apps = append(a.Apps, meters.AgentApp{DisplayName: app.name, Health: healths[(i+j)%len(healths)]})
	}
	w.agents = append(w.agents, a)
	s.agents.add(a.ID, a)
}

func newTailnetNode() string { return fmt.Sprintf("nodeid:%016x", rand.Uint64()) }

// newBuild returns a workspace's next build.
func newBuild(w *workspace, action meters.BuildAction) build {
	parameters := make(map[string]string)
	for _, p := range w.template.parameters {
		parameters[p.name] = p.values[rand.N(len(p.values))]
	}
	return build{w.Latest.Number + 1, action, w.template.Version, meters.JobPending, time.Now(), parameters}
}
