package coderdb

import (
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/internal/reporterlock"
)

// elected is a [Role] that the test controls.
type elected struct{ term atomic.Pointer[Term] }

func (e *elected) Term() (Term, bool) {
	if term := e.term.Load(); term != nil {
		return *term, true
	}
	return Term{}, false
}

func (e *elected) give(number int) { e.term.Store(&Term{Number: number}) }
func (e *elected) takeAway()       { e.term.Store(nil) }

// startIn starts a process that follows the events while it has the role.
func startIn(t *testing.T, url string, role Role, options ...Option) *process {
	t.Helper()
	p := newProcess(t, options...)
	options = append([]Option{WithFollowInterval(10 * time.Millisecond), WithLogger(testLogger(t)), unpaced}, options...)
	p.follow(t, url, role, options...)
	t.Cleanup(p.stop)
	return p
}

// awaitLook waits until the process has looked for events.
func (p *process) awaitLook(t *testing.T) {
	t.Helper()
	await(t, "the process looks for events", func() bool { up, _ := p.up(t); return up })
}

// awaitRest waits until the process has noticed that it does not have the role.
func (p *process) awaitRest(t *testing.T) {
	t.Helper()
	await(t, "the process stops its looks", func() bool { _, asked := p.up(t); return !asked })
}

func (p *process) awaitBuild(t *testing.T, n int) {
	t.Helper()
	await(t, fmt.Sprintf("build %d is counted", n), func() bool { return p.builds(t)[fmt.Sprintf("e%d", n)] == 1 })
}

// TestAlone checks that a process with the role [Alone] follows the events without a lock.
func TestAlone(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	d.Exec(t, fmt.Sprintf(buildSQL, 1))
	p := startIn(t, url, Alone{})
	p.awaitLook(t)
	d.Exec(t, fmt.Sprintf(buildSQL, 2))
	p.awaitBuild(t, 2)
	if builds := p.builds(t); len(builds) != 1 {
		t.Errorf("got builds %v, want only the one that ended after the start", builds)
	}
	if locks := pgtest.Value[int](t, d, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())", reporterlock.Class); locks != 0 {
		t.Errorf("got %d locks of the reporter, want 0", locks)
	}
}

// TestRoleOfTheHost checks that the number of the term decides whether a process counts the
// events that ended while it did not have the role.
func TestRoleOfTheHost(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	h := handover{url: d.URL}
	end := func() int {
		h.n++
		d.Exec(t, fmt.Sprintf(buildSQL, h.n))
		return h.n
	}
	role := new(elected)
	p := startIn(t, url, role)
	before := end()
	role.give(7)
	p.awaitLook(t)
	first := end()
	p.awaitBuild(t, first)

	role.takeAway()
	p.awaitRest(t)
	missed := end()
	role.give(7)
	p.awaitBuild(t, missed)

	late, commit := h.late(t)
	last := end()
	p.awaitBuild(t, last) // a look after the end of the late build
	role.takeAway()
	p.awaitRest(t)
	others := end()
	commit()
	role.give(8)
	p.awaitLook(t)
	next := end()
	p.awaitBuild(t, next)

	want := make(map[string]int)
	for _, n := range []int{first, missed, late, last, next} {
		want[fmt.Sprintf("e%d", n)] = 1
	}
	if got := p.builds(t); !maps.Equal(got, want) {
		t.Errorf("got builds %v, want %v without e%d and e%d, which another process may count", got, want, before, others)
	}
}

// TestTermsWithoutALook checks that a term without a look leaves no events to the next term:
// another process may have counted them.
func TestTermsWithoutALook(t *testing.T) {
	db := open(t, "postgres://otelcoder@127.0.0.1:1/coder")
	f := follow{db: db}
	for number, began := range []time.Time{noon, noon.Add(time.Hour)} {
		held := new(lockTerm)
		held.lease.Store(&lease{clock: began})
		f.enter(Term{Number: number, lock: held})
		if !f.now.from.Equal(began) || f.past != nil {
			t.Errorf("term %d: got events from %v, of a previous term %t; want from %v, false", number, f.now.from, f.past != nil, began)
		}
	}
}
