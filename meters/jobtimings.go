package meters

import (
	"context"
	"fmt"
	"math"

	"github.com/otelcoder/otelcoder/instrument"
)

// JobTimings measures how long provisioner jobs of every type took, as
// coderd_provisionerd_job_timings_seconds, where they are watched from
// elsewhere; which ones run now is then told by a [JobsSource]. Where jobs run,
// use [Jobs]. Make one for each process.
//
// A job with an unknown provisioner or outcome, or a time that is negative,
// infinite or no number, is left out, and counted in otelcoder_refused_total,
// origin "jobs".
type JobTimings struct {
	refused refusals[jobRefusal]
	timings instrument.HistogramInstrument
	labels  [len(provisioners)][len(outcomes)]instrument.Labels
}

type jobRefusal string

const (
	jobProvisioner jobRefusal = "provisioner" // neither Terraform nor Echo
	jobOutcome     jobRefusal = "outcome"     // neither Succeeded nor Failed
	jobSeconds     jobRefusal = "value"       // negative, infinite or not a number
)

// NewJobTimings makes the recorder of the times of provisioner jobs.
func NewJobTimings(p instrument.Providers, options ...Option) (*JobTimings, error) {
	c, err := newConfig(options)
	if err != nil {
		return nil, fmt.Errorf("time provisioner jobs: %w", err)
	}
	refused, err := newRefusals(p, c.logger, "jobs", jobProvisioner, jobOutcome, jobSeconds)
	if err != nil {
		return nil, err
	}
	t := &JobTimings{refused: refused}
	if t.timings, err = p.Histogram(instrument.ProvisionerdJobTimings); err != nil {
		return nil, fmt.Errorf("time provisioner jobs: %w", err)
	}
	for i, provisioner := range provisioners {
		for k, outcome := range outcomes {
			t.labels[i][k] = instrument.ProvisionerdJobTimings.Labels(
				instrument.ProvisionerJob{Provisioner: string(provisioner), Status: string(outcome)})
		}
	}
	return t, nil
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
	t.timings.Record(context.Background(), seconds, t.labels[i][k])
}
