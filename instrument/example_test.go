package instrument_test

import (
	"fmt"

	"github.com/otelcoder/otelcoder/instrument"
)

// Families can be looked up by their documented names.
func Example() {
	family, ok := instrument.Documented.Lookup("coderd_api_request_latencies_seconds")
	if !ok {
		return
	}
	info := instrument.Documented.Info(family)
	fmt.Println(info.Help)
	fmt.Println(info.Type, info.Labels, info.Buckets)
	fmt.Println(info.Instrument, info.Unit, info.Group)
	// Output:
	// Latency distribution of requests in seconds.
	// histogram [method path] [0.001 0.005 0.01 0.025 0.05 0.1 0.5 1 5 10 30]
	// coderd.api.request.duration s process
}

func ExampleEdition_Lookup() {
	for _, name := range []string{"coderd_agents_up", "coderd_agents_down"} {
		if family, ok := instrument.Documented.Lookup(name); ok {
			fmt.Println(family, instrument.Documented.Info(family).Labels)
		} else {
			fmt.Println(name, "is not in the catalogue")
		}
	}
	// Output:
	// coderd_agents_up [template_name username workspace_name]
	// coderd_agents_down is not in the catalogue
}

func ExampleEdition_All() {
	count := map[instrument.Group]int{}
	for family := range instrument.Documented.All() {
		count[family.Group()]++
	}
	for group := range instrument.Groups() {
		fmt.Println(group, count[group])
	}
	// Output:
	// deployment 20
	// workspaces 5
	// process 59
}

// A struct can have fields for more labels than one family has.
func ExampleEdition_Labels() {
	request := instrument.APIRequest{Code: 200, Method: "GET", Path: "/api/v2/users"}
	fmt.Println(instrument.Documented.Labels(instrument.APIRequestsProcessed, request))
	fmt.Println(instrument.Documented.Labels(instrument.APIRequestLatencies, request))
	// Output:
	// code=200,method=GET,path=/api/v2/users
	// method=GET,path=/api/v2/users
}
