package coderdb

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// The model of the terms has two processes and one server. In each step a second passes, a
// session is cut, the server answers a request, or a process goes on. A process that does
// not go on is frozen. The test explores every order of steps, and checks in each state that
// at most one process reports.

// phase is the next action of a process.
type phase int

const (
	connects phase = iota
	sendsTry       // sends a request for the lock
	tried          // the server answers it
	tryWon         // the process receives the answer
	tryLost
	touches // sends a touch of the lock
	touched_
	touchDone
	fails // receives the error of a session that was cut
)

// modelled is a process with its session.
type modelled struct {
	phase phase
	alive bool // the server has its session
	sent  time.Time
	past  tenure
	term  *lockTerm // nil without the lock

	otherReported bool // since this process last reported
}

// world is a state of the model. The values that it refers to are immutable.
type world struct {
	now       time.Time
	holder    int // of the lock, or -1
	processes [2]modelled
	path      *step
	wrong     string // violation by the last step, or empty
}

// step is the last of the steps that led to a state, linked to the earlier ones.
type step struct {
	before *step
	name   string
}

func (s *step) String() string {
	if s == nil {
		return "start"
	}
	return s.before.String() + ", " + s.name
}

// Steps share their names: formatting one per step is too slow.
var (
	cutNames    = [2]string{"0 is cut", "1 is cut"}
	goesOnNames = [2]string{"0 goes on", "1 goes on"}
)

// next returns the possible next states.
func (w world) next(timing reporterTiming) []world {
	tick := w.after("tick")
	tick.now = w.now.Add(time.Second)
	all := append(make([]world, 0, 5), tick)
	for i, p := range w.processes {
		if p.alive {
			cut := w.after(cutNames[i])
			cut.cut(i)
			all = append(all, cut)
		}
		goesOn := w.after(goesOnNames[i])
		goesOn.goOn(i, timing)
		all = append(all, goesOn)
	}
	return all
}

func (w world) after(name string) world {
	w.path = &step{w.path, name}
	return w
}

func (w *world) cut(i int) {
	w.processes[i].alive = false
	if w.holder == i {
		w.holder = -1
	}
}

// goOn performs the next step of process i, or of the server with its request.
func (w *world) goOn(i int, timing reporterTiming) {
	p := &w.processes[i]
	switch p.phase {
	case connects:
		w.cut(i)
		p.alive, p.phase = true, sendsTry
	case sendsTry:
		p.phase = tried
	case tried:
		switch {
		case !p.alive:
			p.phase = fails
		case w.holder < 0:
			w.holder, p.phase = i, tryWon
		default:
			p.phase = tryLost
		}
	case tryWon:
		p.term, p.phase = p.past.begin(timing, w.now), touches
		if p.term.from.Equal(w.now) && p.otherReported {
			w.wrong = fmt.Sprintf("%d does not settle though the other has reported", i)
		}
	case tryLost:
		p.past.refused(timing, w.now)
		p.phase = sendsTry
	case touches:
		p.sent, p.phase = w.now, touched_
	case touched_:
		p.phase = touchDone
		if !p.alive {
			p.phase = fails
		}
	case touchDone:
		term := &lockTerm{resumed: p.term.resumed, epoch: p.term.epoch, from: p.term.from, serve: p.term.serve}
		before := p.past.reported
		p.past.extend(term, &lease{sent: p.sent}, false)
		if p.past.reported != before {
			p.otherReported = false
		}
		p.term, p.phase = term, touches
	case fails:
		p.term, p.phase = nil, connects
	}
}

func (w world) reports(i int) bool {
	term := w.processes[i].term
	return term != nil && term.mayReport(w.now)
}

// stateKey is a state without the parts that cannot be observed.
type stateKey struct {
	holder    int
	processes [2]processKey
}

// processKey holds the phase, three flags, and ages.
type processKey [8]int64

// key returns equal keys for states with no observable difference, and for states that
// differ only in the order of the processes.
func (w world) key(timing reporterTiming) stateKey {
	const never, old = -1, int64(time.Hour) // old exceeds every limit
	age := func(t time.Time) int64 {
		if d := w.now.Sub(t); d <= max(timing.serve, timing.settle) {
			return int64(d)
		}
		return old
	}
	key := stateKey{holder: w.holder}
	for i := range w.processes {
		p, k := &w.processes[i], &key.processes[i]
		*k = processKey{int64(p.phase), bit(p.alive), bit(p.otherReported), bit(p.term != nil), age(p.past.reported)}
		if p.phase == touched_ || p.phase == touchDone {
			k[5] = age(p.sent)
		}
		if p.term != nil {
			k[6], k[7] = age(p.term.from), never
			if l := p.term.lease.Load(); l != nil {
				k[7] = age(l.sent)
			}
		}
	}
	order := slices.Compare(key.processes[0][:], key.processes[1][:])
	if order > 0 {
		key.processes[0], key.processes[1] = key.processes[1], key.processes[0]
	}
	if key.holder >= 0 && (order > 0 || order == 0 && key.holder == 1) {
		key.holder = 1 - key.holder
	}
	return key
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// explore returns the number of states, the number of states in which a process reports,
// and the first violation found, or an empty string.
func explore(timing reporterTiming) (states, reporting int, wrong string) {
	first := world{now: time.Unix(1e9, 0), holder: -1}
	seen := map[stateKey]bool{first.key(timing): true}
	for queue := []world{first}; len(queue) > 0; {
		w := queue[0]
		queue = queue[1:]
		states++
		for i := range w.processes {
			if !w.reports(i) {
				continue
			}
			reporting++
			if w.reports(1 - i) {
				return states, reporting, "two report: " + w.path.String()
			}
			w.processes[1-i].otherReported = true
		}
		if w.wrong != "" {
			return states, reporting, w.wrong + ": " + w.path.String()
		}
		for _, n := range w.next(timing) {
			if k := n.key(timing); !seen[k] {
				seen[k] = true
				queue = append(queue, n)
			}
		}
	}
	return states, reporting, ""
}

func modelTiming(serve, settle time.Duration) reporterTiming {
	return reporterTiming{serve: serve, settle: settle, idle: serve + time.Second, try: time.Second, standByExpiry: time.Minute}
}

// TestNeverTwo checks that two processes never report at the same time, for every order of
// cut sessions, frozen processes and regained locks.
func TestNeverTwo(t *testing.T) {
	states, reporting, wrong := explore(modelTiming(2*time.Second, 2*time.Second))
	if wrong != "" {
		t.Error(wrong)
	}
	t.Logf("%d states, a process reports in %d of them", states, reporting)
	if reporting == 0 {
		t.Error("no process reports in any state")
	}
	// The model must find a violation if processes settle for too short a time.
	if _, _, wrong := explore(modelTiming(3*time.Second, 2*time.Second)); wrong == "" {
		t.Error("no violation found with too short a time to settle")
	}
}
