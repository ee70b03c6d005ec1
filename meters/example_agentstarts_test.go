package meters_test

import (
	"fmt"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
)

func ExampleAgentStarts() {
	endpoint := newEndpointOf(instrument.Coder)
	m, err := meters.New(endpoint.Providers())
	if err != nil {
		fmt.Println(err)
		return
	}
	starts := m.AgentStarts()
	starts.Connected(meters.ConnectedAgent{AgentName: "main", TemplateName: "docker"}, 12)
	starts.Ready(meters.ReadyBuild{
		Transition:       meters.TransitionStart,
		OrganizationName: "acme",
		TemplateName:     "docker",
		Status:           meters.StartSucceeded,
	}, 45) // in coderd_template_workspace_build_duration_seconds
	endpoint.scrape(instrument.AgentsFirstConnection)
	// Output:
	// # TYPE coderd_agents_first_connection_seconds histogram
	// coderd_agents_first_connection_seconds_bucket{agent_name="main",template_name="docker",le="1"} 0
	// coderd_agents_first_connection_seconds_bucket{agent_name="main",template_name="docker",le="10"} 0
	// coderd_agents_first_connection_seconds_bucket{agent_name="main",template_name="docker",le="30"} 1
	// coderd_agents_first_connection_seconds_bucket{agent_name="main",template_name="docker",le="60"} 1
	// coderd_agents_first_connection_seconds_bucket{agent_name="main",template_name="docker",le="120"} 1
	// coderd_agents_first_connection_seconds_bucket{agent_name="main",template_name="docker",le="300"} 1
	// coderd_agents_first_connection_seconds_bucket{agent_name="main",template_name="docker",le="600"} 1
	// coderd_agents_first_connection_seconds_bucket{agent_name="main",template_name="docker",le="1800"} 1
	// coderd_agents_first_connection_seconds_bucket{agent_name="main",template_name="docker",le="3600"} 1
	// coderd_agents_first_connection_seconds_bucket{agent_name="main",template_name="docker",le="+Inf"} 1
	// coderd_agents_first_connection_seconds_sum{agent_name="main",template_name="docker"} 12
	// coderd_agents_first_connection_seconds_count{agent_name="main",template_name="docker"} 1
}
