package coderdb

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// unpaced sets the time share of the queries for events to 1: on a busy machine a scan of a
// small table can take a second, after which the next one would be minutes away.
// TestSlowScans uses the real share.
func unpaced(c *config) error {
	c.eventShare = 1
	return nil
}

// process has the parts that the service runs: a reporter that follows the events.
type process struct {
	*Reporter
	db             *DB
	events, health *meterstest.Reader
	log            *log
	stop           func()
}

// newProcess returns a process with readers of the options' edition.
func newProcess(t *testing.T, options ...Option) *process {
	t.Helper()
	c, err := newOptions(options)
	if err != nil {
		t.Fatal(err)
	}
	return &process{events: meterstest.NewReaderOf(t, c.edition), health: meterstest.NewReaderOf(t, c.edition), log: new(log)}
}

// start starts a process that competes for the role and follows the events while it has the
// role. It runs until it is stopped or the test ends.
func start(t *testing.T, url string, options ...Option) *process {
	t.Helper()
	p := newProcess(t, options...)
	options = append([]Option{WithFollowInterval(50 * time.Millisecond), p.log.option(), unpaced}, options...)
	p.Reporter = newReporter(t, url, options...)
	end := compete(t, p.Reporter)
	p.follow(t, url, p.Reporter, options...)
	unfollow := p.stop
	p.stop = func() {
		unfollow()
		end()
	}
	t.Cleanup(p.stop)
	return p
}

// follow makes the process follow the events while it has the role, until it is stopped.
func (p *process) follow(t *testing.T, url string, role Role, options ...Option) {
	t.Helper()
	providers := p.events.Providers()
	providers.Process = p.health.Providers().Process
	m := newMeters(t, providers)
	var err error
	if p.db, err = Open(t.Context(), url, options...); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Follow(ctx, p.db, role, m)
	}()
	p.stop = func() {
		cancel()
		<-done
		p.db.Close()
	}
}

// up returns the health of the source events, and whether its series exists.
func (p *process) up(t *testing.T) (up, asked bool) {
	t.Helper()
	v, asked := p.health.Samples(t)[`otelcoder_source_up{source="events"}`]
	return v == 1, asked
}

// following returns the term in which the process records events, or nil.
func (p *process) following(t *testing.T) *lockTerm {
	t.Helper()
	term := p.reporting()
	if up, _ := p.up(t); !up {
		return nil
	}
	return term
}

func (p *process) awaitFollowing(t *testing.T) (term *lockTerm) {
	t.Helper()
	await(t, "the process follows the events", func() bool { term = p.following(t); return term != nil })
	return term
}

// builds returns the counts of builds by template version.
func (p *process) builds(t *testing.T) map[string]int {
	t.Helper()
	counts := make(map[string]int)
	for _, m := range p.events.Families(t)["coderd_workspace_builds_total"].GetMetric() {
		for _, l := range m.GetLabel() {
			if n := int(m.GetCounter().GetValue()); l.GetName() == "template_version" && n > 0 {
				counts[l.GetValue()] += n
			}
		}
	}
	return counts
}

// buildSQL adds a build that ends now.
const buildSQL = `
INSERT INTO template_versions (id, name) VALUES (u(10000 + %[1]d), 'e%[1]d');
INSERT INTO provisioner_jobs (id, started_at, completed_at) VALUES (u(10000 + %[1]d), clock_timestamp() - interval '1 second', clock_timestamp());
INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id)
	VALUES (u(10000 + %[1]d), now(), u(31), u(10000 + %[1]d), 10000 + %[1]d, 'start', u(10000 + %[1]d))`

// TestFollow checks that Follow records the golden events.
func TestFollow(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	var now atomic.Pointer[time.Time]
	set := func(at time.Time) { now.Store(&at) }
	set(noon)
	p := start(t, url, clockOption(func() time.Time { return *now.Load() }))
	if _, asked := p.up(t); asked {
		t.Error("the process looked for events before it reports")
	}
	p.awaitFollowing(t)
	await(t, "the running builds are recorded", func() bool { return p.events.Text(t) != "" })
	compare(t, p.events.Text(t, eventFamilies...), read(t, "events_begun.txt"))

	set(noon.Add(10 * time.Second))
	d.Exec(t, "BEGIN; "+read(t, "events.sql")+";"+read(t, "scripts.sql")+"; COMMIT")
	await(t, "the ended scripts are recorded", func() bool { return strings.Contains(p.events.Text(t), "agent_scripts") })
	time.Sleep(200 * time.Millisecond) // a few more looks
	const quoted = `agent_scripts_executed_total{agent_name="ag\"e\nnt\\ 🙂",success="%s",template_name="docker",username="bob \"the\nbuilder\" 🙂",workspace_name="quo\"te\nnew\\line 🙂"} %d` + "\n"
	compare(t, p.events.Text(t, eventFamilies...), strings.Replace(read(t, "scripts.txt"),
		fmt.Sprintf(quoted, "false", 2), fmt.Sprintf(quoted, "false", 2)+fmt.Sprintf(quoted, "true", 0), 1)+read(t, "events.txt"))
}

// handover tests processes that follow the events one after another, while events are added.
type handover struct {
	url       string
	conn      *pgx.Conn
	processes []*process
	n         int                 // number of the last event
	owner     map[string]*process // events that this process must count
	early     map[string]*process // events that this process must not count: they ended before it reported
}

func newHandover(t *testing.T, d *pgtest.Database, p *process) *handover {
	t.Helper()
	h := &handover{url: d.URL, processes: []*process{p}, owner: make(map[string]*process), early: make(map[string]*process)}
	h.conn = h.connect(t)
	return h
}

func (h *handover) connect(t *testing.T) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), h.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// add adds an event. If a process follows before and after, it must count the event.
func (h *handover) add(t *testing.T) {
	t.Helper()
	terms := make([]*lockTerm, len(h.processes))
	for i, p := range h.processes {
		terms[i] = p.following(t)
	}
	h.n++
	time.Sleep(10 * time.Millisecond) // a few hundred events are enough
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := h.conn.Exec(ctx, fmt.Sprintf(buildSQL, h.n)); err != nil {
		t.Fatal(err)
	}
	for i, p := range h.processes {
		if terms[i] != nil && p.reporting() == terms[i] {
			h.own(p, h.n)
		}
		if term := p.held(); term != nil && !term.resumed && p.reporting() == nil {
			h.early[fmt.Sprintf("e%d", h.n)] = p
		}
	}
}

func (h *handover) own(p *process, n int) { h.owner[fmt.Sprintf("e%d", n)] = p }

// addUntil adds events until the condition holds, and 20 more.
func (h *handover) addUntil(t *testing.T, what string, condition func() bool) {
	t.Helper()
	await(t, what, func() bool { h.add(t); return condition() })
	for range 20 {
		h.add(t)
	}
}

// late adds an event that ends now, in a transaction: it becomes visible with commit.
func (h *handover) late(t *testing.T) (n int, commit func()) {
	t.Helper()
	h.n++
	c := h.connect(t)
	if _, err := c.Exec(t.Context(), "BEGIN;"+fmt.Sprintf(buildSQL, h.n)); err != nil {
		t.Fatal(err)
	}
	return h.n, func() {
		t.Helper()
		if _, err := c.Exec(t.Context(), "COMMIT"); err != nil {
			t.Fatal(err)
		}
	}
}

// check waits until every owned event is counted, and fails the test if an event is counted
// twice or by another process. It also fails if an event of except is counted.
func (h *handover) check(t *testing.T, except ...string) {
	t.Helper()
	await(t, "all owned events are counted", func() bool {
		builds := make(map[*process]map[string]int)
		for _, p := range h.processes {
			builds[p] = p.builds(t)
		}
		for e, p := range h.owner {
			if builds[p][e] == 0 {
				return false
			}
		}
		return true
	})
	time.Sleep(200 * time.Millisecond) // a few more looks
	total := make(map[string]int)
	for _, p := range h.processes {
		for e, n := range p.builds(t) {
			total[e] += n
			if owner := h.owner[e]; owner != nil && owner != p {
				t.Errorf("%s is counted by another process", e)
			}
			if h.early[e] == p {
				t.Errorf("%s is counted by a process that did not report when it ended", e)
			}
		}
	}
	for e, n := range total {
		if n != 1 {
			t.Errorf("%s: got count %d, want 1", e, n)
		}
	}
	for _, e := range except {
		if total[e] != 0 {
			t.Errorf("%s is counted, though no process reported when it ended", e)
		}
	}
	t.Logf("%d events: %d must be counted, %d must not be counted by one process, %d are counted", h.n, len(h.owner), len(h.early), len(total))
}

// TestNoEventIsLost checks that no event is lost or counted twice while the role moves to
// another process and back, and events become visible late.
func TestNoEventIsLost(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	link := pgtest.NewProxy(t, url)
	a, b := start(t, link.URL), (*process)(nil)
	h := newHandover(t, d, a)

	h.add(t)
	h.addUntil(t, "the first follows", func() bool { return a.following(t) != nil })
	b = start(t, url)
	h.processes = append(h.processes, b)
	watch(t, a.Reporter, b.Reporter)
	awaitStandBy(t, d, a.held())
	late, commit := h.late(t)
	h.own(a, late)
	h.addUntil(t, "more than one look", func() bool { return a.following(t) != nil })

	thaw := link.Silence()
	defer thaw()
	h.addUntil(t, "the second follows", func() bool { return b.following(t) != nil })
	commit()
	thaw()
	h.addUntil(t, "the first stands by", func() bool {
		return a.log.lines(`msg="standing by: another process reports the deployment"`) > 0
	})
	gone, commit := h.late(t)
	h.add(t)
	await(t, "the last event is counted", func() bool { return b.builds(t)[fmt.Sprintf("e%d", h.n)] == 1 })
	b.stop()

	h.addUntil(t, "the first follows again", func() bool { return a.following(t) != nil })
	commit() // the process that would have counted it has stopped
	h.addUntil(t, "more than one look", func() bool { return a.following(t) != nil })
	h.check(t, fmt.Sprintf("e%d", gone), "e1")
}

// TestNothingIsMissed checks that a process misses no event if it loses and regains the
// role, and no other process had the role in between.
func TestNothingIsMissed(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	p := start(t, url)
	h := newHandover(t, d, p)
	for range 3 {
		term := p.awaitFollowing(t)
		late, commit := h.late(t)
		h.own(p, late)
		h.add(t)
		endHolder(t, d)
		await(t, "the loss is noticed", func() bool { return p.reporting() != term })
		first := h.n + 1
		h.addUntil(t, "it reports again", p.Reports)
		for n := first; n <= h.n; n++ {
			h.own(p, n)
		}
		commit()
	}
	h.check(t)
}

// pause is a tracer that interrupts a look for events after its query of jobs.
type pause struct {
	armed         atomic.Bool
	reached, goOn chan struct{}
}

func (p *pause) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, p, strings.Contains(q.SQL, "FROM provisioner_jobs j"))
}

func (p *pause) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryEndData) {
	if ctx.Value(p) == true && q.Err == nil && p.armed.Swap(false) {
		p.reached <- struct{}{}
		<-p.goOn
	}
}

// TestRoleIsLostInMidLook checks that events found by a look during which the role was lost
// are recorded in the next term.
func TestRoleIsLostInMidLook(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	middle := &pause{reached: make(chan struct{}), goOn: make(chan struct{})}
	p := start(t, url, traced(middle))
	term := p.awaitFollowing(t)

	d.Exec(t, "ALTER TABLE provisioner_jobs RENAME TO elsewhere") // so that no look finds the build earlier
	await(t, "a look fails", func() bool { up, _ := p.up(t); return !up })
	middle.armed.Store(true)
	d.Exec(t, "ALTER TABLE elsewhere RENAME TO provisioner_jobs;"+fmt.Sprintf(buildSQL, 1))
	<-middle.reached
	endHolder(t, d)
	await(t, "the loss is noticed", func() bool { return p.reporting() != term })
	close(middle.goOn)
	for !p.Reports() {
		if n := p.builds(t)["e1"]; n > 0 && !p.Reports() {
			t.Fatal("the build is counted while the role is lost")
		}
		time.Sleep(10 * time.Millisecond)
	}
	h := newHandover(t, d, p)
	h.own(p, 1)
	h.check(t)
}

// TestFollowFails checks that a failure is logged once and no event is missed.
func TestFollowFails(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	p := start(t, url)
	p.awaitFollowing(t)
	for n := 1; n <= 2; n++ {
		d.Exec(t, "ALTER TABLE provisioner_jobs RENAME TO elsewhere")
		await(t, "the failure is reported", func() bool { up, asked := p.up(t); return asked && !up })
		time.Sleep(500 * time.Millisecond) // a few more looks
		d.Exec(t, fmt.Sprintf(strings.ReplaceAll(buildSQL, "provisioner_jobs", "elsewhere"), n))
		d.Exec(t, "ALTER TABLE elsewhere RENAME TO provisioner_jobs")
		p.awaitFollowing(t)
		await(t, "the build is counted", func() bool { return p.builds(t)[fmt.Sprintf("e%d", n)] == 1 })
		fails := p.log.lines(`level=WARN msg="the events cannot be followed" error="read events: ERROR: relation \"provisioner_jobs\" does not exist (SQLSTATE 42P01): is this the database of a Coder deployment, and has the role USAGE on its schema?"`)
		if again := p.log.lines(`level=INFO msg="following the events again"`); fails != n || again != n {
			t.Errorf("got %d log lines of failures and %d of recoveries, want %d each", fails, again, n)
		}
	}
	p.stop()
	if _, asked := p.up(t); asked {
		t.Error("the health of the source is still reported after the stop")
	}
	p.log.wantNo(t, "staple")
}

// TestFollowWithoutAgentStats checks that scripts are not recorded without agent statistics.
func TestFollowWithoutAgentStats(t *testing.T) {
	meter := meterstest.NewReader(t)
	m := newMeters(t, meter.Providers())
	f := follow{builds: m.Builds(), jobs: m.JobTimings()}
	f.record(events{Scripts: []endedScript{{}}})
	if got := meter.Text(t, instrument.AgentScriptsExecuted); got != "" {
		t.Errorf("got series of scripts, want none:\n%s", got)
	}
}

// slowScans is a tracer that delays scans and counts them.
type slowScans struct {
	of string // text of the SQL of scans
	n  atomic.Int64
}

func (s *slowScans) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if strings.Contains(q.SQL, s.of) {
		s.n.Add(1)
		time.Sleep(500 * time.Millisecond)
	}
	return ctx
}

func (s *slowScans) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TestSlowScans checks that slow scans are rare, and that the end of a job which was seen
// running is counted without a scan.
func TestSlowScans(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	d.Exec(t, "CREATE INDEX ON provisioner_jobs (job_status)")
	slow := &slowScans{of: "FROM provisioner_jobs j"}
	p := start(t, url, traced(slow), func(c *config) error { c.eventShare = eventShare; return nil })
	p.awaitFollowing(t)
	d.Exec(t, fmt.Sprintf(buildSQL, 1)+"; UPDATE provisioner_jobs SET completed_at = NULL WHERE id = u(10001)")
	await(t, "the build has a series at 0", func() bool {
		return strings.Contains(p.events.Text(t, instrument.WorkspaceBuilds), `template_version="e1"`)
	})
	d.Exec(t, "UPDATE provisioner_jobs SET completed_at = clock_timestamp() WHERE id = u(10001)")
	await(t, "its end is counted", func() bool { return p.builds(t)["e1"] == 1 })
	if n := slow.n.Load(); n != 1 {
		t.Errorf("got %d scans, want only the first", n)
	}
}

// TestPace checks that queries use no more than their share of the elapsed time.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pace
		began, spent := time.Now(), time.Duration(0)
		for i := range 1000 {
			time.Sleep(p.left())
			if passed := time.Since(began); float64(spent) > 0.0075*float64(passed) {
				t.Fatalf("after %d queries: spent %v of %v, want at most 0.75%%", i, spent, passed)
			}
			took := time.Duration(i) * time.Millisecond
			time.Sleep(took)
			p.spend(took, 0.0075)
			spent += took
		}
	})
}
