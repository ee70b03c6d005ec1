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

// Builds counts workspace builds as coderd_workspace_builds_total.
//
// A series is dropped after 24 hours without a build, and restarts at 0 with the next
// one. At most 100,000 series are kept ([WithMaxSeries]); beyond that, the least recently
// updated are dropped and counted in otelcoder_refused_total, origin "builds", reason
// "limit".
type Builds struct {
	edition instrument.Edition
	output  *output
	refused refusals[buildRefusal]
	text    labelText

	mu     sync.Mutex
	series *table[Build, *buildSeries]
}

type buildRefusal string

const (
	buildAction  buildRefusal = "action"  // not one of the three actions
	buildOutcome buildRefusal = "outcome" // neither Succeeded nor Failed
	buildLimit   buildRefusal = "limit"   // dropped because of the limit
	buildLength  buildRefusal = "length"  // a truncated label value
)

// Build describes a workspace build.
type Build struct {
	Action          BuildAction
	OwnerEmail      string
	TemplateName    string
	TemplateVersion string // the version's name
	WorkspaceName   string
}

// BuildAction is the workspace transition of a build.
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

func newBuildSeries(e instrument.Edition, b Build) *buildSeries {
	series := new(buildSeries)
	for i, outcome := range outcomes {
		series[i].labels = e.Labels(instrument.WorkspaceBuilds, instrument.WorkspaceBuild{
			Action:          string(b.Action),
			OwnerEmail:      b.OwnerEmail,
			Status:          string(outcome),
			TemplateName:    b.TemplateName,
			TemplateVersion: b.TemplateVersion,
			WorkspaceName:   b.WorkspaceName,
		})
	}
	return series
}

func newBuilds(c config, out *output) *Builds {
	refused := newRefusals(out, c, "builds", buildAction, buildOutcome, buildLimit, buildLength)
	b := &Builds{edition: c.edition, output: out, refused: refused, text: c.labelText(refused.adder(buildLength))}
	b.series = &table[Build, *buildSeries]{
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
	running := &RunningBuild{builds: b}
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
	running.build = Build{
		Action:          build.Action,
		OwnerEmail:      b.text(build.OwnerEmail),
		TemplateName:    b.text(build.TemplateName),
		TemplateVersion: b.text(build.TemplateVersion),
		WorkspaceName:   b.text(build.WorkspaceName),
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.touch(running.build)
	return running
}

// touch returns the series of a build; b.mu must be held.
func (b *Builds) touch(build Build) *buildSeries {
	return b.series.touch(build, time.Now(), func() *buildSeries {
		b.output.changed(instrument.Workspaces)
		return newBuildSeries(b.edition, build)
	})
}

// RunningBuild is a workspace build whose job has started.
type RunningBuild struct {
	builds *Builds
	build  Build
	ended  atomic.Bool
}

// End counts the build under its outcome. Later calls have no effect.
//
// If the series were dropped while the build ran, they are created again.
func (r *RunningBuild) End(outcome Outcome) {
	if r.ended.Swap(true) || r.builds.output.closed.Load() {
		return
	}
	i, ok := outcome.index()
	if !ok {
		r.builds.refused.add(buildOutcome)
		return
	}
	r.builds.mu.Lock()
	defer r.builds.mu.Unlock()
	r.builds.touch(r.build)[i].builds++
	r.builds.output.changed(instrument.Workspaces)
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
