package meters

import (
	"context"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// Jobs measures provisioner jobs of all types in the process that runs them: the number
// of running jobs, as coderd_provisionerd_jobs_current, and their durations, with the
// embedded [JobTimings].
type Jobs struct {
	*JobTimings // Record is for jobs that another process runs

	output  *output
	current [len(provisioners)]atomic.Int64
}

// Provisioner is the type of the provisioner that runs a job.
type Provisioner string

// The provisioners.
const (
	Terraform Provisioner = "terraform"
	Echo      Provisioner = "echo"
)

var provisioners = [...]Provisioner{Terraform, Echo}

// index returns the index in provisioners; ok is false if the provisioner is unknown.
func (p Provisioner) index() (i int, ok bool) {
	i = slices.Index(provisioners[:], p)
	return i, i >= 0
}

func newJobs(timings *JobTimings, c config, out *output) *Jobs {
	j := &Jobs{JobTimings: timings, output: out}
	var running [len(provisioners)]instrument.Labels
	for i, provisioner := range provisioners {
		running[i] = c.edition.Labels(instrument.ProvisionerdJobsCurrent, instrument.ProvisionerJob{Provisioner: string(provisioner)})
	}
	out.jobsCounted.Store(true)
	out.observe(instrument.Workspaces, func(o instrument.Observer) {
		for i := range provisioners {
			o.Observe(instrument.ProvisionerdJobsCurrent, running[i], float64(j.current[i].Load()))
		}
	})
	out.changed(instrument.Workspaces)
	return j
}

// Start must be called when a job starts to run. Jobs of an unknown provisioner are
// refused.
func (j *Jobs) Start(p Provisioner) *RunningJob {
	running := &RunningJob{jobs: j, started: time.Now()}
	i, ok := p.index()
	if !ok {
		j.refused.add(jobProvisioner)
		running.ended.Store(true)
		return running
	}
	running.provisioner = i
	j.add(i, 1)
	return running
}

// RunningJob is a provisioner job that has started.
type RunningJob struct {
	jobs        *Jobs
	provisioner int // index in provisioners
	started     time.Time
	ended       atomic.Bool
}

// End records the time since Start under the outcome. With an unknown outcome the job
// ends too, but its time is refused. Later calls have no effect.
func (r *RunningJob) End(outcome Outcome) {
	if r.ended.Swap(true) {
		return
	}
	r.jobs.add(r.provisioner, -1)
	r.jobs.Record(provisioners[r.provisioner], outcome, time.Since(r.started).Seconds())
}

// add changes the number of running jobs of a provisioner.
func (j *Jobs) add(provisioner int, delta int64) {
	j.current[provisioner].Add(delta)
	j.output.changed(instrument.Workspaces)
}

// JobTimings measures the durations of provisioner jobs of all types, as
// coderd_provisionerd_job_timings_seconds, in a process that observes jobs from outside.
// A [JobsSource] then counts the running ones. A process that runs jobs uses [Jobs].
//
// Jobs with an unknown provisioner or outcome, or with a time that is negative, infinite
// or NaN, are refused and counted in otelcoder_refused_total, origin "jobs".
type JobTimings struct {
	refused refusals[jobRefusal]
	timings histogram
	labels  [len(provisioners)][len(outcomes)]instrument.Labels
}

type jobRefusal string

const (
	jobProvisioner jobRefusal = "provisioner" // neither Terraform nor Echo
	jobOutcome     jobRefusal = "outcome"     // neither Succeeded nor Failed
	jobSeconds     jobRefusal = "value"       // negative, infinite or NaN
)

func newJobTimings(c config, out *output) *JobTimings {
	t := &JobTimings{
		refused: newRefusals(out, c, "jobs", jobProvisioner, jobOutcome, jobSeconds),
		timings: out.histogram(instrument.ProvisionerdJobTimings),
	}
	for i, provisioner := range provisioners {
		for k, outcome := range outcomes {
			t.labels[i][k] = c.edition.Labels(instrument.ProvisionerdJobTimings,
				instrument.ProvisionerJob{Provisioner: string(provisioner), Status: string(outcome)})
		}
	}
	return t
}

// Record records the duration of a job that has ended, in seconds.
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
