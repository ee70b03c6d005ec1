package meters

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

var aBuild = Build{
	Action:          BuildStart,
	OwnerEmail:      "alice@example.com",
	TemplateName:    "docker",
	TemplateVersion: "v1",
	WorkspaceName:   "dev",
}

func testBuilds(t *testing.T, options ...Option) (*meterstest.Reader, *Builds) {
	t.Helper()
	m, meters := newMeters(t, options...)
	return m, meters.Builds()
}

// aBuilds returns the exposition of aBuild with these counts.
func aBuilds(failed, succeeded int) string {
	return fmt.Sprintf(`# TYPE coderd_workspace_builds_total counter
coderd_workspace_builds_total{action="START",owner_email="alice@example.com",status="failed",template_name="docker",template_version="v1",workspace_name="dev"} %d
coderd_workspace_builds_total{action="START",owner_email="alice@example.com",status="success",template_name="docker",template_version="v1",workspace_name="dev"} %d
`, failed, succeeded)
}

func TestBuilds(t *testing.T) {
	m, b := testBuilds(t)
	m.Expect(t, "", instrument.WorkspaceBuilds)

	first := b.Start(aBuild)
	m.Expect(t, aBuilds(0, 0), instrument.WorkspaceBuilds)

	first.End(Succeeded)
	m.Expect(t, aBuilds(0, 1), instrument.WorkspaceBuilds)

	first.End(Succeeded)
	first.End(Failed)
	m.Expect(t, aBuilds(0, 1), instrument.WorkspaceBuilds)

	second, third := b.Start(aBuild), b.Start(aBuild)
	m.Expect(t, aBuilds(0, 1), instrument.WorkspaceBuilds)
	third.End(Failed)
	second.End(Failed)
	m.Expect(t, aBuilds(2, 1), instrument.WorkspaceBuilds)
}

func TestBuildsTellsApart(t *testing.T) {
	m, b := testBuilds(t)
	for _, change := range []func(*Build){
		func(*Build) {},
		func(b *Build) { b.Action = BuildStop },
		func(b *Build) { b.Action = BuildDestroy },
		func(b *Build) { b.OwnerEmail = "bob@example.com" },
		func(b *Build) { b.TemplateName = "k8s" },
		func(b *Build) { b.TemplateVersion = "v2" },
		func(b *Build) { b.WorkspaceName = "\xff\x00" }, // invalid UTF-8 and NUL
	} {
		build := aBuild
		change(&build)
		b.Start(build).End(Succeeded)
	}
	m.Expect(t, `# TYPE coderd_workspace_builds_total counter
coderd_workspace_builds_total{action="DESTROY",owner_email="alice@example.com",status="failed",template_name="docker",template_version="v1",workspace_name="dev"} 0
coderd_workspace_builds_total{action="DESTROY",owner_email="alice@example.com",status="success",template_name="docker",template_version="v1",workspace_name="dev"} 1
coderd_workspace_builds_total{action="START",owner_email="alice@example.com",status="failed",template_name="docker",template_version="v1",workspace_name="dev"} 0
coderd_workspace_builds_total{action="START",owner_email="alice@example.com",status="failed",template_name="docker",template_version="v1",workspace_name="��"} 0
coderd_workspace_builds_total{action="START",owner_email="alice@example.com",status="failed",template_name="docker",template_version="v2",workspace_name="dev"} 0
coderd_workspace_builds_total{action="START",owner_email="alice@example.com",status="failed",template_name="k8s",template_version="v1",workspace_name="dev"} 0
coderd_workspace_builds_total{action="START",owner_email="alice@example.com",status="success",template_name="docker",template_version="v1",workspace_name="dev"} 1
coderd_workspace_builds_total{action="START",owner_email="alice@example.com",status="success",template_name="docker",template_version="v1",workspace_name="��"} 1
coderd_workspace_builds_total{action="START",owner_email="alice@example.com",status="success",template_name="docker",template_version="v2",workspace_name="dev"} 1
coderd_workspace_builds_total{action="START",owner_email="alice@example.com",status="success",template_name="k8s",template_version="v1",workspace_name="dev"} 1
coderd_workspace_builds_total{action="START",owner_email="bob@example.com",status="failed",template_name="docker",template_version="v1",workspace_name="dev"} 0
coderd_workspace_builds_total{action="START",owner_email="bob@example.com",status="success",template_name="docker",template_version="v1",workspace_name="dev"} 1
coderd_workspace_builds_total{action="STOP",owner_email="alice@example.com",status="failed",template_name="docker",template_version="v1",workspace_name="dev"} 0
coderd_workspace_builds_total{action="STOP",owner_email="alice@example.com",status="success",template_name="docker",template_version="v1",workspace_name="dev"} 1
`, instrument.WorkspaceBuilds)
}

func TestBuildsRefuse(t *testing.T) {
	m, b := testBuilds(t)
	build := aBuild
	build.Action = "UPDATE"
	b.Start(build).End(Succeeded)
	m.Expect(t, "", instrument.WorkspaceBuilds)

	running := b.Start(aBuild)
	running.End("canceled")
	running.End(Succeeded) // a second End
	m.Expect(t, aBuilds(0, 0), instrument.WorkspaceBuilds)
	m.Expect(t, `# TYPE otelcoder_refused_total counter
otelcoder_refused_total{origin="builds",reason="action"} 1
otelcoder_refused_total{origin="builds",reason="length"} 0
otelcoder_refused_total{origin="builds",reason="limit"} 0
otelcoder_refused_total{origin="builds",reason="outcome"} 1
`, instrument.HealthRefused)
}

func TestBuildsForgetAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := testBuilds(t)
		b.Start(aBuild).End(Succeeded)
		time.Sleep(24*time.Hour - time.Nanosecond)
		m.Expect(t, aBuilds(0, 1), instrument.WorkspaceBuilds)
		time.Sleep(time.Nanosecond)
		m.Expect(t, "", instrument.WorkspaceBuilds)

		running := b.Start(aBuild)
		m.Expect(t, aBuilds(0, 0), instrument.WorkspaceBuilds)

		// A build touches its series when it starts and when it ends.
		time.Sleep(23 * time.Hour)
		running.End(Failed)
		time.Sleep(23 * time.Hour)
		running = b.Start(aBuild)
		time.Sleep(23 * time.Hour)
		m.Expect(t, aBuilds(1, 0), instrument.WorkspaceBuilds)

		// A build longer than a day is counted too.
		time.Sleep(time.Hour)
		m.Expect(t, "", instrument.WorkspaceBuilds)
		running.End(Succeeded)
		m.Expect(t, aBuilds(0, 1), instrument.WorkspaceBuilds)
		wantValue(t, m, `otelcoder_refused_total{origin="builds",reason="limit"}`, 0)
	})
}

// TestBuildsAnnounceChanges checks that a reader which renders ahead is notified of every
// change, including the expiry of series.
func TestBuildsAnnounceChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := testBuilds(t)
		b.Start(aBuild)
		wantAnnounced(t, m, true) // two series
		running := b.Start(aBuild)
		wantAnnounced(t, m, false)
		time.Sleep(time.Hour)
		running.End(Succeeded)
		wantAnnounced(t, m, true) // a count
		running.End(Succeeded)
		wantAnnounced(t, m, false)
		time.Sleep(24*time.Hour - time.Nanosecond)
		wantAnnounced(t, m, false)
		time.Sleep(time.Nanosecond)
		wantAnnounced(t, m, true) // expired

		b.Start(aBuild)
		wantAnnounced(t, m, true)
		time.Sleep(24 * time.Hour)
		wantAnnounced(t, m, true)
	})
}

func TestBuildsAreBounded(t *testing.T) {
	log := new(log)
	m, b := testBuilds(t, log.option())
	evicted := b.Start(aBuild)
	for i := range 50_002 {
		b.Start(Build{Action: BuildStart, WorkspaceName: fmt.Sprint(i)})
	}
	if series, _ := b.snapshot(); len(series) != 50_000 {
		t.Errorf("got %d builds of two series each, want 50000", len(series))
	}

	b.series.size = 1 // a scrape of all series takes seconds
	for range 49_999 {
		b.series.drop(b.series.order.Front())
	}
	evicted.End(Succeeded)
	m.Expect(t, aBuilds(0, 1), instrument.WorkspaceBuilds)
	wantValue(t, m, `otelcoder_refused_total{origin="builds",reason="limit"}`, 4)
	log.want(t, `level=WARN msg="left out of the metrics, and counted in otelcoder_refused_total" origin=builds reason=limit total=1`)
}

func TestBuildsAtOnce(t *testing.T) {
	m, b := testBuilds(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				running := b.Start(aBuild)
				wg.Go(func() { running.End(Failed) })
				running.End(Failed)
			}
		})
	}
	for range 10 {
		m.Text(t, instrument.WorkspaceBuilds)
	}
	wg.Wait()
	m.Expect(t, aBuilds(800, 0), instrument.WorkspaceBuilds)
}
