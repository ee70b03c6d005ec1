package coderdb

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/coderversions"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// coderSQL adds the rows that the events of the edition Coder refer to. noon(s) is s seconds
// after noon, and build(...) adds a build with its job.
const coderSQL = `
CREATE FUNCTION u(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$ SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE FUNCTION prebuilds() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT 'c42fdf75-3097-471c-8c33-fb52454d81c0'::uuid $$;
CREATE FUNCTION noon(s float8) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
	$$ SELECT '2025-09-01 12:00:30+00'::timestamptz + s * interval '1 second' $$;
INSERT INTO users (id, username, email) VALUES (prebuilds(), 'prebuilds', 'prebuilds@system'), (u(1), 'alice', 'alice@example.com');
INSERT INTO organizations (id, name) VALUES (u(5), 'acme');
INSERT INTO templates (id, name, organization_id) VALUES (u(11), 'docker', u(5));
INSERT INTO template_versions (id, template_id, name) VALUES (u(21), u(11), 'v1');
INSERT INTO workspaces (id, owner_id, template_id, name) VALUES
	(u(31), u(1), u(11), 'dev'), (u(32), prebuilds(), u(11), 'prebuild-1'), (u(33), u(1), u(11), 'broken'), (u(34), u(1), u(11), 'old');
CREATE FUNCTION build(n int, workspace int, number int, transition text, reason text, by uuid, created float8, started float8, completed float8) RETURNS void LANGUAGE sql AS $$
	INSERT INTO provisioner_jobs (id, type, provisioner, worker_id, created_at, started_at, completed_at)
		VALUES (u(n), 'workspace_build', 'terraform', CASE WHEN started IS NOT NULL THEN u(1) END, noon(created), noon(started), noon(completed));
	INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, reason, initiator_id, job_id)
		VALUES (u(n), noon(created), u(workspace), u(21), number, transition::workspace_transition, reason::build_reason, by, u(n));
$$;`

// presetSQL gives builds the preset big.
const presetSQL = `
INSERT INTO template_version_presets (id, template_version_id, name) VALUES (u(51), u(21), 'big');
ALTER TABLE workspace_builds ALTER template_version_preset_id SET DEFAULT u(51);`

// coderGrants returns the grants of the edition Coder.
func coderGrants(role string) string { return coderschema.Grants(instrument.Coder, role) }

// newCoder creates a database with the schema of a version of Coder and runs scripts in it.
// The returned URL connects as a role with the grants of the edition Coder.
func newCoder(t *testing.T, v coderversions.Version, scripts ...string) (*pgtest.Database, string) {
	t.Helper()
	d := pgtest.New(t)
	d.Exec(t, strings.Join(slices.Concat([]string{v.SQL(), coderSQL}, scripts), "\n"))
	return d, d.Role(t, coderGrants)
}

// told returns events as text.
func (e events) told() []string {
	var told []string
	add := func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }
	for _, j := range e.Enqueued {
		add("enqueued %s %s %s %s", j.Type, j.Provisioner, j.Transition, j.Reason)
	}
	for _, j := range e.Acquired {
		add("acquired after %g s: %s %s %s %s", j.Seconds, j.Type, j.Provisioner, j.Transition, j.Reason)
	}
	for _, j := range e.Running {
		add("running %s", id{Bytes: j.ID, Valid: true}.String()[34:])
	}
	for _, j := range e.Ended {
		build, creation := "", ""
		if b := j.Build; b != nil {
			build = fmt.Sprintf(" %s %s/%s of %s %s", b.Action, b.OwnerName, b.WorkspaceName, b.TemplateName, b.TemplateVersion)
		}
		if c := j.Creation; c != nil {
			creation = fmt.Sprintf(", %s of %s/%s %q", c.Kind, c.Preset.Organization, c.Preset.Template, c.Preset.Name)
		}
		add("%s after %g s%s%s", j.Outcome, j.Seconds, build, creation)
	}
	for _, a := range e.Connected {
		add("connected after %g s: %s of %s", a.Seconds, a.AgentName, a.TemplateName)
	}
	for _, b := range e.Ready {
		add("ready after %g s: %s, %s of %s/%s, prebuild %t", b.Seconds, b.Status, b.Transition, b.OrganizationName, b.TemplateName, b.Prebuild)
	}
	return told
}

// moment is a look for events at a time, in seconds after noon.
type moment struct {
	at   float64
	sql  string
	want []string
}

// testMoments runs the SQL of each moment, and compares the events of the next look.
func testMoments(t *testing.T, d *pgtest.Database, url string, moments []moment) {
	t.Helper()
	now := noon
	db := open(t, url, WithEdition(instrument.Coder), clockOption(func() time.Time { return now }))
	f := db.follower()
	for _, m := range moments {
		if m.sql != "" {
			d.Exec(t, "BEGIN; SET LOCAL timezone = 'UTC'; "+m.sql+"; COMMIT")
		}
		now = noon.Add(time.Duration(m.at * float64(time.Second)))
		if got := next(t, f).told(); !slices.Equal(got, m.want) {
			t.Errorf("at %g s: got\n%s\nwant\n%s", m.at, strings.Join(got, "\n"), strings.Join(m.want, "\n"))
		}
	}
}

// TestCoderJobEvents checks that each event of a job is reported once, in the oldest and in
// the newest schema.
func TestCoderJobEvents(t *testing.T) {
	for _, test := range []struct {
		version coderversions.Version
		scripts []string
		creates string // format of creations
	}{
		{coderversions.All()[0], nil, ""},
		{coderversions.Newest(), []string{presetSQL}, `, %s of acme/docker "big"`},
		{coderversions.Newest(), nil, `, %s of acme/docker ""`},
	} {
		created := func(ended, kind string) string {
			if test.creates == "" {
				return ended
			}
			return ended + fmt.Sprintf(test.creates, kind)
		}
		t.Run(fmt.Sprintf("%s/%d scripts", test.version.Name, len(test.scripts)), func(t *testing.T) {
			d, url := newCoder(t, test.version, test.scripts...)
			testMoments(t, d, url, []moment{
				// A running job, and events before the first look.
				{0, `SELECT build(100, 31, 1, 'start', 'initiator', u(1), -20, -10, NULL), build(99, 34, 1, 'start', 'initiator', u(1), -20, -10, -5)`,
					[]string{"running 00"}},
				{10, `UPDATE provisioner_jobs SET completed_at = noon(5) WHERE id = u(100)`,
					[]string{created("success after 15 s START alice/dev of docker v1", "regular")}},
				// A build that is canceled while it is pending.
				{20, `SELECT build(101, 31, 2, 'stop', 'autostop', u(1), 12, NULL, NULL)`,
					[]string{"enqueued workspace_build terraform stop autostop"}},
				{30, `UPDATE provisioner_jobs SET canceled_at = noon(25), completed_at = noon(25), error = 'canceled' WHERE id = u(101)`, nil},
				// Jobs between two looks; the second is not a build, the third ran on no daemon.
				{60, `SELECT build(102, 31, 3, 'start', 'autostart', u(1), 31, 33, 38);
					INSERT INTO provisioner_jobs (id, type, provisioner, worker_id, created_at, started_at, completed_at)
						VALUES (u(103), 'template_version_import', 'echo', u(1), noon(41), noon(41), noon(49));
					SELECT build(104, 31, 4, 'delete', 'autodelete', u(1), 45, 55, 55);
					UPDATE provisioner_jobs SET worker_id = NULL, error = 'reaped' WHERE id = u(104)`,
					[]string{
						"enqueued workspace_build terraform start autostart",
						"enqueued workspace_build terraform delete autodelete",
						"acquired after 2 s: workspace_build terraform start autostart",
						"acquired after 0 s: template_version_import echo  ",
						"success after 5 s START alice/dev of docker v1",
						"success after 8 s",
					}},
				// If the first build fails, no creation is reported.
				{80, `SELECT build(105, 33, 1, 'start', 'initiator', u(1), 61, 62, 63), build(106, 33, 2, 'start', 'initiator', u(1), 71, 72, 73);
					UPDATE provisioner_jobs SET error = 'boom' WHERE id = u(105)`,
					[]string{
						"enqueued workspace_build terraform start initiator",
						"enqueued workspace_build terraform start initiator",
						"acquired after 1 s: workspace_build terraform start initiator",
						"acquired after 1 s: workspace_build terraform start initiator",
						"failed after 1 s START alice/broken of docker v1",
						"success after 1 s START alice/broken of docker v1",
					}},
				// A prebuild that is pending at first; its claim, which is canceled too late; and a
				// later start.
				{90, `SELECT build(107, 32, 1, 'start', 'initiator', prebuilds(), 81, NULL, NULL)`,
					[]string{"enqueued workspace_build terraform start prebuild"}},
				{100, `UPDATE provisioner_jobs SET worker_id = u(1), started_at = noon(92), completed_at = noon(95) WHERE id = u(107)`,
					[]string{
						"acquired after 11 s: workspace_build terraform start prebuild",
						created("success after 3 s START prebuilds/prebuild-1 of docker v1", "prebuild"),
					}},
				{110, `UPDATE workspaces SET owner_id = u(1), name = 'mine' WHERE id = u(32); SELECT build(108, 32, 2, 'start', 'initiator', u(1), 101, 102, NULL)`,
					[]string{
						"enqueued workspace_build terraform start initiator",
						"acquired after 1 s: workspace_build terraform start initiator",
						"running 08",
					}},
				{120, `UPDATE provisioner_jobs SET canceled_at = noon(111), completed_at = noon(112), error = '' WHERE id = u(108)`,
					[]string{created("success after 10 s START alice/mine of docker v1", "claim")}},
				{130, `SELECT build(109, 32, 3, 'stop', 'autostop', u(1), 121, 122, 123), build(110, 32, 4, 'start', 'autostart', u(1), 124, 125, 126)`,
					[]string{
						"enqueued workspace_build terraform stop autostop",
						"enqueued workspace_build terraform start autostart",
						"acquired after 1 s: workspace_build terraform stop autostop",
						"acquired after 1 s: workspace_build terraform start autostart",
						"success after 1 s STOP alice/mine of docker v1",
						"success after 1 s START alice/mine of docker v1",
					}},
				// A build that is found late, since the clock of its replica lags; then no events.
				{140, `SELECT build(111, 31, 5, 'start', 'initiator', u(1), -1, 1, 2)`, []string{
					"acquired after 2 s: workspace_build terraform start initiator",
					"success after 1 s START alice/dev of docker v1",
				}},
				{1000, "", nil},
			})
		})
	}
}

// agentSQL adds agents of the job n.
const agentSQL = `
CREATE FUNCTION agent(n int, job int, name text, created float8, connected float8, ready float8, state text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO workspace_resources (id, job_id) VALUES (u(n), u(job));
	INSERT INTO workspace_agents (id, resource_id, name, created_at, first_connected_at, ready_at, lifecycle_state)
		VALUES (u(n), u(n), name, noon(created), noon(connected), noon(ready), state::workspace_agent_lifecycle_state);
$$;`

// TestCoderAgentEvents checks that the first connection of each agent and each ready build
// are reported once, also if agents restart.
func TestCoderAgentEvents(t *testing.T) {
	d, url := newCoder(t, coderversions.Newest(), agentSQL)
	testMoments(t, d, url, []moment{
		// A build that was ready before the first look, and one that waits for an agent.
		{0, `SELECT build(200, 34, 1, 'start', 'initiator', u(1), -1000, -999, -990), agent(400, 200, 'main', -995, -980, -970, 'ready');
			SELECT build(201, 31, 1, 'start', 'initiator', u(1), -100, -99, -50),
				agent(401, 201, 'main', -60, NULL, NULL, 'created'), agent(402, 201, 'side', -60, -2, -1, 'ready')`, nil},
		// Agent 401 connects and is not ready; a sub-agent connects, which builds do not wait for.
		{10, `SELECT agent(403, 201, 'sub', 6.5, 7, NULL, 'starting');
			UPDATE workspace_agents SET parent_id = u(401) WHERE id = u(403);
			UPDATE workspace_agents SET first_connected_at = noon(5) WHERE id = u(401)`,
			[]string{"connected after 65 s: main of docker", "connected after 0.5 s: sub of docker"}},
		{20, `UPDATE workspace_agents SET ready_at = noon(15), lifecycle_state = 'start_timeout' WHERE id = u(401);
			UPDATE workspace_agents SET ready_at = noon(16), lifecycle_state = 'start_error' WHERE id = u(403)`,
			[]string{"ready after 115 s: timeout, start of acme/docker, prebuild false"}},
		// Agents restart, also the agent of the build that was ready before the first look.
		{30, `UPDATE workspace_agents SET ready_at = NULL, lifecycle_state = 'starting' WHERE id = u(401);
			UPDATE workspace_agents SET ready_at = noon(25), lifecycle_state = 'ready' WHERE id = u(400)`, nil},
		{40, `UPDATE workspace_agents SET ready_at = noon(35), lifecycle_state = 'ready' WHERE id = u(401)`, nil},
		// An agent that a later build has deleted; an agent that is off already and restarts;
		// and an agent that, by another replica's clock, connected before it was created.
		{50, `SELECT build(202, 31, 2, 'start', 'initiator', u(1), 40, 40, 45), agent(404, 202, 'main', 41, 42, 43, 'start_error');
			UPDATE workspace_agents SET deleted = true WHERE id = u(404);
			SELECT build(203, 31, 3, 'start', 'initiator', u(1), 44, 44, 45), agent(405, 203, 'main', 44, 45, 46, 'off');
			SELECT build(204, 32, 1, 'start', 'initiator', prebuilds(), 44, 44, 45), agent(406, 204, 'main', 48, 47, 49, 'ready');
			SELECT agent(407, 999, 'import', 44, 45, 46, 'ready')`,
			[]string{
				"enqueued workspace_build terraform start initiator",
				"enqueued workspace_build terraform start initiator",
				"enqueued workspace_build terraform start prebuild",
				"acquired after 0 s: workspace_build terraform start initiator",
				"acquired after 0 s: workspace_build terraform start initiator",
				"acquired after 0 s: workspace_build terraform start prebuild",
				"success after 5 s START alice/dev of docker v1",
				"success after 1 s START alice/dev of docker v1",
				`success after 1 s START prebuilds/prebuild-1 of docker v1, prebuild of acme/docker ""`,
				"connected after 1 s: main of docker",
				"connected after 1 s: main of docker",
				"ready after 3 s: error, start of acme/docker, prebuild false",
				"ready after 5 s: success, start of acme/docker, prebuild true",
			}},
		{60, `UPDATE workspace_agents SET ready_at = noon(55), lifecycle_state = 'ready' WHERE id = u(405)`, nil},
		{1000, "", nil},
		{2000, `UPDATE workspace_agents SET ready_at = noon(1500), lifecycle_state = 'ready'`, nil},
	})
}

// TestCoderLooksWithoutScan checks that a look without a scan finds pending jobs by the
// index, and later finds these jobs by their ids.
func TestCoderLooksWithoutScan(t *testing.T) {
	for _, test := range []struct {
		version         coderversions.Version
		pending, begins []string
	}{
		{coderversions.All()[0], nil, nil},
		{coderversions.Newest(),
			[]string{"enqueued workspace_build terraform start initiator"},
			[]string{"acquired after 4 s: workspace_build terraform start initiator", `success after 1 s START alice/dev of docker v1, regular of acme/docker ""`}},
	} {
		t.Run(test.version.Name, func(t *testing.T) {
			d, url := newCoder(t, test.version)
			now := noon
			db := open(t, url, WithEdition(instrument.Coder), clockOption(func() time.Time { return now }))
			f := db.follower()
			look := func(at float64, all bool, want []string, sql string) {
				t.Helper()
				d.Exec(t, sql)
				now = noon.Add(time.Duration(at * float64(time.Second)))
				l, err := f.look(t.Context(), scan{jobs: all})
				if err != nil {
					t.Fatal(err)
				}
				if got := f.take(l).told(); !slices.Equal(got, want) {
					t.Errorf("at %g s: got\n%s\nwant\n%s", at, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
			look(0, false, nil, "")
			look(10, false, test.pending, "SELECT build(100, 31, 1, 'start', 'initiator', u(1), 2, NULL, NULL)")
			look(20, false, test.begins, "UPDATE provisioner_jobs SET worker_id = u(1), started_at = noon(6), completed_at = noon(7) WHERE id = u(100)")
			look(30, false, nil, "")
			rest := []string(nil)
			if test.pending == nil {
				rest = []string{"enqueued workspace_build terraform start initiator", "acquired after 4 s: workspace_build terraform start initiator", "success after 1 s START alice/dev of docker v1"}
			}
			look(40, true, rest, "")
			look(50, true, nil, "")
		})
	}
}

// TestCoderCheckEvents checks that the queries for events run on each version of Coder.
func TestCoderCheckEvents(t *testing.T) {
	for _, v := range coderversions.All() {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			_, url := newCoder(t, v)
			db := open(t, url, WithEdition(instrument.Coder))
			if err := db.CheckEvents(t.Context()); err != nil {
				t.Fatal(err)
			}
			served := db.serves(instrument.WorkspaceCreationDuration, *db.missing.Load())
			if presets := v.Has("template_version_presets", "name"); served != presets {
				t.Errorf("creations served: got %t, want %t", served, presets)
			}
			if !db.serves(instrument.TemplateBuildDuration, *db.missing.Load()) {
				t.Error("ready builds are not served")
			}
		})
	}
}

// TestCoderMissingColumns checks that a missing column costs only the events that need it.
func TestCoderMissingColumns(t *testing.T) {
	const happen = `SELECT build(100, 31, 1, 'start', 'initiator', u(1), 1, 2, 3), agent(400, 100, 'main', 3, 4, 5, 'ready')`
	queue := []string{"enqueued workspace_build terraform start initiator", "acquired after 1 s: workspace_build terraform start initiator"}
	ended := []string{"success after 1 s START alice/dev of docker v1"}
	created := []string{`success after 1 s START alice/dev of docker v1, regular of acme/docker ""`}
	connected := []string{"connected after 1 s: main of docker"}
	ready := []string{"ready after 4 s: success, start of acme/docker, prebuild false"}
	for missing, want := range map[string][]string{
		"provisioner_jobs.job_status":                 slices.Concat(queue, created, connected, ready),
		"provisioner_jobs.type":                       slices.Concat(created, connected, ready),
		"provisioner_jobs.created_at":                 slices.Concat(created, connected, ready),
		"workspace_builds.reason":                     slices.Concat(created, connected, ready),
		"workspace_builds.initiator_id":               slices.Concat(ended, connected),
		"workspace_builds.template_version_preset_id": slices.Concat(queue, ended, connected, ready),
		"template_version_presets.name":               slices.Concat(queue, ended, connected, ready),
		"workspace_agents.parent_id":                  slices.Concat(queue, created, connected, ready),
		"workspace_agents.deleted":                    slices.Concat(queue, created, connected, ready),
	} {
		t.Run(missing, func(t *testing.T) {
			t.Parallel()
			d, _ := newCoder(t, coderversions.Newest(), agentSQL)
			table, column, _ := strings.Cut(missing, ".")
			rename := func(from, to string) string {
				return "ALTER TABLE " + table + " RENAME COLUMN " + from + " TO " + to
			}
			d.Exec(t, rename(column, "gone"))
			url := d.Role(t, coderGrants)
			testMoments(t, d, url, []moment{
				{0, "", nil},
				{10, rename("gone", column) + ";" + happen + ";" + rename(column, "gone"), want},
				{20, "", nil},
			})
		})
	}
}

// TestCoderCatchesUp checks that looks of bounded size catch up with 12,000 events of jobs
// and 12,000 events of agents. Many events have equal times.
func TestCoderCatchesUp(t *testing.T) {
	d, url := newCoder(t, coderversions.Newest())
	now := noon
	db := open(t, url, WithEdition(instrument.Coder), clockOption(func() time.Time { return now }))
	f := db.follower()
	next(t, f)
	d.Exec(t, `
		INSERT INTO provisioner_jobs (id, type, provisioner, worker_id, created_at, started_at, completed_at)
		SELECT u(1000000 + n), 'workspace_build', 'terraform', u(1), noon(1), noon(1 + least(n, 100)), noon(200) FROM generate_series(1, 4000) AS n;
		INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, initiator_id, job_id)
		SELECT u(1000000 + n), noon(1), u(31), u(21), n, 'start', u(1), u(1000000 + n) FROM generate_series(1, 4000) AS n;
		INSERT INTO workspace_resources (id, job_id) SELECT u(1000000 + n), u(1000000 + n) FROM generate_series(1, 4000) AS n;
		INSERT INTO workspace_agents (id, resource_id, name, created_at, first_connected_at, ready_at, lifecycle_state)
		SELECT u(1000000 + 10000 * a + n), u(1000000 + n), 'main', noon(1), noon(2), noon(least(n, 100)), 'ready' FROM generate_series(1, 4000) AS n, generate_series(1, 2) AS a`)
	now = noon.Add(time.Hour)
	counts := make(map[string]int)
	for i := range 4 {
		e := next(t, f)
		if jobs, agents := len(e.Enqueued)+len(e.Acquired)+len(e.Ended), len(e.Connected)+len(e.Ready); jobs > maxEvents || agents > maxEvents {
			t.Errorf("look %d: got %d events of jobs and %d of agents, want at most %d each", i, jobs, agents, maxEvents)
		}
		counts["enqueued"] += len(e.Enqueued)
		counts["acquired"] += len(e.Acquired)
		counts["ended"] += len(e.Ended)
		counts["connected"] += len(e.Connected)
		counts["ready"] += len(e.Ready)
	}
	want := map[string]int{"enqueued": 4000, "acquired": 4000, "ended": 4000, "connected": 8000, "ready": 4000}
	if !maps.Equal(counts, want) {
		t.Errorf("got events %v, want %v", counts, want)
	}
}

// TestReadyBuilds checks that the number of ready builds is bounded, and that the earliest
// are forgotten first.
func TestReadyBuilds(t *testing.T) {
	var r readyBuilds
	build := func(n int) id { return id{Bytes: [16]byte{byte(n), byte(n >> 8), byte(n >> 16)}, Valid: true} }
	const more = 10
	for n := range maxReady + more {
		if !r.add(build(n)) || r.add(build(n)) {
			t.Fatalf("build %d is not new exactly once", n)
		}
	}
	if len(r.known) != maxReady || len(r.order) != maxReady {
		t.Errorf("got %d builds with an order of %d, want %d", len(r.known), len(r.order), maxReady)
	}
	if r.add(build(more)) || !r.add(build(more-1)) {
		t.Error("the forgotten builds are not the earliest")
	}
}

// TestShares checks how the time share of events is divided between the queries.
func TestShares(t *testing.T) {
	for e, want := range map[instrument.Edition][3]float64{
		instrument.Documented: {0.0075, 0.0025, 0},
		instrument.Coder:      {0.004, 0.002, 0.002},
	} {
		scans, indexed, agents := config{edition: e, eventShare: eventShare}.shares()
		for i, got := range []float64{scans, indexed, agents} {
			if math.Abs(got-want[i]) > 1e-9 {
				t.Errorf("%s: got shares %g, %g and %g, want %g", e, scans, indexed, agents, want)
				break
			}
		}
	}
}

// TestSlowAgentScans checks that slow scans of agents are rare and delay no other events.
func TestSlowAgentScans(t *testing.T) {
	t.Parallel()
	d, url := newCoder(t, coderversions.Newest())
	slow := &slowScans{of: "FROM workspace_agents\n"}
	began := time.Now()
	p := startIn(t, url, Alone{}, WithEdition(instrument.Coder), traced(slow))
	p.awaitLook(t)
	for n := 1; n <= 5; n++ {
		d.Exec(t, fmt.Sprintf(startedSQL, n))
		await(t, "the build is counted", func() bool { return p.starts(t)["coderd_workspace_builds_total"] == n })
	}
	p.awaitStarts(t, 5)
	if n, most := slow.n.Load(), 1+int64(time.Since(began)/(2500*time.Millisecond)); n < 2 || n > most {
		t.Errorf("got %d scans of agents, want 2 to %d", n, most)
	}
}

// startedSQL adds a workspace with a build that has ended and a ready agent, with times of
// the server's clock.
const startedSQL = `
INSERT INTO workspaces (id, owner_id, template_id, name) VALUES (u(1000 + %[1]d), u(1), u(11), 'w%[1]d');
INSERT INTO provisioner_jobs (id, type, provisioner, worker_id, created_at, started_at, completed_at)
	VALUES (u(1000 + %[1]d), 'workspace_build', 'terraform', u(1), clock_timestamp(), clock_timestamp(), clock_timestamp());
INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, initiator_id, job_id)
	VALUES (u(1000 + %[1]d), clock_timestamp(), u(1000 + %[1]d), u(21), 1, 'start', u(1), u(1000 + %[1]d));
INSERT INTO workspace_resources (id, job_id) VALUES (u(1000 + %[1]d), u(1000 + %[1]d));
INSERT INTO workspace_agents (id, resource_id, name, created_at, first_connected_at, ready_at, lifecycle_state)
	VALUES (u(1000 + %[1]d), u(1000 + %[1]d), 'main', clock_timestamp(), clock_timestamp(), clock_timestamp(), 'ready')`

// starts returns the number of events of each kind.
func (p *process) starts(t *testing.T) map[string]int {
	t.Helper()
	all := p.events.Families(t)
	counts := make(map[string]int)
	for _, f := range []instrument.Family{
		instrument.WorkspaceBuilds, instrument.WorkspaceBuildsEnqueued,
		instrument.WorkspaceBuildTimings, instrument.ProvisionerJobQueueWait, instrument.WorkspaceCreationDuration,
		instrument.ProvisionerdJobTimings, instrument.AgentsFirstConnection, instrument.TemplateBuildDuration,
	} {
		name := instrument.Coder.Name(f)
		for _, m := range all[name].GetMetric() {
			counts[name] += int(m.GetCounter().GetValue()) + int(m.GetHistogram().GetSampleCount())
		}
	}
	return counts
}

// awaitStarts waits until n events of each kind are counted.
func (p *process) awaitStarts(t *testing.T, n int) {
	t.Helper()
	await(t, fmt.Sprintf("%d events of each kind", n), func() bool {
		counts := slices.Collect(maps.Values(p.starts(t)))
		return slices.Min(counts) == n && len(counts) == 8
	})
}

// TestCoderRole checks that each event is counted once and restarts of agents are not
// counted, also if the role is lost and regained. The number of the term decides whether a
// process counts the events that happened while it did not have the role.
func TestCoderRole(t *testing.T) {
	t.Parallel()
	d, url := newCoder(t, coderversions.Newest())
	role := new(elected)
	p := startIn(t, url, role, WithEdition(instrument.Coder))
	n := 0
	add := func() {
		n++
		d.Exec(t, fmt.Sprintf(startedSQL, n))
	}
	restart := func(state string) {
		d.Exec(t, "UPDATE workspace_agents SET ready_at = CASE WHEN $1 = 'ready' THEN clock_timestamp() END, lifecycle_state = $1::workspace_agent_lifecycle_state", state)
	}
	add() // before the first term
	role.give(7)
	p.awaitLook(t)
	add()
	p.awaitStarts(t, 1)
	restart("ready")
	add()
	p.awaitStarts(t, 2)

	role.takeAway()
	p.awaitRest(t)
	add()
	restart("starting")
	role.give(7)
	restart("ready")
	add()
	p.awaitStarts(t, 4)

	role.takeAway()
	p.awaitRest(t)
	restart("starting")
	add() // may be counted by another process
	role.give(8)
	p.awaitLook(t)
	restart("ready")
	add()
	await(t, "the last event", func() bool { return p.starts(t)["coderd_workspace_builds_total"] >= 5 })
	time.Sleep(200 * time.Millisecond) // a few more looks
	for name, got := range p.starts(t) {
		if got != 5 {
			t.Errorf("%s: got %d events, want 5 of %d", name, got, n)
		}
	}
}

// TestInfiniteTimes checks that an infinite time of a job or an agent costs only its own
// events.
func TestInfiniteTimes(t *testing.T) {
	for _, sql := range []string{
		"UPDATE provisioner_jobs SET completed_at = 'infinity' WHERE id = u(101)",
		"UPDATE provisioner_jobs SET started_at = '-infinity' WHERE id = u(101)",
		"UPDATE provisioner_jobs SET created_at = 'infinity' WHERE id = u(101)",
		"UPDATE workspace_agents SET first_connected_at = 'infinity', ready_at = 'infinity' WHERE id = u(301)",
		"UPDATE workspace_agents SET created_at = '-infinity' WHERE id = u(301)",
		"UPDATE workspace_builds SET created_at = 'infinity' WHERE id = u(101)",
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			d, url := newCoder(t, coderversions.Newest())
			now := noon
			f := open(t, url, WithEdition(instrument.Coder), clockOption(func() time.Time { return now })).follower()
			next(t, f)
			d.Exec(t, `SELECT build(101, 31, 1, 'start', 'initiator', u(1), 1, 2, 5), build(102, 34, 1, 'start', 'initiator', u(1), 1, 2, 5);
				INSERT INTO workspace_resources (id, job_id) VALUES (u(201), u(101)), (u(202), u(102));
				INSERT INTO workspace_agents (id, resource_id, name, created_at, first_connected_at, ready_at, lifecycle_state) VALUES
					(u(301), u(201), 'main', noon(1), noon(3), noon(4), 'ready'), (u(302), u(202), 'main', noon(1), noon(3), noon(4), 'ready');`+sql)
			now = noon.Add(10 * time.Second)
			told := next(t, f).told()
			for _, want := range []string{
				"success after 3 s START alice/old of docker v1, regular of acme/docker \"\"",
				"connected after 2 s: main of docker",
				"ready after 3 s: success, start of acme/docker, prebuild false",
			} {
				if !slices.Contains(told, want) {
					t.Errorf("got events\n%s\nwant %q among them", strings.Join(told, "\n"), want)
				}
			}
		})
	}
}

// TestAgentsOfInfiniteTimes checks that agents with infinite times can be read.
func TestAgentsOfInfiniteTimes(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	d.Exec(t, `UPDATE workspace_agents SET created_at = '294276-12-31 23:59:59', connection_timeout_seconds = 120, first_connected_at = NULL,
		started_at = '-infinity', ready_at = 'infinity', lifecycle_state = 'ready'`)
	workspaces, err := open(t, url).Sources().Agents.Agents(t.Context())
	if err != nil || len(workspaces) == 0 {
		t.Errorf("got %d workspaces, error %v", len(workspaces), err)
	}
}
