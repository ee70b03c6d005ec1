package meters

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// buildSeriesTTL bounds the age of series: workspaces are short-lived, and each template
// version creates new series.
const buildSeriesTTL = 24 * time.Hour

// Builds counts workspace builds as coderd_workspace_builds_total. In the edition
// [instrument.Coder] it also measures them: how long they took, as
// coderd_provisionerd_workspace_build_timings_seconds, and with [Builds.Created] how long
// workspaces took to create or to claim.
//
// A series of the counter is dropped after 24 hours without a build, and restarts at 0
// with the next one. At most 100,000 series are kept ([WithMaxSeries]); beyond that, the
// least recently updated are dropped and counted in otelcoder_refused_total, origin
// "builds", reason "limit". Each histogram has at most 10,000 label sets; times of further
// ones are refused and counted there, too.
type Builds struct {
	edition   instrument.Edition
	output    *output
	refused   refusals[buildRefusal]
	text      labelText
	timings   *times[instrument.WorkspaceBuild]
	creations *times[instrument.CreatedWorkspace]
	claims    *times[instrument.Preset]

	sets instrument.LabelSets[instrument.WorkspaceBuild] // of the counter

	mu     sync.Mutex
	series *table[instrument.WorkspaceBuild, *buildSeries] // the keys have no status
}

type buildRefusal string

const (
	buildAction  buildRefusal = "action"  // not one of the three actions
	buildOutcome buildRefusal = "outcome" // neither Succeeded nor Failed
	buildLimit   buildRefusal = "limit"   // dropped because of the limit
	buildLength  buildRefusal = "length"  // a truncated label value
	buildKind    buildRefusal = "kind"    // an unknown kind of creation; edition Coder
	buildSeconds buildRefusal = "value"   // a time that is negative, infinite or NaN; edition Coder
)

// Build describes a workspace build.
type Build struct {
	Action          BuildAction
	OwnerEmail      string // a label in the edition Documented
	OwnerName       string // the owner's user name, a label in the edition Coder
	TemplateName    string
	TemplateVersion string // the version's name
	WorkspaceName   string
}

// BuildAction is the workspace transition of a build, by the names of the labels action and
// workspace_transition of builds. [Transition] has the names of other families.
type BuildAction string

// The actions.
const (
	BuildStart   BuildAction = "START"
	BuildStop    BuildAction = "STOP"
	BuildDestroy BuildAction = "DESTROY"
)

// buildSeries are the series of a build, by outcome. They expire together.
type buildSeries [len(outcomes)]struct {
	labels instrument.Labels
	builds int
}

func (b *Builds) newSeries(build instrument.WorkspaceBuild) *buildSeries {
	series := new(buildSeries)
	for i, outcome := range outcomes {
		build.Status = string(outcome)
		series[i].labels = b.sets.Labels(build)
	}
	return series
}

func newBuilds(c config, out *output) *Builds {
	reasons := []buildRefusal{buildAction, buildOutcome, buildLimit, buildLength}
	if c.edition.Has(instrument.WorkspaceBuildTimings) {
		reasons = append(reasons, buildKind, buildSeconds)
	}
	refused := newRefusals(out, c, "builds", reasons...)
	invalid, exceeded := refused.adder(buildSeconds), refused.adder(buildLimit)
	b := &Builds{
		edition: c.edition, output: out, refused: refused, text: c.labelText(refused.adder(buildLength)),
		timings:   newTimes[instrument.WorkspaceBuild](c, out, instrument.WorkspaceBuildTimings, invalid, exceeded),
		creations: newTimes[instrument.CreatedWorkspace](c, out, instrument.WorkspaceCreationDuration, invalid, exceeded),
		claims:    newTimes[instrument.Preset](c, out, instrument.PrebuiltWorkspaceClaimDuration, invalid, exceeded),
		sets:      instrument.NewLabelSets[instrument.WorkspaceBuild](c.edition, instrument.WorkspaceBuilds),
	}
	b.series = &table[instrument.WorkspaceBuild, *buildSeries]{
		size:    c.maxSeries(instrument.WorkspaceBuilds) / len(outcomes),
		ttl:     buildSeriesTTL,
		evicted: refused.adder(buildLimit),
	}
	out.observe(instrument.Workspaces, b.collect)
	return b
}

// Start must be called when the job of a workspace build starts. It exposes the series
// of both outcomes, at 0 if they are new, because increase() does not see the first
// event of a counter that starts at 1.
//
// Builds with an unknown action are refused.
func (b *Builds) Start(build Build) *RunningBuild {
	running := &RunningBuild{builds: b, started: time.Now()}
	if b.output.closed.Load() {
		return running
	}
	switch build.Action {
	case BuildStart, BuildStop, BuildDestroy:
	default:
		b.refused.add(buildAction)
		running.ended.Store(true)
		return running
	}
	running.build = instrument.WorkspaceBuild{
		Action:          string(build.Action),
		OwnerEmail:      b.text(build.OwnerEmail),
		OwnerName:       b.text(build.OwnerName),
		TemplateName:    b.text(build.TemplateName),
		TemplateVersion: b.text(build.TemplateVersion),
		WorkspaceName:   b.text(build.WorkspaceName),
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.touch(running.build)
	return running
}

// Record counts and measures a build that has ended, in a process that observes builds
// from outside. seconds is the time from the start of its job to the end.
func (b *Builds) Record(build Build, outcome Outcome, seconds float64) {
	b.Start(build).end(outcome, seconds)
}

// touch returns the series of a build; b.mu must be held.
func (b *Builds) touch(build instrument.WorkspaceBuild) *buildSeries {
	key := b.sets.Key(build)
	return b.series.touch(key, time.Now(), func() *buildSeries {
		b.output.changed(instrument.Workspaces)
		return b.newSeries(key)
	})
}

// RunningBuild is a workspace build whose job has started.
type RunningBuild struct {
	builds  *Builds
	build   instrument.WorkspaceBuild // without a status
	started time.Time
	ended   atomic.Bool
}

// End counts the build under its outcome, and records the time since Start. Later calls
// have no effect.
//
// If the series were dropped while the build ran, they are created again.
func (r *RunningBuild) End(outcome Outcome) { r.end(outcome, time.Since(r.started).Seconds()) }

func (r *RunningBuild) end(outcome Outcome, seconds float64) {
	if r.ended.Swap(true) || r.builds.output.closed.Load() {
		return
	}
	i, ok := outcome.index()
	if !ok {
		r.builds.refused.add(buildOutcome)
		return
	}
	timed := r.build
	timed.Status = string(outcome)
	r.builds.timings.record(seconds, timed)
	r.builds.mu.Lock()
	defer r.builds.mu.Unlock()
	r.builds.touch(r.build)[i].builds++
	r.builds.output.changed(instrument.Workspaces)
}

// Creation describes a workspace that was created, or a prebuilt workspace that was
// claimed.
type Creation struct {
	Kind   CreationKind
	Preset Preset // of the build; its Name is empty without one
}

// CreationKind is the kind of a [Creation], by the build that ended it. The user prebuilds,
// with the id c42fdf75-3097-471c-8c33-fb52454d81c0, owns prebuilt workspaces until they are
// claimed, and initiates their builds.
type CreationKind string

// The kinds of creations.
const (
	// CreatedRegular is the first build of a workspace.
	CreatedRegular CreationKind = "regular"
	// CreatedPrebuild is a start by the user prebuilds.
	CreatedPrebuild CreationKind = "prebuild"
	// ClaimedPrebuild is the first start by another user of a workspace whose first build
	// was by the user prebuilds.
	ClaimedPrebuild CreationKind = "claim"
)

// Created records how long it took to create or to claim a workspace, in seconds: the time
// from the start to the end of the job of a build that started it and succeeded. Regular
// and prebuilt workspaces are measured as coderd_workspace_creation_duration_seconds, with
// the kind as label type, and claims as coderd_prebuilt_workspace_claim_duration_seconds.
// Creations of an unknown kind are refused. The edition Documented has neither family.
func (b *Builds) Created(c Creation, seconds float64) {
	if !b.edition.Has(instrument.WorkspaceCreationDuration) {
		return
	}
	preset := c.Preset.measured(b.text)
	switch c.Kind {
	case CreatedRegular, CreatedPrebuild:
		b.creations.record(seconds, instrument.CreatedWorkspace{Preset: preset, Type: string(c.Kind)})
	case ClaimedPrebuild:
		b.claims.record(seconds, preset)
	default:
		b.refused.add(buildKind)
	}
}

func (b *Builds) collect(o instrument.Observer) {
	series, expiry := b.snapshot()
	o.Expires(expiry)
	for _, series := range series {
		for _, s := range series {
			o.Observe(instrument.WorkspaceBuilds, s.labels, float64(s.builds))
		}
	}
}

// snapshot copies the series, so that builds do not wait while up to 100,000 of them are
// observed. It returns when the first of them expires.
func (b *Builds) snapshot() (snapshot []buildSeries, expiry time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return copyRows(b.series, time.Now())
}

// Outcome is the outcome of a workspace build or a provisioner job.
type Outcome string

// The outcomes. A canceled job has failed, unless it completed before it was stopped.
const (
	Succeeded Outcome = "success"
	Failed    Outcome = "failed"
)

var outcomes = [...]Outcome{Succeeded, Failed}

// index returns the index in outcomes; ok is false if the outcome is unknown.
func (o Outcome) index() (i int, ok bool) {
	i = slices.Index(outcomes[:], o)
	return i, i >= 0
}
