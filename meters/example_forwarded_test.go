package meters_test

import (
	"fmt"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
)

func ExampleForwarded() {
	endpoint := newEndpoint()
	m, err := meters.New(endpoint.Providers())
	if err != nil {
		fmt.Println(err)
		return
	}
	forwarded := m.Forwarded()
	// When an agent connects:
	agent := forwarded.Agent(meters.ForwardingAgent{Username: "ann", WorkspaceName: "dev", AgentName: "main", TemplateName: "docker"})
	defer agent.Close()
	// And each time it reports:
	agent.Report([]meters.ForwardedMetric{
		{Name: "agent_scripts_executed_total", Type: meters.ForwardedCounter, Value: 2, Labels: []meters.ForwardedLabel{{Name: "success", Value: "true"}}},
		{Name: "go_goroutines", Type: meters.ForwardedGauge, Value: 40},
	})
	endpoint.scrape(instrument.AgentScriptsExecuted)
	// Output:
	// # TYPE agent_scripts_executed_total counter
	// agent_scripts_executed_total{agent_name="main",success="true",template_name="docker",username="ann",workspace_name="dev"} 2
}

// Agents with equal labels share one series.
func ExampleWithAggregateBy() {
	endpoint := newEndpoint()
	by, err := meters.ParseAggregateBy("username")
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := meters.New(endpoint.Providers(), meters.WithAggregateBy(by...))
	if err != nil {
		fmt.Println(err)
		return
	}
	forwarded := m.Forwarded()
	for _, workspace := range []string{"dev", "test"} {
		agent := forwarded.Agent(meters.ForwardingAgent{Username: "ann", WorkspaceName: workspace, AgentName: "main", TemplateName: "docker"})
		agent.Report([]meters.ForwardedMetric{
			{Name: "agent_scripts_executed_total", Type: meters.ForwardedCounter, Value: 2, Labels: []meters.ForwardedLabel{{Name: "success", Value: "true"}}},
		})
	}
	endpoint.scrape(instrument.AgentScriptsExecuted)
	// Output:
	// # TYPE agent_scripts_executed_total counter
	// agent_scripts_executed_total{success="true",username="ann"} 4
}
