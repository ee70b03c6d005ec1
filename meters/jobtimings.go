package meters

import (
	"context"
	"math"

	"github.com/otelcoder/otelcoder/instrument"
)

// JobTimings measures how long provisioner jobs of every type took, as
// coderd_provisionerd_job_timings_seconds, where they are watched from elsewhere; a
// [JobsSource] then counts the running ones. Where jobs run, use [Jobs].
//
// A job with an unknown provisioner or outcome, or a time that is negative,
// infinite or no number, is left out, and counted in otelcoder_refused_total,
// origin "jobs".
type JobTimings struct {
	refused refusals[jobRefusal]
	timings histogram
	labels  [len(provisioners)][len(outcomes)]instrument.Labels
}

type jobRefusal string

const (
	jobProvisioner jobRefusal = "provisioner" // neither Terraform nor Echo
	jobOutcome     jobRefusal = "outcome"     // neither Succeeded nor Failed
	jobSeconds     jobRefusal = "value"       // negative, infinite or not a number
)

func newJobTimings(c config, out *output) *JobTimings {
	t := &JobTimings{
		refused: newRefusals(out, c.logger, "jobs", jobProvisioner, jobOutcome, jobSeconds),
		timings: out.histogram(instrument.ProvisionerdJobTimings),
	}
	for i, provisioner := range provisioners {
		for k, outcome := range outcomes {
			t.labels[i][k] = instrument.ProvisionerdJobTimings.Labels(
				instrument.ProvisionerJob{Provisioner: string(provisioner), Status: string(outcome)})
		}
	}
	return t
}

// Record records how many seconds a job took that has ended.
func (t *JobTimings) Record(p Provisioner, outcome Outcome, seconds float64) {
	i, ok := p.index()
	if !ok {
		t.refused.add(jobProvisioner)
		return
	}
	k, ok := outcome.index()
	if !ok {
		t.refused.add(jobOutcome)
		return
	}
	if !(seconds >= 0) || math.IsInf(seconds, 0) { // also refuses NaN
		t.refused.add(jobSeconds)
		return
	}
	t.timings.record(context.Background(), seconds, t.labels[i][k])
}
