package instrument_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
)

// TestLabels checks the labels of every family with an instrument, from the struct of its
// row.
func TestLabels(t *testing.T) {
	agent := instrument.Agent{AgentName: "main", Username: "ann", WorkspaceName: "dev"}
	script := instrument.AgentScript{Agent: agent, Success: true, TemplateName: "docker"}
	request := instrument.APIRequest{Code: 200, Method: "GET", Path: "/api/v2/users"}
	limit := instrument.OAuth2RateLimit{Name: "github", Resource: "core"}
	job := instrument.ProvisionerJob{Provisioner: "terraform", Status: "failed"}
	source := instrument.Source{Name: "agents"}

	const (
		none        = ""
		ofAgent     = "agent_name=main,username=ann,workspace_name=dev"
		ofScript    = "agent_name=main,success=true,template_name=docker,username=ann,workspace_name=dev"
		ofRateLimit = "name=github,resource=core"
		ofSource    = "source=agents"
	)
	type test struct {
		measured instrument.Measured
		want     string
	}
	documented := map[instrument.Family]test{
		instrument.AgentScriptsExecuted: {script, ofScript},
		instrument.AgentsApps: {
			instrument.AgentApp{Agent: agent, AppName: "code-server", Health: "healthy"},
			"agent_name=main,app_name=code-server,health=healthy,username=ann,workspace_name=dev",
		},
		instrument.AgentsConnectionLatencies: {
			instrument.AgentLatency{Agent: agent, DERPRegion: "Frankfurt", Preferred: false},
			"agent_name=main,derp_region=Frankfurt,preferred=false,username=ann,workspace_name=dev",
		},
		instrument.AgentsConnections: {
			instrument.AgentConnection{Agent: agent, LifecycleState: "ready", Status: "connected", TailnetNode: "unknown"},
			"agent_name=main,lifecycle_state=ready,status=connected,tailnet_node=unknown,username=ann,workspace_name=dev",
		},
		instrument.AgentsUp: {
			instrument.WorkspaceAgents{TemplateName: "docker", Username: "ann", WorkspaceName: "dev"},
			"template_name=docker,username=ann,workspace_name=dev",
		},
		instrument.AgentStatsConnections:             {agent, ofAgent},
		instrument.AgentStatsMedianLatency:           {agent, ofAgent},
		instrument.AgentStatsRx:                      {agent, ofAgent},
		instrument.AgentStatsSessionsJetBrains:       {agent, ofAgent},
		instrument.AgentStatsSessionsReconnectingPTY: {agent, ofAgent},
		instrument.AgentStatsSessionsSSH:             {agent, ofAgent},
		instrument.AgentStatsSessionsVSCode:          {agent, ofAgent},
		instrument.AgentStatsStartupScript:           {script, ofScript},
		instrument.AgentStatsTx:                      {agent, ofAgent},
		instrument.APIActiveUsers:                    {instrument.NoLabels{}, none},
		instrument.APIConcurrentRequests:             {instrument.NoLabels{}, none},
		instrument.APIConcurrentWebsockets:           {instrument.NoLabels{}, none},
		instrument.APIRequestLatencies:               {request, "method=GET,path=/api/v2/users"},
		instrument.APIRequestsProcessed:              {request, "code=200,method=GET,path=/api/v2/users"},
		instrument.APIWebsocketDurations:             {request, "path=/api/v2/users"},
		instrument.APIWorkspaceLatestBuild:           {instrument.LatestBuild{Status: "pending"}, "status=pending"},
		instrument.InsightsApplicationsUsage: {
			instrument.ApplicationUsage{ApplicationName: "Vim", Slug: "vim", TemplateName: "docker"},
			"application_name=Vim,slug=vim,template_name=docker",
		},
		instrument.InsightsParameters: {
			instrument.ParameterUsage{ParameterName: "region", ParameterType: "string", ParameterValue: "eu", TemplateName: "docker"},
			"parameter_name=region,parameter_type=string,parameter_value=eu,template_name=docker",
		},
		instrument.InsightsTemplatesActiveUsers: {instrument.TemplateUsers{TemplateName: "docker"}, "template_name=docker"},
		instrument.LicenseActiveUsers:           {instrument.NoLabels{}, none},
		instrument.LicenseLimitUsers:            {instrument.NoLabels{}, none},
		instrument.LicenseUserLimitEnabled:      {instrument.NoLabels{}, none},
		instrument.CollectorAgentsExecution:     {instrument.NoLabels{}, none},
		instrument.OAuth2RateLimitNextReset:     {limit, ofRateLimit},
		instrument.OAuth2RateLimitRemaining:     {limit, ofRateLimit},
		instrument.OAuth2RateLimitResetIn:       {limit, ofRateLimit},
		instrument.OAuth2RateLimitTotal:         {limit, ofRateLimit},
		instrument.OAuth2RateLimitUsed:          {limit, ofRateLimit},
		instrument.OAuth2Requests: {
			instrument.OAuth2Request{Name: "github", Source: "Exchange", StatusCode: 0},
			"name=github,source=Exchange,status_code=0",
		},
		instrument.ProvisionerdJobTimings:  {job, "provisioner=terraform,status=failed"},
		instrument.ProvisionerdJobsCurrent: {job, "provisioner=terraform"},
		instrument.WorkspaceBuilds: {
			instrument.WorkspaceBuild{
				Action: "START", OwnerEmail: "ann@example.com", OwnerName: "ann", Status: "success",
				TemplateName: "docker", TemplateVersion: "v7", WorkspaceName: "dev",
			},
			"action=START,owner_email=ann@example.com,status=success,template_name=docker,template_version=v7,workspace_name=dev",
		},
		instrument.HealthBuildInfo:         {instrument.BuildInfo{GoVersion: "go1.26.0", Version: "v1.2.3"}, "goversion=go1.26.0,version=v1.2.3"},
		instrument.HealthOTLPExports:       {instrument.OTLPExport{Outcome: "success"}, "outcome=success"},
		instrument.HealthRefused:           {instrument.Refusal{Origin: "agent", Reason: "type"}, "origin=agent,reason=type"},
		instrument.HealthRenderedBytes:     {instrument.Rendering{Format: "text"}, "format=text"},
		instrument.HealthReporter:          {instrument.NoLabels{}, none},
		instrument.HealthScrapeErrors:      {instrument.NoLabels{}, none},
		instrument.HealthSourceDuration:    {source, ofSource},
		instrument.HealthSourceInterval:    {source, ofSource},
		instrument.HealthSourceLastSuccess: {source, ofSource},
		instrument.HealthSourceSeries:      {source, ofSource},
		instrument.HealthSourceUp:          {source, ofSource},
	}
	preset := instrument.Preset{OrganizationName: "acme", PresetName: "large", TemplateName: "docker"}
	const ofPreset = "organization_name=acme,preset_name=large,template_name=docker"
	queued := instrument.QueuedJob{
		BuildReason: "autostart", JobType: "workspace_build", Provisioner: "terraform", Status: "success", Transition: "start",
	}
	latest := instrument.LatestBuild{OwnerName: "ann", Status: "failed", TemplateName: "docker", TemplateVersion: "v7", Transition: "stop"}
	coder := map[instrument.Family]test{ // labels that differ
		instrument.AgentsUp: {
			instrument.WorkspaceAgents{TemplateName: "docker", TemplateVersion: "v7", Username: "ann", WorkspaceName: "dev"},
			"template_name=docker,template_version=v7,username=ann,workspace_name=dev",
		},
		instrument.APIWorkspaceLatestBuild: {latest, "status=failed"},
		instrument.InsightsApplicationsUsage: {
			instrument.ApplicationUsage{ApplicationName: "Vim", OrganizationName: "acme", Slug: "vim", TemplateName: "docker"},
			"application_name=Vim,organization_name=acme,slug=vim,template_name=docker",
		},
		instrument.InsightsParameters: {
			instrument.ParameterUsage{OrganizationName: "acme", ParameterName: "region", ParameterType: "string", ParameterValue: "eu", TemplateName: "docker"},
			"organization_name=acme,parameter_name=region,parameter_type=string,parameter_value=eu,template_name=docker",
		},
		instrument.InsightsTemplatesActiveUsers: {
			instrument.TemplateUsers{OrganizationName: "acme", TemplateName: "docker"}, "organization_name=acme,template_name=docker",
		},
		instrument.WorkspaceBuilds: {
			documented[instrument.WorkspaceBuilds].measured,
			"status=success,template_name=docker,template_version=v7,workspace_name=dev,workspace_owner=ann,workspace_transition=START",
		},
		instrument.AgentsFirstConnection:              {instrument.ConnectedAgent{AgentName: "main", TemplateName: "docker"}, "agent_name=main,template_name=docker"},
		instrument.APITotalUserCount:                  {instrument.UserCount{Status: "dormant"}, "status=dormant"},
		instrument.PrebuiltWorkspaceClaimDuration:     {preset, ofPreset},
		instrument.PrebuiltWorkspacesClaimed:          {preset, ofPreset},
		instrument.PrebuiltWorkspacesCreated:          {preset, ofPreset},
		instrument.PrebuiltWorkspacesDesired:          {preset, ofPreset},
		instrument.PrebuiltWorkspacesEligible:         {preset, ofPreset},
		instrument.PrebuiltWorkspacesFailed:           {preset, ofPreset},
		instrument.PrebuiltWorkspacesLastUpdated:      {instrument.NoLabels{}, none},
		instrument.PrebuiltWorkspacesHardLimited:      {preset, ofPreset},
		instrument.PrebuiltWorkspacesValidationFailed: {preset, ofPreset},
		instrument.PrebuiltWorkspacesRunning:          {preset, ofPreset},
		instrument.CollectorAgentStatsExecution:       {instrument.NoLabels{}, none},
		instrument.ProvisionerJobQueueWait:            {queued, "build_reason=autostart,job_type=workspace_build,provisioner_type=terraform,transition=start"},
		instrument.ProvisionerDaemons:                 {instrument.NoLabels{}, none},
		instrument.WorkspaceBuildTimings: {
			documented[instrument.WorkspaceBuilds].measured,
			"status=success,template_name=docker,template_version=v7,workspace_transition=START",
		},
		instrument.TemplateBuildDuration: {
			instrument.ReadyBuild{IsPrebuild: true, OrganizationName: "acme", Status: "timeout", TemplateName: "docker", Transition: "start"},
			"is_prebuild=true,organization_name=acme,status=timeout,template_name=docker,transition=start",
		},
		instrument.WorkspaceBuildsEnqueued: {queued, "build_reason=autostart,provisioner_type=terraform,status=success,transition=start"},
		instrument.WorkspaceCreationDuration: {
			instrument.CreatedWorkspace{Preset: preset, Type: "regular"},
			"organization_name=acme,preset_name=large,template_name=docker,type=regular",
		},
		instrument.WorkspaceCreation: {preset, ofPreset},
		instrument.WorkspaceLatestBuildStatus: {
			latest, "status=failed,template_name=docker,template_version=v7,workspace_owner=ann,workspace_transition=stop",
		},
		instrument.HealthBuildInfo: {
			instrument.BuildInfo{Edition: instrument.Coder, GoVersion: "go1.26.0", Version: "v1.2.3"},
			"goversion=go1.26.0,metric_names=coder,version=v1.2.3",
		},
	}
	for e, tests := range map[instrument.Edition]map[instrument.Family]test{instrument.Documented: documented, instrument.Coder: coder} {
		for f := range e.All() {
			info := e.Info(f)
			if info.Origin == instrument.Runtime {
				if info.Measured != nil {
					t.Errorf("%s is a family of the runtime, but has the struct %T", f, info.Measured)
				}
				continue
			}
			test, ok := tests[f]
			if !ok {
				test, ok = documented[f]
			}
			if !ok {
				t.Errorf("%s is missing in this test", f)
				continue
			}
			if got := e.Labels(f, test.measured).String(); got != test.want {
				t.Errorf("%s has the labels %s, want %s", f, got, test.want)
			}
			if got, want := reflect.TypeOf(info.Measured), reflect.TypeOf(test.measured); got != want {
				t.Errorf("the row of %s has the struct %s, want %s", f, got, want)
			}
		}
	}
}

// TestMeasuredLiteralsNameTheirFields checks that a literal without field names does not
// compile in other packages, since they cannot set the first field.
func TestMeasuredLiteralsNameTheirFields(t *testing.T) {
	for f := range instrument.Coder.All() {
		if instrument.Coder.Info(f).Measured == nil {
			continue
		}
		measured := reflect.TypeOf(instrument.Coder.Info(f).Measured)
		if measured.NumField() > 1 && measured.Field(0).Name != "_" {
			t.Errorf("%s has no field _ first: a literal could have values in the wrong order", measured)
		}
	}
}

func TestMeasuredIsAMapKey(t *testing.T) {
	series := map[instrument.Measured]float64{}
	for range 2 {
		series[instrument.AgentScript{Agent: instrument.Agent{AgentName: "main"}, Success: true}]++
		series[instrument.AgentScript{Agent: instrument.Agent{AgentName: "main"}}] += 10
		series[instrument.AgentScript{Agent: instrument.Agent{AgentName: "side"}}] += 100
	}
	want := map[instrument.Measured]float64{
		instrument.AgentScript{Agent: instrument.Agent{AgentName: "main"}, Success: true}:  2,
		instrument.AgentScript{Agent: instrument.Agent{AgentName: "main"}, Success: false}: 20,
		instrument.AgentScript{Agent: instrument.Agent{AgentName: "side"}, Success: false}: 200,
	}
	if !reflect.DeepEqual(series, want) {
		t.Errorf("got %v, want %v", series, want)
	}
}

// TestLabelSets checks that two structs are the same series if they differ only in fields
// that are not labels of the family.
func TestLabelSets(t *testing.T) {
	scripts := []instrument.AgentScript{
		{Agent: instrument.Agent{AgentName: "main", Username: "ann", WorkspaceName: "dev"}, Success: true, TemplateName: "docker"},
		{Agent: instrument.Agent{AgentName: "side", Username: "bob", WorkspaceName: "ops"}, Success: false, TemplateName: "k8s"},
	}
	agents := []instrument.Agent{scripts[0].Agent, scripts[1].Agent}
	builds := []instrument.LatestBuild{
		{OwnerName: "ann", Status: "failed", TemplateName: "docker", TemplateVersion: "v7", Transition: "stop"},
		{OwnerName: "bob", Status: "failed", TemplateName: "docker", TemplateVersion: "v8", Transition: "start"},
	}
	workspaces := []instrument.WorkspaceAgents{
		{TemplateName: "docker", TemplateVersion: "v7", Username: "ann", WorkspaceName: "dev"},
		{TemplateName: "docker", TemplateVersion: "v8", Username: "ann", WorkspaceName: "dev"},
	}
	infos := []instrument.BuildInfo{
		{Edition: instrument.Documented, GoVersion: "go1.26.0", Version: "v1"}, {Edition: instrument.Coder, GoVersion: "go1.26.0", Version: "v1"},
	}
	requests := []instrument.APIRequest{{Code: 200, Method: "GET", Path: "/"}, {Code: 404, Method: "GET", Path: "/"}}
	const documented, coder = instrument.Documented, instrument.Coder
	for _, test := range []struct {
		name string
		got  []string
		want []string
	}{
		{"every label", keyed(documented, instrument.AgentScriptsExecuted, scripts), []string{
			"agent_name=main,success=true,template_name=docker,username=ann,workspace_name=dev",
			"agent_name=side,success=false,template_name=k8s,username=bob,workspace_name=ops",
		}},
		{"aggregated", keyed(documented, instrument.AgentScriptsExecuted, scripts, "username", "agent_name", "workspace_name"), []string{
			"success=true,template_name=docker", "success=false,template_name=k8s",
		}},
		{"aggregated over a bool", keyed(coder, instrument.AgentScriptsExecuted, scripts, "success", "username", "agent_name"), []string{
			"template_name=docker,workspace_name=dev", "template_name=k8s,workspace_name=ops",
		}},
		{"into one series", keyed(documented, instrument.AgentStatsRx, agents, "username", "agent_name", "workspace_name", "template_name"), []string{""}},
		{"of an edition with fewer labels", keyed(documented, instrument.AgentsUp, workspaces), []string{
			"template_name=docker,username=ann,workspace_name=dev",
		}},
		{"of an edition with more labels", keyed(coder, instrument.AgentsUp, workspaces), []string{
			"template_name=docker,template_version=v7,username=ann,workspace_name=dev",
			"template_name=docker,template_version=v8,username=ann,workspace_name=dev",
		}},
		{"of a family with fewer labels", keyed(coder, instrument.APIWorkspaceLatestBuild, builds), []string{"status=failed"}},
		{"of a family with more labels", keyed(coder, instrument.WorkspaceLatestBuildStatus, builds), []string{
			"status=failed,template_name=docker,template_version=v7,workspace_owner=ann,workspace_transition=stop",
			"status=failed,template_name=docker,template_version=v8,workspace_owner=bob,workspace_transition=start",
		}},
		{"of a family that the edition lacks", keyed(documented, instrument.WorkspaceLatestBuildStatus, builds), []string{""}},
		{"an edition that is no label", keyed(documented, instrument.HealthBuildInfo, infos), []string{"goversion=go1.26.0,version=v1"}},
		{"a number that is no label", keyed(documented, instrument.APIRequestLatencies, requests), []string{"method=GET,path=/"}},
	} {
		if !slices.Equal(test.got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, test.got, test.want)
		}
	}
}

// keyed returns the label set of each different key of the structs.
func keyed[M interface {
	comparable
	instrument.Measured
}](e instrument.Edition, f instrument.Family, measured []M, without ...string) []string {
	sets := instrument.NewLabelSets[M](e, f, without...)
	seen := make(map[M]bool)
	var all []string
	for _, m := range measured {
		key := sets.Key(m)
		if !seen[key] {
			all = append(all, sets.Labels(key).String())
		}
		seen[key] = true
	}
	return all
}

// TestEveryFieldIsALabel checks that each field of a struct is a label of a family in an
// edition. Any other field would have no effect.
func TestEveryFieldIsALabel(t *testing.T) {
	labels := make(map[reflect.Type]map[string]bool)
	for f := range instrument.Families() {
		for e := range instrument.Editions() {
			info := e.Info(f)
			if info.Measured == nil {
				continue
			}
			of := reflect.TypeOf(info.Measured)
			if labels[of] == nil {
				labels[of] = make(map[string]bool)
			}
			for _, name := range info.Labels {
				labels[of][name] = true
			}
		}
	}
	for of, names := range labels {
		fields := 0
		for _, field := range reflect.VisibleFields(of) {
			if field.IsExported() && field.Type.Kind() != reflect.Struct {
				fields++
			}
		}
		if of == reflect.TypeFor[instrument.WorkspaceBuild]() {
			fields++ // Action is a label under two names
		}
		if fields != len(names) {
			t.Errorf("%s has %d fields and the labels %v", of, fields, slices.Sorted(maps.Keys(names)))
		}
	}
}

// TestLabelsPanic checks that Labels panics with the struct of another family, even if its
// labels have the same names.
func TestLabelsPanic(t *testing.T) {
	type hosts struct{ instrument.Agent }
	for _, test := range []struct {
		family   instrument.Family
		measured instrument.Measured
		want     string
	}{
		{instrument.AgentsUp, instrument.Agent{}, "instrument: the labels of coderd_agents_up come from instrument.WorkspaceAgents, not from instrument.Agent"},
		{instrument.APIWorkspaceLatestBuild, instrument.AgentConnection{Status: "running"},
			"instrument: the labels of coderd_api_workspace_latest_build_total come from instrument.LatestBuild, not from instrument.AgentConnection"},
		{instrument.AgentStatsRx, instrument.AgentScript{}, "instrument: the labels of coderd_agentstats_rx_bytes come from instrument.Agent, not from instrument.AgentScript"},
		{instrument.AgentStatsRx, hosts{}, "instrument: the labels of coderd_agentstats_rx_bytes come from instrument.Agent, not from instrument_test.hosts"},
		{instrument.AgentStatsRx, &instrument.Agent{}, "instrument: the labels of coderd_agentstats_rx_bytes come from instrument.Agent, not from *instrument.Agent"},
		{instrument.LicenseActiveUsers, instrument.Agent{}, "instrument: the labels of coderd_license_active_users come from instrument.NoLabels, not from instrument.Agent"},
		{instrument.AgentStatsRx, nil, "instrument: the labels of coderd_agentstats_rx_bytes come from instrument.Agent, not from <nil>"},
		{instrument.GoInfo, instrument.NoLabels{}, "instrument: go_info is a family of the Go runtime, without a struct for its labels"},
		{instrument.GoInfo, nil, "instrument: go_info is a family of the Go runtime, without a struct for its labels"},
	} {
		if got := panicOf(func() { instrument.Documented.Labels(test.family, test.measured) }); got != test.want {
			t.Errorf("got %v, want %q", got, test.want)
		}
	}
	const want = "instrument: the labels of coderd_agents_up come from instrument.WorkspaceAgents, not from instrument.Agent"
	if got := panicOf(func() { instrument.NewLabelSets[instrument.Agent](instrument.Coder, instrument.AgentsUp) }); got != want {
		t.Errorf("got %v, want %q", got, want)
	}
}

func panicOf(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

// BenchmarkLabelSetsKey measures Key in an edition in which each field of the struct is a
// label, and in one in which a field is not.
func BenchmarkLabelSetsKey(b *testing.B) {
	m := instrument.WorkspaceAgents{TemplateName: "docker", TemplateVersion: "v7", Username: "ann", WorkspaceName: "dev"}
	for e := range instrument.Editions() {
		b.Run(e.String(), func(b *testing.B) {
			sets := instrument.NewLabelSets[instrument.WorkspaceAgents](e, instrument.AgentsUp)
			b.ReportAllocs()
			for b.Loop() {
				sets.Key(m)
			}
		})
	}
}
