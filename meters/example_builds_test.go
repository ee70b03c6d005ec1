package meters_test

import (
	"fmt"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
)

func ExampleBuilds() {
	endpoint := newEndpoint()
	m, err := meters.New(endpoint.Providers())
	if err != nil {
		fmt.Println(err)
		return
	}
	builds := m.Builds()
	build := builds.Start(meters.Build{
		Action:          meters.BuildStart,
		OwnerEmail:      "ann@example.com",
		TemplateName:    "docker",
		TemplateVersion: "v1",
		WorkspaceName:   "dev",
	})
	build.End(meters.Succeeded)
	endpoint.scrape(instrument.WorkspaceBuilds)
	// Output:
	// # TYPE coderd_workspace_builds_total counter
	// coderd_workspace_builds_total{action="START",owner_email="ann@example.com",status="failed",template_name="docker",template_version="v1",workspace_name="dev"} 0
	// coderd_workspace_builds_total{action="START",owner_email="ann@example.com",status="success",template_name="docker",template_version="v1",workspace_name="dev"} 1
}

func ExampleBuilds_Created() {
	endpoint := newEndpointOf(instrument.Coder)
	m, err := meters.New(endpoint.Providers())
	if err != nil {
		fmt.Println(err)
		return
	}
	m.Builds().Created(meters.Creation{
		Kind:   meters.CreatedPrebuild,
		Preset: meters.Preset{Organization: "acme", Template: "docker", Name: "big"},
	}, 90)
	const series = `{organization_name="acme",preset_name="big",template_name="docker",type="prebuild"}`
	samples := endpoint.Samples(example{}, instrument.WorkspaceCreationDuration)
	fmt.Println(samples["coderd_workspace_creation_duration_seconds_sum"+series])
	// Output: 90
}
