package meters

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// inCoder returns meters in the edition Coder.
func inCoder(t testing.TB, options ...Option) (*meterstest.Reader, *Meters) {
	t.Helper()
	m := meterstest.NewReaderOf(t, instrument.Coder)
	return m, newMetersOn(t, m, options...)
}

// sums returns the count and the sum of each series of a histogram, one per line.
func sums(t *testing.T, m *meterstest.Reader, f instrument.Family) string {
	t.Helper()
	var lines strings.Builder
	name := instrument.Coder.Name(f)
	for line := range strings.Lines(m.Text(t, f)) {
		if series, ok := strings.CutPrefix(line, name); ok && !strings.HasPrefix(series, "_bucket") {
			lines.WriteString(series)
		}
	}
	return lines.String()
}

func wantSums(t *testing.T, m *meterstest.Reader, f instrument.Family, want string) {
	t.Helper()
	if got := sums(t, m, f); got != want {
		t.Errorf("%s: got\n%swant\n%s", instrument.Coder.Name(f), got, want)
	}
}

// TestBuildsInCoder checks that the edition Coder labels builds by the owner's user name
// instead of the email, measures durations without owner and workspace, and refuses invalid
// durations.
func TestBuildsInCoder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, meters := inCoder(t)
		b := meters.Builds()
		build := aBuild
		build.OwnerName = "alice"
		running := b.Start(build)
		time.Sleep(90 * time.Second)
		running.End(Succeeded)
		running.End(Failed)
		build.OwnerEmail = "new@example.com" // the same series
		b.Record(build, Succeeded, 30)
		build.OwnerName, build.WorkspaceName = "bob", "other"
		b.Record(build, Failed, 0.5)
		for _, seconds := range []float64{-1, math.NaN(), math.Inf(1)} {
			b.Record(build, Failed, seconds)
		}
		m.Expect(t, `# TYPE coderd_workspace_builds_total counter
coderd_workspace_builds_total{status="failed",template_name="docker",template_version="v1",workspace_name="dev",workspace_owner="alice",workspace_transition="START"} 0
coderd_workspace_builds_total{status="failed",template_name="docker",template_version="v1",workspace_name="other",workspace_owner="bob",workspace_transition="START"} 4
coderd_workspace_builds_total{status="success",template_name="docker",template_version="v1",workspace_name="dev",workspace_owner="alice",workspace_transition="START"} 2
coderd_workspace_builds_total{status="success",template_name="docker",template_version="v1",workspace_name="other",workspace_owner="bob",workspace_transition="START"} 0
`, instrument.WorkspaceBuilds)
		wantSums(t, m, instrument.WorkspaceBuildTimings, `_sum{status="failed",template_name="docker",template_version="v1",workspace_transition="START"} 0.5
_count{status="failed",template_name="docker",template_version="v1",workspace_transition="START"} 1
_sum{status="success",template_name="docker",template_version="v1",workspace_transition="START"} 120
_count{status="success",template_name="docker",template_version="v1",workspace_transition="START"} 2
`)
		wantValue(t, m, `otelcoder_refused_total{origin="builds",reason="value"}`, 3)
	})
}

// TestCreationDurations checks that creations are measured by kind, and that unknown kinds are
// refused.
func TestCreationDurations(t *testing.T) {
	m, meters := inCoder(t)
	b := meters.Builds()
	for seconds, kind := range []CreationKind{CreatedRegular, CreatedPrebuild, ClaimedPrebuild, "restart"} {
		b.Created(Creation{Kind: kind, Preset: Preset{Organization: "acme", Template: "docker", Name: "big\xff"}}, float64(seconds+1))
	}
	b.Created(Creation{Kind: CreatedRegular, Preset: Preset{Organization: "acme", Template: "docker"}}, 10)
	b.Created(Creation{Kind: CreatedRegular, Preset: Preset{Organization: "acme", Template: "docker"}}, -1)
	wantSums(t, m, instrument.WorkspaceCreationDuration, `_sum{organization_name="acme",preset_name="",template_name="docker",type="regular"} 10
_count{organization_name="acme",preset_name="",template_name="docker",type="regular"} 1
_sum{organization_name="acme",preset_name="big�",template_name="docker",type="prebuild"} 2
_count{organization_name="acme",preset_name="big�",template_name="docker",type="prebuild"} 1
_sum{organization_name="acme",preset_name="big�",template_name="docker",type="regular"} 1
_count{organization_name="acme",preset_name="big�",template_name="docker",type="regular"} 1
`)
	wantSums(t, m, instrument.PrebuiltWorkspaceClaimDuration, `_sum{organization_name="acme",preset_name="big�",template_name="docker"} 3
_count{organization_name="acme",preset_name="big�",template_name="docker"} 1
`)
	wantValue(t, m, `otelcoder_refused_total{origin="builds",reason="kind"}`, 1)
	wantValue(t, m, `otelcoder_refused_total{origin="builds",reason="value"}`, 1)
}

// aQueuedBuild is a build in the queue.
var aQueuedBuild = QueuedJob{Type: JobWorkspaceBuild, Provisioner: Terraform, Transition: TransitionDelete, Reason: ReasonAutoDelete}

// TestJobQueue checks that the counts of queued builds start at 0, and that the waits of jobs
// of all types are measured.
func TestJobQueue(t *testing.T) {
	m, meters := inCoder(t)
	m.Expect(t, "", instrument.WorkspaceBuildsEnqueued)
	q := meters.JobQueue()
	const series = `coderd_workspace_builds_enqueued_total{build_reason=%q,provisioner_type=%q,status=%q,transition=%q}`
	autodelete := fmt.Sprintf(series, "autodelete", "terraform", "success", "delete")
	wantValue(t, m, autodelete, 0)
	wantValue(t, m, fmt.Sprintf(series, "prebuild", "echo", "success", "start"), 0)
	if n := len(m.Samples(t, instrument.WorkspaceBuildsEnqueued)); n != 15*3*2 {
		t.Errorf("got %d initial series, want 90: 15 reasons, 3 transitions, 2 provisioners", n)
	}
	q.Enqueued(aQueuedBuild, Succeeded)
	q.Enqueued(aQueuedBuild, Succeeded)
	q.Enqueued(aQueuedBuild, Failed)
	future := aQueuedBuild
	future.Reason = "of a later version"
	q.Enqueued(future, Succeeded)
	wantValue(t, m, autodelete, 2)
	wantValue(t, m, fmt.Sprintf(series, "autodelete", "terraform", "failed", "delete"), 1)
	wantValue(t, m, fmt.Sprintf(series, "of a later version", "terraform", "success", "delete"), 1)

	q.Acquired(aQueuedBuild, 0)
	q.Acquired(aQueuedBuild, 2)
	q.Acquired(QueuedJob{Type: JobTemplateVersionImport, Provisioner: Echo, Transition: "?", Reason: "?"}, 3)
	wantSums(t, m, instrument.ProvisionerJobQueueWait, `_sum{build_reason="",job_type="template_version_import",provisioner_type="echo",transition=""} 3
_count{build_reason="",job_type="template_version_import",provisioner_type="echo",transition=""} 1
_sum{build_reason="autodelete",job_type="workspace_build",provisioner_type="terraform",transition="delete"} 2.001
_count{build_reason="autodelete",job_type="workspace_build",provisioner_type="terraform",transition="delete"} 2
`)
}

// TestJobQueueRefuses tests that unknown values are refused and counted.
func TestJobQueueRefuses(t *testing.T) {
	m, meters := inCoder(t, WithMaxSeries(2, instrument.ProvisionerJobQueueWait), WithMaxLabelLength(5))
	q := meters.JobQueue()
	job := func(change func(*QueuedJob)) QueuedJob {
		j := aQueuedBuild
		change(&j)
		return j
	}
	q.Enqueued(QueuedJob{Type: JobTemplateVersionImport, Provisioner: Echo}, Succeeded)
	q.Enqueued(aQueuedBuild, "lost")
	q.Acquired(job(func(j *QueuedJob) { j.Type = "unknown" }), 1)
	q.Acquired(job(func(j *QueuedJob) { j.Transition = "restart" }), 1)
	q.Acquired(job(func(j *QueuedJob) { j.Provisioner = "cloud" }), 1)
	q.Acquired(job(func(j *QueuedJob) { j.Reason = "a" }), -1)
	q.Acquired(job(func(j *QueuedJob) { j.Reason = "a" }), 1)
	q.Acquired(job(func(j *QueuedJob) { j.Reason = "b" }), 1)
	q.Acquired(job(func(j *QueuedJob) { j.Reason = "a third" }), 1)
	q.Acquired(job(func(j *QueuedJob) { j.Reason = "a" }), 1)
	m.Expect(t, `# TYPE otelcoder_refused_total counter
otelcoder_refused_total{origin="queue",reason="length"} 1
otelcoder_refused_total{origin="queue",reason="limit"} 1
otelcoder_refused_total{origin="queue",reason="outcome"} 1
otelcoder_refused_total{origin="queue",reason="provisioner"} 1
otelcoder_refused_total{origin="queue",reason="transition"} 1
otelcoder_refused_total{origin="queue",reason="type"} 2
otelcoder_refused_total{origin="queue",reason="value"} 1
`, instrument.HealthRefused)
	wantSums(t, m, instrument.ProvisionerJobQueueWait, `_sum{build_reason="a",job_type="workspace_build",provisioner_type="terraform",transition="delete"} 2
_count{build_reason="a",job_type="workspace_build",provisioner_type="terraform",transition="delete"} 2
_sum{build_reason="b",job_type="workspace_build",provisioner_type="terraform",transition="delete"} 1
_count{build_reason="b",job_type="workspace_build",provisioner_type="terraform",transition="delete"} 1
`)
}

// TestJobQueueOfFewSeries checks that the initial series do not exceed the limit.
func TestJobQueueOfFewSeries(t *testing.T) {
	m, meters := inCoder(t, WithMaxSeries(3, instrument.WorkspaceBuildsEnqueued))
	q := meters.JobQueue()
	wantValue(t, m, `otelcoder_refused_total{origin="queue",reason="limit"}`, 0)
	q.Enqueued(aQueuedBuild, Succeeded)
	if n := len(m.Samples(t, instrument.WorkspaceBuildsEnqueued)); n != 3 {
		t.Errorf("got %d series, want 3", n)
	}
	wantValue(t, m, `otelcoder_refused_total{origin="queue",reason="limit"}`, 1)
}

func TestAgentStarts(t *testing.T) {
	m, meters := inCoder(t)
	s := meters.AgentStarts()
	s.Connected(ConnectedAgent{AgentName: "main", TemplateName: "docker"}, 20)
	s.Connected(ConnectedAgent{AgentName: "main", TemplateName: "docker"}, -20)
	build := ReadyBuild{Transition: TransitionStart, OrganizationName: "acme", TemplateName: "docker"}
	for seconds, status := range []StartStatus{StartSucceeded, StartFailed, StartTimedOut, "off"} {
		build.Status, build.Prebuild = status, status == StartSucceeded
		s.Ready(build, float64(seconds+1))
	}
	build.Transition, build.Status = "update", StartSucceeded
	s.Ready(build, 1)
	wantSums(t, m, instrument.AgentsFirstConnection, `_sum{agent_name="main",template_name="docker"} 20
_count{agent_name="main",template_name="docker"} 1
`)
	wantSums(t, m, instrument.TemplateBuildDuration, `_sum{is_prebuild="false",organization_name="acme",status="error",template_name="docker",transition="start"} 2
_count{is_prebuild="false",organization_name="acme",status="error",template_name="docker",transition="start"} 1
_sum{is_prebuild="false",organization_name="acme",status="timeout",template_name="docker",transition="start"} 3
_count{is_prebuild="false",organization_name="acme",status="timeout",template_name="docker",transition="start"} 1
_sum{is_prebuild="true",organization_name="acme",status="success",template_name="docker",transition="start"} 1
_count{is_prebuild="true",organization_name="acme",status="success",template_name="docker",transition="start"} 1
`)
	m.Expect(t, `# TYPE otelcoder_refused_total counter
otelcoder_refused_total{origin="agent_starts",reason="length"} 0
otelcoder_refused_total{origin="agent_starts",reason="limit"} 0
otelcoder_refused_total{origin="agent_starts",reason="status"} 1
otelcoder_refused_total{origin="agent_starts",reason="transition"} 1
otelcoder_refused_total{origin="agent_starts",reason="value"} 1
`, instrument.HealthRefused)
}

// useCoder records events that only the edition Coder measures.
func useCoder(m *Meters) {
	m.Builds().Record(aBuild, Succeeded, 1)
	m.Builds().Created(Creation{Kind: CreatedRegular}, 1)
	m.Builds().Created(Creation{Kind: ClaimedPrebuild}, 1)
	m.JobQueue().Enqueued(aQueuedBuild, Succeeded)
	m.JobQueue().Acquired(aQueuedBuild, 1)
	m.AgentStarts().Connected(ConnectedAgent{}, 1)
	m.AgentStarts().Ready(ReadyBuild{Transition: TransitionStart, Status: StartSucceeded}, 1)
}

// TestCoderAnnounced checks that changes are announced until Shutdown.
func TestCoderAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, meters := inCoder(t)
		meters.JobQueue()
		wantAnnounced(t, m, true)
		for _, use := range []func(){
			func() { meters.Builds().Created(Creation{Kind: CreatedRegular}, 1) },
			func() { meters.JobQueue().Enqueued(aQueuedBuild, Succeeded) },
			func() { meters.JobQueue().Acquired(aQueuedBuild, 1) },
			func() { meters.AgentStarts().Connected(ConnectedAgent{}, 1) },
			func() { meters.AgentStarts().Ready(ReadyBuild{Transition: TransitionStart, Status: StartSucceeded}, 1) },
		} {
			use()
			wantAnnounced(t, m, true)
		}
		if err := meters.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantAnnounced(t, m, true)
		left := m.Text(t)
		useCoder(meters)
		wantAnnounced(t, m, false)
		if got := m.Text(t); got != left {
			t.Errorf("after use after Shutdown: got\n%s\nwant\n%s", got, left)
		}
	})
}

// TestDocumentedHasNoCoder checks that the recorders of the edition Coder have no families in
// the edition Documented.
func TestDocumentedHasNoCoder(t *testing.T) {
	m, meters := newMeters(t)
	useCoder(meters)
	m.Expect(t, aBuilds(0, 1)+`# TYPE otelcoder_refused_total counter
otelcoder_refused_total{origin="agent_starts",reason="length"} 0
otelcoder_refused_total{origin="agent_starts",reason="limit"} 0
otelcoder_refused_total{origin="agent_starts",reason="status"} 0
otelcoder_refused_total{origin="agent_starts",reason="transition"} 0
otelcoder_refused_total{origin="agent_starts",reason="value"} 0
otelcoder_refused_total{origin="builds",reason="action"} 0
otelcoder_refused_total{origin="builds",reason="length"} 0
otelcoder_refused_total{origin="builds",reason="limit"} 0
otelcoder_refused_total{origin="builds",reason="outcome"} 0
otelcoder_refused_total{origin="queue",reason="length"} 0
otelcoder_refused_total{origin="queue",reason="limit"} 0
otelcoder_refused_total{origin="queue",reason="outcome"} 0
otelcoder_refused_total{origin="queue",reason="provisioner"} 0
otelcoder_refused_total{origin="queue",reason="transition"} 0
otelcoder_refused_total{origin="queue",reason="type"} 0
otelcoder_refused_total{origin="queue",reason="value"} 0
`)
}
