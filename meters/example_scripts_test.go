package meters_test

import (
	"fmt"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
)

func ExampleScripts() {
	endpoint := newEndpoint()
	m, err := meters.New(endpoint.Providers())
	if err != nil {
		fmt.Println(err)
		return
	}
	scripts := m.Scripts()
	agent := meters.ForwardingAgent{Username: "ann", WorkspaceName: "dev", AgentName: "main", TemplateName: "docker"}
	scripts.Executed(agent, true)
	endpoint.scrape(instrument.AgentScriptsExecuted)
	// Output:
	// # TYPE agent_scripts_executed_total counter
	// agent_scripts_executed_total{agent_name="main",success="false",template_name="docker",username="ann",workspace_name="dev"} 0
	// agent_scripts_executed_total{agent_name="main",success="true",template_name="docker",username="ann",workspace_name="dev"} 1
}
