package meters

import (
	"sync"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// JobQueue measures the queue of provisioner jobs, in the edition [instrument.Coder]: how
// long jobs of all types waited for a daemon, as coderd_provisioner_job_queue_wait_seconds,
// and the workspace builds that were enqueued, as coderd_workspace_builds_enqueued_total.
//
// The counter has a series for each provisioner, transition and documented reason from the
// start, at 0, with the status success. Those with the status failed appear with the first
// failure.
//
// Each family has at most 10,000 label sets ([WithMaxSeries]). Beyond that, waits are
// refused, and the least recently updated series of the counter are dropped. Refusals are
// counted in otelcoder_refused_total, origin "queue": an unknown job type ("type"),
// provisioner ("provisioner"), transition ("transition") or outcome ("outcome"), a time that
// is negative, infinite or NaN ("value"), a label set beyond the limit ("limit"), and a
// truncated label value ("length").
type JobQueue struct {
	output  *output
	refused refusals[queueRefusal]
	text    labelText
	waits   *times[instrument.QueuedJob]
	sets    instrument.LabelSets[instrument.QueuedJob] // of the counter

	mu     sync.Mutex
	series *table[instrument.QueuedJob, *enqueuedSeries]
}

type queueRefusal string

const (
	queueType        queueRefusal = "type"
	queueProvisioner queueRefusal = "provisioner"
	queueTransition  queueRefusal = "transition"
	queueOutcome     queueRefusal = "outcome"
	queueSeconds     queueRefusal = "value"
	queueLimit       queueRefusal = "limit"
	queueLength      queueRefusal = "length"
)

// QueuedJob describes a provisioner job that was enqueued.
type QueuedJob struct {
	Type        JobType
	Provisioner Provisioner
	Transition  Transition  // only of workspace builds
	Reason      BuildReason // only of workspace builds
}

// JobType is the type of a provisioner job.
type JobType string

// The types of provisioner jobs.
const (
	JobTemplateVersionImport JobType = "template_version_import"
	JobWorkspaceBuild        JobType = "workspace_build"
	JobTemplateVersionDryRun JobType = "template_version_dry_run"
)

// BuildReason is the reason of a workspace build, as Coder stores it; or [ReasonPrebuild].
type BuildReason string

// The reasons of workspace builds.
const (
	ReasonInitiator           BuildReason = "initiator"
	ReasonAutostart           BuildReason = "autostart"
	ReasonAutostop            BuildReason = "autostop"
	ReasonDormancy            BuildReason = "dormancy"
	ReasonFailedStop          BuildReason = "failedstop"
	ReasonAutoDelete          BuildReason = "autodelete"
	ReasonDashboard           BuildReason = "dashboard"
	ReasonCLI                 BuildReason = "cli"
	ReasonSSHConnection       BuildReason = "ssh_connection"
	ReasonVSCodeConnection    BuildReason = "vscode_connection"
	ReasonJetBrainsConnection BuildReason = "jetbrains_connection"
	ReasonTaskAutoPause       BuildReason = "task_auto_pause"
	ReasonTaskManualPause     BuildReason = "task_manual_pause"
	ReasonTaskResume          BuildReason = "task_resume"
	// ReasonPrebuild is the reason of builds that the user prebuilds initiates.
	ReasonPrebuild BuildReason = "prebuild"
)

var buildReasons = [...]BuildReason{
	ReasonInitiator, ReasonAutostart, ReasonAutostop, ReasonDormancy, ReasonFailedStop, ReasonAutoDelete,
	ReasonDashboard, ReasonCLI, ReasonSSHConnection, ReasonVSCodeConnection, ReasonJetBrainsConnection,
	ReasonTaskAutoPause, ReasonTaskManualPause, ReasonTaskResume, ReasonPrebuild,
}

// enqueuedSeries is a series of the counter.
type enqueuedSeries struct {
	labels instrument.Labels
	builds int
}

func newJobQueue(c config, out *output) *JobQueue {
	refused := newRefusals(out, c, "queue",
		queueType, queueProvisioner, queueTransition, queueOutcome, queueSeconds, queueLimit, queueLength)
	q := &JobQueue{
		output: out, refused: refused, text: c.labelText(refused.adder(queueLength)),
		waits: newTimes[instrument.QueuedJob](c, out, instrument.ProvisionerJobQueueWait, refused.adder(queueSeconds), refused.adder(queueLimit)),
		sets:  instrument.NewLabelSets[instrument.QueuedJob](c.edition, instrument.WorkspaceBuildsEnqueued),
		series: &table[instrument.QueuedJob, *enqueuedSeries]{
			size:    c.maxSeries(instrument.WorkspaceBuildsEnqueued),
			evicted: refused.adder(queueLimit),
		},
	}
	q.expose()
	out.observe(instrument.Workspaces, q.collect)
	out.changed(instrument.Workspaces)
	return q
}

// expose creates the series that are known from the start, as many as the limit allows.
func (q *JobQueue) expose() {
	for _, reason := range buildReasons {
		for _, transition := range transitions {
			for _, provisioner := range provisioners {
				if len(q.series.rows) == q.series.size {
					return
				}
				q.touch(instrument.QueuedJob{
					BuildReason: string(reason), Provisioner: string(provisioner),
					Status: string(Succeeded), Transition: string(transition),
				})
			}
		}
	}
}

// touch returns the series of a job; q.mu must be held.
func (q *JobQueue) touch(job instrument.QueuedJob) *enqueuedSeries {
	key := q.sets.Key(job)
	return q.series.touch(key, time.Now(), func() *enqueuedSeries { return &enqueuedSeries{labels: q.sets.Labels(key)} })
}

// Enqueued counts an attempt to enqueue the job of a workspace build: Succeeded if the job
// is in the queue. Jobs of other types are refused.
func (q *JobQueue) Enqueued(job QueuedJob, outcome Outcome) {
	if q.output.closed.Load() {
		return
	}
	if job.Type != JobWorkspaceBuild {
		q.refused.add(queueType)
		return
	}
	if _, ok := outcome.index(); !ok {
		q.refused.add(queueOutcome)
		return
	}
	labels, ok := q.labels(job)
	if !ok {
		return
	}
	labels.Status = string(outcome)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.touch(labels).builds++
	q.output.changed(instrument.Workspaces)
}

// Acquired records how long a job waited until a daemon acquired it, in seconds. Waits of
// less than a millisecond count as one, as on a Coder server.
func (q *JobQueue) Acquired(job QueuedJob, seconds float64) {
	if labels, ok := q.labels(job); ok {
		if seconds >= 0 {
			seconds = max(seconds, 0.001)
		}
		q.waits.record(seconds, labels)
	}
}

// labels returns the labels of a job that both families have; ok is false if the job is
// refused.
func (q *JobQueue) labels(job QueuedJob) (labels instrument.QueuedJob, ok bool) {
	if _, ok := job.Provisioner.index(); !ok {
		q.refused.add(queueProvisioner)
		return labels, false
	}
	labels = instrument.QueuedJob{JobType: string(job.Type), Provisioner: string(job.Provisioner)}
	switch job.Type {
	case JobWorkspaceBuild:
		if !job.Transition.documented() {
			q.refused.add(queueTransition)
			return labels, false
		}
		labels.Transition = string(job.Transition)
		labels.BuildReason = q.text(string(job.Reason))
	case JobTemplateVersionImport, JobTemplateVersionDryRun:
	default:
		q.refused.add(queueType)
		return labels, false
	}
	return labels, true
}

func (q *JobQueue) collect(o instrument.Observer) {
	q.mu.Lock()
	series, _ := copyRows(q.series, time.Now())
	q.mu.Unlock()
	for _, s := range series {
		o.Observe(instrument.WorkspaceBuildsEnqueued, s.labels, float64(s.builds))
	}
}
