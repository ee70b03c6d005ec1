package meters

import "context"

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

// LoggedError is the error of a source that has logged the failure itself, such as
// the one outage that makes several sources fail. [Meters.Poll] logs it at level DEBUG
// only.
type LoggedError struct{ Err error }

func (e *LoggedError) Error() string { return e.Err.Error() }
func (e *LoggedError) Unwrap() error { return e.Err }

// ActiveUsersSource counts the distinct users with an API key last used within
// the past hour.
type ActiveUsersSource interface {
	ActiveUsers(ctx context.Context) (int, error)
}

// LatestBuildsSource counts the workspaces that are not deleted by the job
// status of their latest build. A status without a workspace may be left out.
type LatestBuildsSource interface {
	LatestBuilds(ctx context.Context) (map[JobStatus]int, error)
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

// AgentsSource lists the workspaces that are not deleted, each with the agents
// of its latest build; a workspace without agents is listed too.
type AgentsSource interface {
	Agents(ctx context.Context) ([]Workspace, error)
}

// Workspace is a workspace with the agents of its latest build.
type Workspace struct {
	Name     string
	Username string // the owner's
	Template string
	Agents   []Agent
}

// Agent is the state of a workspace agent.
type Agent struct {
	Name        string
	Status      AgentStatus
	Lifecycle   AgentLifecycle
	TailnetNode string // "nodeid:" and 16 hex digits; empty if unknown
	Latencies   []RegionLatency
	Apps        []AgentApp
	// StartupScript is the result of the startup script of the current start; nil
	// if the script has not ended, if the result is unknown, or if a
	// [ForwardingAgent] reports it.
	StartupScript *StartupScript
}

// StartupScript is a startup script that has ended.
type StartupScript struct {
	Seconds float64 // how long it took
	Success bool
}

// AgentStatus says whether an agent is connected.
type AgentStatus string

// The statuses of an agent.
const (
	AgentConnecting   AgentStatus = "connecting"
	AgentConnected    AgentStatus = "connected"
	AgentDisconnected AgentStatus = "disconnected"
	AgentTimeout      AgentStatus = "timeout"
)

// AgentLifecycle is the phase of life an agent says it is in.
type AgentLifecycle string

// The phases of an agent's life.
const (
	LifecycleCreated         AgentLifecycle = "created"
	LifecycleStarting        AgentLifecycle = "starting"
	LifecycleStartTimeout    AgentLifecycle = "start_timeout"
	LifecycleStartError      AgentLifecycle = "start_error"
	LifecycleReady           AgentLifecycle = "ready"
	LifecycleShuttingDown    AgentLifecycle = "shutting_down"
	LifecycleShutdownTimeout AgentLifecycle = "shutdown_timeout"
	LifecycleShutdownError   AgentLifecycle = "shutdown_error"
	LifecycleOff             AgentLifecycle = "off"
)

// RegionLatency is an agent's latency to one relay (DERP) region.
type RegionLatency struct {
	Region    string  // its name; a region without one is "Unnamed <id>"
	Preferred bool    // the agent's home region
	Seconds   float64 // latency in seconds
}

// AgentApp is an application of an agent.
type AgentApp struct {
	DisplayName string
	Health      AppHealth
}

// AppHealth is the health of an application.
type AppHealth string

// The health states of an application.
const (
	AppDisabled     AppHealth = "disabled"
	AppInitializing AppHealth = "initializing"
	AppHealthy      AppHealth = "healthy"
	AppUnhealthy    AppHealth = "unhealthy"
)

// AgentStatsSource sums up what agents reported since the previous successful
// call, one row an agent. The first call looks back one interval.
type AgentStatsSource interface {
	AgentStats(ctx context.Context) ([]AgentStats, error)
}

// skewedSource is an AgentStatsSource that leaves out reports whose time stamps are
// too far from the present, as that of coderdb. They are counted in
// otelcoder_refused_total, origin "source", reason "skew".
type skewedSource interface {
	// SkewedReports returns the number of reports that the latest successful call
	// of AgentStats left out, 0 or more. It is called after AgentStats, by the same
	// goroutine.
	SkewedReports() int
}

// AgentStats are the statistics of one agent over one collection.
type AgentStats struct {
	AgentName string
	Username  string
	Workspace string

	RxBytes, TxBytes int64 // bytes since the previous collection

	// From the agent's newest report:
	Connections             int64
	MedianLatency           float64 // seconds
	SessionsVSCode          int64
	SessionsJetBrains       int64
	SessionsReconnectingPTY int64
	SessionsSSH             int64
}

// InsightsSource sums up what users did over the past five minutes.
type InsightsSource interface {
	Insights(ctx context.Context) (Insights, error)
}

// Insights is what users did over the past five minutes.
type Insights struct {
	ActiveUsers  []TemplateUsers
	Applications []ApplicationUsage
	Parameters   []ParameterUsage
}

// TemplateUsers counts the users active in workspaces of a template.
type TemplateUsers struct {
	Template string
	Users    int
}

// ApplicationUsage is the time that users of a template spent in an
// application.
type ApplicationUsage struct {
	Template    string
	Application string  // display name, or "Visual Studio Code", "JetBrains", "Web Terminal", "SSH"
	Slug        string  // empty for these four
	Seconds     float64 // whole minutes of use by each user, summed, in seconds
}

// ParameterUsage counts the builds that gave a template's parameter a value.
type ParameterUsage struct {
	Template string
	Name     string
	Type     string
	Value    string // text that a user typed
	Builds   int
}

// LicenseSource reads the number of active users and the licensed limit.
type LicenseSource interface {
	License(ctx context.Context) (License, error)
}

// License is the number of active users and the user limit in force.
type License struct {
	ActiveUsers int // with or without a limit; neither system users nor service accounts
	Limit       int // licensed users; 0 if no limit is in force
}

// JobsSource counts the provisioner jobs that are running. A provisioner without
// one may be left out.
type JobsSource interface {
	RunningJobs(ctx context.Context) (map[Provisioner]int, error)
}
