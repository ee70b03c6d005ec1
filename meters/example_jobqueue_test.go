package meters_test

import (
	"fmt"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
)

func ExampleJobQueue() {
	endpoint := newEndpointOf(instrument.Coder)
	m, err := meters.New(endpoint.Providers())
	if err != nil {
		fmt.Println(err)
		return
	}
	queue := m.JobQueue()
	job := meters.QueuedJob{
		Type:        meters.JobWorkspaceBuild,
		Provisioner: meters.Terraform,
		Transition:  meters.TransitionStart,
		Reason:      meters.ReasonDashboard,
	}
	queue.Enqueued(job, meters.Succeeded)
	queue.Acquired(job, 2.5) // in coderd_provisioner_job_queue_wait_seconds
	for series, builds := range endpoint.Samples(example{}, instrument.WorkspaceBuildsEnqueued) {
		if builds > 0 {
			fmt.Println(series, builds)
		}
	}
	// Output:
	// coderd_workspace_builds_enqueued_total{build_reason="dashboard",provisioner_type="terraform",status="success",transition="start"} 1
}
