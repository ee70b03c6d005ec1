package meters

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// Jobs measures provisioner jobs of every type: how many run now, as
// coderd_provisionerd_jobs_current, and how long they took, as
// coderd_provisionerd_job_timings_seconds. Make one for each process.
//
// A job with an unknown provisioner or outcome is left out, and counted in
// otelcoder_refused_total, origin "jobs".
type Jobs struct {
	refused refusals[jobRefusal]
	timings instrument.HistogramInstrument
	labels  [len(provisioners)][len(outcomes)]instrument.Labels // of timings
	current [len(provisioners)]atomic.Int64
}

type jobRefusal string

const (
	jobProvisioner jobRefusal = "provisioner" // neither Terraform nor Echo
	jobOutcome     jobRefusal = "outcome"     // neither Succeeded nor Failed
	jobSeconds     jobRefusal = "value"       // negative, infinite or not a number
)

// Provisioner is what runs a job.
type Provisioner string

// The provisioners.
const (
	Terraform Provisioner = "terraform"
	Echo      Provisioner = "echo"
)

var provisioners = [...]Provisioner{Terraform, Echo}

// index returns the provisioner's place among provisioners, and whether it has
// one.
func (p Provisioner) index() (int, bool) {
	i := slices.Index(provisioners[:], p)
	return i, i >= 0
}

// NewJobs makes the recorder of provisioner jobs.
func NewJobs(p instrument.Providers, options ...Option) (*Jobs, error) {
	refused, err := newRefusals(p, "jobs", jobProvisioner, jobOutcome, jobSeconds)
	if err != nil {
		return nil, err
	}
	j := &Jobs{refused: refused}
	if j.timings, err = p.Histogram(instrument.ProvisionerdJobTimings); err != nil {
		return nil, fmt.Errorf("time provisioner jobs: %w", err)
	}
	var running [len(provisioners)]instrument.Labels
	for i, provisioner := range provisioners {
		running[i] = instrument.ProvisionerdJobsCurrent.Labels(string(provisioner))
		for k, outcome := range outcomes {
			j.labels[i][k] = instrument.ProvisionerdJobTimings.Labels(string(provisioner), string(outcome))
		}
	}
	_, err = p.Observe(func(o instrument.Observer) {
		for i := range provisioners {
			o.Observe(instrument.ProvisionerdJobsCurrent, running[i], float64(j.current[i].Load()))
		}
	}, instrument.ProvisionerdJobsCurrent)
	if err != nil {
		return nil, fmt.Errorf("count provisioner jobs: %w", err)
	}
	return j, nil
}

// Start is to be called when a job starts to run.
func (j *Jobs) Start(p Provisioner) *RunningJob {
	running := &RunningJob{jobs: j, started: time.Now()}
	i, ok := p.index()
	if !ok {
		j.refused.add(jobProvisioner)
		running.ended.Store(true)
		return running
	}
	running.provisioner = i
	j.current[i].Add(1)
	return running
}

// RunningJob is a provisioner job that has started.
type RunningJob struct {
	jobs        *Jobs
	provisioner int // its index
	started     time.Time
	ended       atomic.Bool
}

// End records the time since the job started under its outcome. Only the first
// call counts. With an unknown outcome the job has ended too, but its time is
// not recorded.
func (r *RunningJob) End(outcome Outcome) {
	if r.ended.Swap(true) {
		return
	}
	r.jobs.current[r.provisioner].Add(-1)
	r.jobs.Record(provisioners[r.provisioner], outcome, time.Since(r.started).Seconds())
}

// Record records how many seconds a job took that was watched from elsewhere,
// and so was not among the running ones.
func (j *Jobs) Record(p Provisioner, outcome Outcome, seconds float64) {
	i, ok := p.index()
	if !ok {
		j.refused.add(jobProvisioner)
		return
	}
	k, ok := outcome.index()
	if !ok {
		j.refused.add(jobOutcome)
		return
	}
	if !(seconds >= 0) || math.IsInf(seconds, 0) { // also refuses NaN
		j.refused.add(jobSeconds)
		return
	}
	j.timings.Record(context.Background(), seconds, j.labels[i][k])
}
