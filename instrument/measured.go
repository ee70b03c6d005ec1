package instrument

import "strconv"

// Measured is implemented by the structs that hold the label values of a series, such
// as [WorkspaceBuild]. The values must be valid UTF-8. [Info].Measured is the struct
// of a family, the same in every edition, and no other is accepted; [Info].Labels lists
// the labels in an edition. Fields for other labels are ignored.
//
// The structs are comparable and can be map keys. Literals must name their fields, so
// that values in the wrong order do not compile.
type Measured interface {
	// label returns the value of the named label, of the family's labels.
	label(name string) string
}

// named is the first field of structs with several label values. Other packages cannot
// set it, so their literals must name the fields.
type named struct{}

// NoLabels is for families without labels, such as [APIActiveUsers].
type NoLabels struct{}

func (NoLabels) label(string) string { return "" }

// WorkspaceAgents are the agents of a workspace, for [AgentsUp].
type WorkspaceAgents struct {
	_ named

	TemplateName    string
	TemplateVersion string // the name of the latest build's version, or unknown; edition Coder
	Username        string // the owner's
	WorkspaceName   string
}

func (w WorkspaceAgents) label(name string) string {
	switch name {
	case "template_name":
		return w.TemplateName
	case "template_version":
		return w.TemplateVersion
	case "username":
		return w.Username
	case "workspace_name":
		return w.WorkspaceName
	}
	return ""
}

// Agent is a workspace agent, for agent statistics such as [AgentStatsRx].
type Agent struct {
	_ named

	AgentName     string
	Username      string // the workspace owner's
	WorkspaceName string
}

func (a Agent) label(name string) string {
	switch name {
	case "agent_name":
		return a.AgentName
	case "username":
		return a.Username
	case "workspace_name":
		return a.WorkspaceName
	}
	return ""
}

// AgentApp is an application of an agent, for [AgentsApps].
type AgentApp struct {
	_ named
	Agent

	AppName string // its display name
	Health  string // disabled initializing healthy unhealthy
}

func (a AgentApp) label(name string) string {
	switch name {
	case "app_name":
		return a.AppName
	case "health":
		return a.Health
	}
	return a.Agent.label(name)
}

// AgentConnection is the connection of an agent, for [AgentsConnections].
type AgentConnection struct {
	_ named
	Agent

	// LifecycleState is created, starting, start_timeout, start_error, ready,
	// shutting_down, shutdown_timeout, shutdown_error or off.
	LifecycleState string
	Status         string // connecting connected disconnected timeout
	TailnetNode    string // "nodeid:" and 16 hex digits, or unknown
}

func (a AgentConnection) label(name string) string {
	switch name {
	case "lifecycle_state":
		return a.LifecycleState
	case "status":
		return a.Status
	case "tailnet_node":
		return a.TailnetNode
	}
	return a.Agent.label(name)
}

// AgentLatency is the latency of an agent's connection to a relay (DERP) region, for
// [AgentsConnectionLatencies].
type AgentLatency struct {
	_ named
	Agent

	DERPRegion string // the region's name
	Preferred  bool   // the agent's home region
}

func (a AgentLatency) label(name string) string {
	switch name {
	case "derp_region":
		return a.DERPRegion
	case "preferred":
		return strconv.FormatBool(a.Preferred)
	}
	return a.Agent.label(name)
}

// AgentScript is a script executed by an agent, for [AgentScriptsExecuted] and
// [AgentStatsStartupScript].
type AgentScript struct {
	_ named
	Agent

	Success      bool
	TemplateName string
}

func (a AgentScript) label(name string) string {
	switch name {
	case "success":
		return strconv.FormatBool(a.Success)
	case "template_name":
		return a.TemplateName
	}
	return a.Agent.label(name)
}

// APIRequest is a request to the API, for [APIRequestLatencies], [APIRequestsProcessed]
// and [APIWebsocketDurations].
type APIRequest struct {
	_ named

	Code   int    // HTTP status
	Method string // a standard method or _OTHER
	Path   string // a route pattern, UNKNOWN or STATIC
}

func (r APIRequest) label(name string) string {
	switch name {
	case "code":
		return strconv.Itoa(r.Code)
	case "method":
		return r.Method
	case "path":
		return r.Path
	}
	return ""
}

// LatestBuild is the latest build of a workspace, for [APIWorkspaceLatestBuild] by status,
// and for [WorkspaceLatestBuildStatus].
type LatestBuild struct {
	_ named

	OwnerName       string // the owner's user name
	Status          string // pending running succeeded canceling canceled failed unknown
	TemplateName    string
	TemplateVersion string // the version's name
	Transition      string // start stop delete
}

func (b LatestBuild) label(name string) string {
	switch name {
	case "status":
		return b.Status
	case "template_name":
		return b.TemplateName
	case "template_version":
		return b.TemplateVersion
	case "workspace_owner":
		return b.OwnerName
	case "workspace_transition":
		return b.Transition
	}
	return ""
}

// ApplicationUsage is an application used by the users of a template, for
// [InsightsApplicationsUsage].
type ApplicationUsage struct {
	_ named

	// ApplicationName is the display name of an app; or Visual Studio Code, JetBrains,
	// Web Terminal or SSH, with an empty Slug.
	ApplicationName  string
	OrganizationName string // the template's; edition Coder
	Slug             string
	TemplateName     string
}

func (u ApplicationUsage) label(name string) string {
	switch name {
	case "application_name":
		return u.ApplicationName
	case "organization_name":
		return u.OrganizationName
	case "slug":
		return u.Slug
	case "template_name":
		return u.TemplateName
	}
	return ""
}

// ParameterUsage is a value of a template's parameter in builds, for
// [InsightsParameters].
type ParameterUsage struct {
	_ named

	OrganizationName string // the template's; edition Coder
	ParameterName    string
	ParameterType    string
	ParameterValue   string
	TemplateName     string
}

func (u ParameterUsage) label(name string) string {
	switch name {
	case "organization_name":
		return u.OrganizationName
	case "parameter_name":
		return u.ParameterName
	case "parameter_type":
		return u.ParameterType
	case "parameter_value":
		return u.ParameterValue
	case "template_name":
		return u.TemplateName
	}
	return ""
}

// TemplateUsers are the users of a template, for [InsightsTemplatesActiveUsers].
type TemplateUsers struct {
	_ named

	OrganizationName string // the template's; edition Coder
	TemplateName     string
}

func (u TemplateUsers) label(name string) string {
	switch name {
	case "organization_name":
		return u.OrganizationName
	case "template_name":
		return u.TemplateName
	}
	return ""
}

// OAuth2RateLimit is a rate limit of an external OAuth2 provider, for
// [OAuth2RateLimitTotal] and the other rate limit families.
type OAuth2RateLimit struct {
	_ named

	Name     string // the provider's
	Resource string // the rate limit's
}

func (l OAuth2RateLimit) label(name string) string {
	switch name {
	case "name":
		return l.Name
	case "resource":
		return l.Resource
	}
	return ""
}

// OAuth2Request is a call to an external OAuth2 provider, for [OAuth2Requests].
type OAuth2Request struct {
	_ named

	Name       string // the provider's
	Source     string // the kind of call
	StatusCode int    // HTTP status; 0 without a response
}

func (r OAuth2Request) label(name string) string {
	switch name {
	case "name":
		return r.Name
	case "source":
		return r.Source
	case "status_code":
		return strconv.Itoa(r.StatusCode)
	}
	return ""
}

// ProvisionerJob is a provisioner job, for [ProvisionerdJobTimings] and, without a
// status, for [ProvisionerdJobsCurrent].
type ProvisionerJob struct {
	_ named

	Provisioner string // terraform echo
	Status      string // success failed
}

func (j ProvisionerJob) label(name string) string {
	switch name {
	case "provisioner":
		return j.Provisioner
	case "status":
		return j.Status
	}
	return ""
}

// WorkspaceBuild is a workspace build, for [WorkspaceBuilds] and [WorkspaceBuildTimings].
type WorkspaceBuild struct {
	_ named

	Action          string // START STOP DESTROY; workspace_transition in the edition Coder
	OwnerEmail      string // edition Documented
	OwnerName       string // the owner's user name; edition Coder
	Status          string // success failed
	TemplateName    string
	TemplateVersion string // the version's name
	WorkspaceName   string
}

func (b WorkspaceBuild) label(name string) string {
	switch name {
	case "action", "workspace_transition":
		return b.Action
	case "owner_email":
		return b.OwnerEmail
	case "status":
		return b.Status
	case "template_name":
		return b.TemplateName
	case "template_version":
		return b.TemplateVersion
	case "workspace_name":
		return b.WorkspaceName
	case "workspace_owner":
		return b.OwnerName
	}
	return ""
}

// QueuedJob is a provisioner job that was enqueued, for [ProvisionerJobQueueWait] and,
// if it builds a workspace, for [WorkspaceBuildsEnqueued].
type QueuedJob struct {
	_ named

	// BuildReason is initiator, autostart, autostop, dormancy, failedstop, autodelete,
	// dashboard, cli, ssh_connection, vscode_connection, jetbrains_connection,
	// task_auto_pause, task_manual_pause, task_resume or prebuild; empty for jobs that
	// build no workspace.
	BuildReason string
	JobType     string // template_version_import workspace_build template_version_dry_run
	Provisioner string // terraform echo
	Status      string // success failed: the outcome of enqueuing
	Transition  string // start stop delete; empty for jobs that build no workspace
}

func (j QueuedJob) label(name string) string {
	switch name {
	case "build_reason":
		return j.BuildReason
	case "job_type":
		return j.JobType
	case "provisioner_type":
		return j.Provisioner
	case "status":
		return j.Status
	case "transition":
		return j.Transition
	}
	return ""
}

// ConnectedAgent is an agent that has connected, for [AgentsFirstConnection].
type ConnectedAgent struct {
	_ named

	AgentName    string
	TemplateName string
}

func (a ConnectedAgent) label(name string) string {
	switch name {
	case "agent_name":
		return a.AgentName
	case "template_name":
		return a.TemplateName
	}
	return ""
}

// ReadyBuild is a workspace build whose agents are ready, for [TemplateBuildDuration].
type ReadyBuild struct {
	_ named

	IsPrebuild       bool
	OrganizationName string // the template's
	Status           string // success error timeout
	TemplateName     string
	Transition       string // start stop delete
}

func (b ReadyBuild) label(name string) string {
	switch name {
	case "is_prebuild":
		return strconv.FormatBool(b.IsPrebuild)
	case "organization_name":
		return b.OrganizationName
	case "status":
		return b.Status
	case "template_name":
		return b.TemplateName
	case "transition":
		return b.Transition
	}
	return ""
}

// Preset is a preset of a template, for [WorkspaceCreation] and for the families of
// prebuilt workspaces such as [PrebuiltWorkspacesRunning].
type Preset struct {
	_ named

	OrganizationName string // the template's
	PresetName       string // empty for a workspace without a preset
	TemplateName     string
}

func (p Preset) label(name string) string {
	switch name {
	case "organization_name":
		return p.OrganizationName
	case "preset_name":
		return p.PresetName
	case "template_name":
		return p.TemplateName
	}
	return ""
}

// CreatedWorkspace is a workspace that was created, for [WorkspaceCreationDuration].
type CreatedWorkspace struct {
	_ named
	Preset

	Type string // regular prebuild
}

func (w CreatedWorkspace) label(name string) string {
	if name == "type" {
		return w.Type
	}
	return w.Preset.label(name)
}

// UserCount are the users with a status, for [APITotalUserCount].
type UserCount struct {
	Status string // active suspended dormant
}

func (c UserCount) label(string) string { return c.Status }

// BuildInfo describes the build of the running program, for [HealthBuildInfo].
type BuildInfo struct {
	_ named

	Edition   Edition // its name is the label metric_names, in the edition Coder
	GoVersion string  // such as go1.26.0
	Version   string  // of this module
}

func (b BuildInfo) label(name string) string {
	switch name {
	case "goversion":
		return b.GoVersion
	case "metric_names":
		return b.Edition.String()
	case "version":
		return b.Version
	}
	return ""
}

// OTLPExport is an export over OTLP, for [HealthOTLPExports].
type OTLPExport struct {
	Outcome string // success failure
}

func (e OTLPExport) label(string) string { return e.Outcome }

// Refusal is the refusal of external input, for [HealthRefused].
type Refusal struct {
	_ named

	Origin string // where the input came from, such as agent
	Reason string
}

func (r Refusal) label(name string) string {
	switch name {
	case "origin":
		return r.Origin
	case "reason":
		return r.Reason
	}
	return ""
}

// Rendering is an exposition rendered ahead of scrapes, for [HealthRenderedBytes].
type Rendering struct {
	Format string // text openmetrics protobuf
}

func (r Rendering) label(string) string { return r.Format }

// Source is a source of the deployment's state, for [HealthSourceUp] and the other
// source families.
type Source struct {
	Name string
}

func (s Source) label(string) string { return s.Name }
