package meters_test

import (
	"context"
	"fmt"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
)

// Is there what Poll would serve?
func ExampleAsk() {
	answers, err := meters.Ask(context.Background(), meters.Sources{Agents: workspaces{
		{Name: "dev", Username: "alice", Template: "docker"},
		{Name: "test", Username: "alice", Template: "docker"},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range answers {
		fmt.Println(a.Source, a.Series[instrument.AgentsUp], a.Err)
	}
	// Output:
	// agents 2 <nil>
}
