package meters_test

import (
	"fmt"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
)

func ExampleJobs() {
	endpoint := newEndpoint()
	m, err := meters.New(endpoint.Providers())
	if err != nil {
		fmt.Println(err)
		return
	}
	jobs := m.Jobs()
	job := jobs.Start(meters.Terraform)
	endpoint.scrape(instrument.ProvisionerdJobsCurrent)
	job.End(meters.Failed) // its duration is now in coderd_provisionerd_job_timings_seconds
	// Output:
	// # TYPE coderd_provisionerd_jobs_current gauge
	// coderd_provisionerd_jobs_current{provisioner="echo"} 0
	// coderd_provisionerd_jobs_current{provisioner="terraform"} 1
}
