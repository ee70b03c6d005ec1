package meters

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
	"github.com/otelcoder/otelcoder/internal/clock"
	"github.com/otelcoder/otelcoder/internal/outage"
)

const (
	// maxCollection is the longest time limit of a collection. Ten thousand
	// workspaces are collected in about a second.
	maxCollection = 30 * time.Second
	// grace is how long after its time limit a source may return before it
	// counts as hung. One that respects its context says better what failed.
	grace = time.Second
	// firstRetry is how long after a failure a source is asked again; the pause
	// doubles with each further failure.
	firstRetry = time.Second
	// maxMissed is how many intervals a source may miss before its series are
	// withdrawn.
	maxMissed = 5
)

// polled is a subject whose source is asked.
type polled struct {
	subject
	health    instrument.Labels // of its health families
	logger    *slog.Logger
	outage    *outage.Log
	state     atomic.Pointer[state]
	recent    durations     // of the last collections; for the goroutine of run
	ended     chan struct{} // closed when nothing of the subject runs any more
	output    *output
	collected func(string, map[instrument.Family]int, time.Duration, error) // nil: nobody wants to know
}

func newPolled(s subject, c config, out *output) *polled {
	p := &polled{
		subject:   s,
		health:    instrument.HealthSourceUp.Labels(instrument.Source{Name: s.name}),
		logger:    c.logger,
		outage:    outage.New(c.logger.With("source", s.name), outage.Messages{Begins: "source fails", Ends: "source recovered"}),
		ended:     make(chan struct{}),
		output:    out,
		collected: c.collected,
	}
	p.state.Store(&state{})
	return p
}

// state is what is known of a source. It never changes: a new one is swapped
// in, so that everything read from one state belongs together.
type state struct {
	snapshot  snapshot        // of the last collection that succeeded; empty once withdrawn
	succeeded time.Time       // when it did; zero for never
	failing   bool            // the last collection failed, or the current one hangs
	took      time.Duration   // how long the last collection took, failed or not
	p95       time.Duration   // of the recent collections; zero if there is none
	problem   *health.Problem // of the last collection, nil if it succeeded
}

// run asks the source on the interval until ctx ends, and returns when the
// source has. It alone changes the state and logs, so both are in order.
func (p *polled) run(ctx context.Context) {
	defer close(p.ended)

	next := time.NewTimer(0) // the first collection happens at once
	hung, stale := time.NewTimer(0), time.NewTimer(0)
	hung.Stop()
	stale.Stop()
	defer func() { next.Stop(); hung.Stop(); stale.Stop() }()

	answers := make(chan answer)
	asking := false
	var pause time.Duration // after the last failure; 0 after a success
	for {
		select {
		case <-next.C:
			asking = true
			go func() { answers <- p.ask(ctx) }()
			hung.Reset(p.timeLimit() + grace)

		case a := <-answers:
			if ctx.Err() != nil {
				return // it was told to give up: that is no failure
			}
			asking = false
			hung.Stop()
			if a.err != nil {
				p.fail(a.err, a.took)
				pause = min(max(2*pause, firstRetry), p.interval)
				next.Reset(pause)
				continue
			}
			p.succeed(a)
			pause = 0
			next.Reset(p.interval - a.took)
			stale.Reset(p.lifetime())

		case <-hung.C:
			p.fail(fmt.Errorf("no answer within %s", p.timeLimit()), p.timeLimit())

		case <-stale.C:
			p.withdraw()

		case <-ctx.Done():
			if asking {
				<-answers
			}
			return
		}
	}
}

// timeLimit is how long the source may take for one answer.
func (p *polled) timeLimit() time.Duration { return min(p.interval, maxCollection) }

// lifetime is how long an answer is shown if no other follows it.
func (p *polled) lifetime() time.Duration { return maxMissed * p.interval }

type answer struct {
	snapshot snapshot
	rows     int // that the source returned
	err      error
	took     time.Duration
}

// ask collects once. A source that panics has failed.
func (p *polled) ask(ctx context.Context) (a answer) {
	ctx, cancel := context.WithTimeout(ctx, p.timeLimit())
	defer cancel()
	started := time.Now()
	defer func() {
		if v := recover(); v != nil {
			a.err = fmt.Errorf("panic: %v", v)
		}
		a.took = time.Since(started)
	}()
	a.snapshot, a.rows, a.err = p.collect(ctx)
	return a
}

func (p *polled) succeed(a answer) {
	p.logger.Debug("collected", "source", p.name, "rows", a.rows, "series", a.snapshot.size(), "duration", a.took)
	p.outage.Recovered(p)
	p.state.Store(&state{snapshot: a.snapshot, succeeded: time.Now(), took: a.took, p95: p.recent.add(a.took)})
	for _, group := range p.groups() {
		p.output.changed(group)
	}
	p.reportCollected(a.snapshot, a.took, nil)
}

func (p *polled) fail(err error, took time.Duration) {
	p.logger.Debug("not collected", "source", p.name, "error", err, "duration", took)
	if logged := new(LoggedError); !errors.As(err, &logged) {
		p.outage.Failed(p, err.Error())
	}
	was := *p.state.Load()
	was.failing, was.took, was.p95 = true, took, p.recent.add(took)
	since := time.Now()
	if was.problem != nil {
		since = was.problem.Since
	}
	was.problem = health.NewProblem(err, since)
	if was.problem.Runbook == "" {
		was.problem.Runbook = "OtelcoderSourceDown"
	}
	p.state.Store(&was)
	p.reportCollected(nil, took, err)
}

// reportCollected calls the function of [WithCollected].
func (p *polled) reportCollected(s snapshot, took time.Duration, err error) {
	if p.collected == nil {
		return
	}
	series := make(map[instrument.Family]int, len(p.families))
	for _, f := range p.families {
		series[f] = 0
	}
	for _, samples := range s {
		for _, sample := range samples {
			series[sample.family]++
		}
	}
	p.collected(p.name, series, took, err)
}

func (p *polled) withdraw() {
	was := *p.state.Load()
	p.logger.Warn("series of source withdrawn", "source", p.name, "last_success", was.succeeded)
	was.snapshot = snapshot{}
	p.state.Store(&was)
}

// live returns the state as it is now: if it is too old, its snapshot is empty and
// the source is not up. Timers alone do not ensure that: a process can be frozen and
// a machine suspended.
func (p *polled) live() (now state, up bool) {
	now = *p.state.Load()
	if now.succeeded.IsZero() || clock.Since(now.succeeded) >= p.lifetime() {
		now.snapshot = snapshot{}
		return now, false
	}
	return now, !now.failing
}

// source returns the health of the source.
func (p *polled) source(reachable bool) health.Source {
	now, up := p.live()
	s := health.Source{
		Name:            p.name,
		Up:              up && reachable,
		LastSuccess:     now.succeeded,
		IntervalSeconds: p.interval.Seconds(),
		DurationSeconds: health.Unknown(),
		P95Seconds:      health.Unknown(),
		Series:          now.snapshot.size(),
		Withdrawn:       !now.succeeded.IsZero() && clock.Since(now.succeeded) >= p.lifetime(),
		Problem:         now.problem,
	}
	if !now.succeeded.IsZero() || now.failing {
		s.DurationSeconds, s.P95Seconds = health.Number(now.took.Seconds()), health.Number(now.p95.Seconds())
	}
	return s
}

// groups returns the groups of the subject's families.
func (p *polled) groups() []instrument.Group {
	var groups []instrument.Group
	for _, f := range p.families {
		if !slices.Contains(groups, f.Group()) {
			groups = append(groups, f.Group())
		}
	}
	return groups
}

// observe has the subject's families observed.
func (p *polled) observe() {
	for _, group := range p.groups() {
		p.output.observe(group, func(o instrument.Observer) { p.report(o, group) })
	}
}

// observeHealth reports the health families of the source.
func (p *polled) observeHealth(o instrument.Observer, reachable bool) {
	now, up := p.live()
	o.Observe(instrument.HealthSourceUp, p.health, oneIf(up && reachable))
	o.Observe(instrument.HealthSourceLastSuccess, p.health, unixSeconds(now.succeeded))
	o.Observe(instrument.HealthSourceDuration, p.health, now.took.Seconds())
	o.Observe(instrument.HealthSourceSeries, p.health, float64(now.snapshot.size()))
}

// report reports the series of a group, all from one answer.
func (p *polled) report(o instrument.Observer, group instrument.Group) {
	if p.replaced != nil && p.replaced.Load() {
		return
	}
	now, _ := p.live()
	if now.snapshot.size() > 0 {
		o.Expires(now.succeeded.Add(p.lifetime()))
	}
	for _, sample := range now.snapshot[group] {
		o.Observe(sample.family, sample.labels, sample.value)
	}
}

// durations are the last 32 durations of something.
type durations struct {
	of    [32]time.Duration
	added int
}

// add adds a duration and returns the 95th percentile, by the nearest rank.
func (d *durations) add(took time.Duration) (p95 time.Duration) {
	d.of[d.added%len(d.of)] = took
	d.added++
	sorted := slices.Clone(d.of[:min(d.added, len(d.of))])
	slices.Sort(sorted)
	return sorted[(len(sorted)*95+99)/100-1]
}
