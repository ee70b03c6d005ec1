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

// runner runs a collector on its interval, and keeps its latest snapshot.
type runner struct {
	collector
	health    instrument.Labels // of its health families
	logger    *slog.Logger
	outage    *outage.Log
	state     atomic.Pointer[state]
	recent    durations     // of the last collections; for the goroutine of run
	ended     chan struct{} // closed when nothing of the collector runs any more
	output    *output
	collected func(string, map[instrument.Family]int, time.Duration, error) // nil without [WithCollected]
}

func newRunner(s collector, c config, out *output) *runner {
	r := &runner{
		collector: s,
		health:    instrument.HealthSourceUp.Labels(instrument.Source{Name: s.name}),
		logger:    c.logger,
		outage:    outage.New(c.logger.With("source", s.name), outage.Messages{Begins: "source fails", Ends: "source recovered"}),
		ended:     make(chan struct{}),
		output:    out,
		collected: c.collected,
	}
	r.state.Store(&state{})
	return r
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
func (r *runner) run(ctx context.Context) {
	defer close(r.ended)

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
			go func() { answers <- r.ask(ctx) }()
			hung.Reset(r.timeLimit() + grace)

		case a := <-answers:
			if ctx.Err() != nil {
				return // it was told to give up: that is no failure
			}
			asking = false
			hung.Stop()
			if a.err != nil {
				r.fail(a.err, a.took)
				pause = min(max(2*pause, firstRetry), r.interval)
				next.Reset(pause)
				continue
			}
			r.succeed(a)
			pause = 0
			next.Reset(r.interval - a.took)
			stale.Reset(r.lifetime())

		case <-hung.C:
			r.fail(fmt.Errorf("no answer within %s", r.timeLimit()), r.timeLimit())

		case <-stale.C:
			r.withdraw()

		case <-ctx.Done():
			if asking {
				<-answers
			}
			return
		}
	}
}

// timeLimit is how long the source may take for one answer.
func (r *runner) timeLimit() time.Duration { return min(r.interval, maxCollection) }

// lifetime is how long an answer is shown if no other follows it.
func (r *runner) lifetime() time.Duration { return maxMissed * r.interval }

type answer struct {
	snapshot snapshot
	rows     int // that the source returned
	err      error
	took     time.Duration
}

// ask collects once. A source that panics has failed.
func (r *runner) ask(ctx context.Context) (a answer) {
	ctx, cancel := context.WithTimeout(ctx, r.timeLimit())
	defer cancel()
	started := time.Now()
	defer func() {
		if v := recover(); v != nil {
			a.err = fmt.Errorf("panic: %v", v)
		}
		a.took = time.Since(started)
	}()
	a.snapshot, a.rows, a.err = r.collect(ctx)
	return a
}

func (r *runner) succeed(a answer) {
	r.logger.Debug("collected", "source", r.name, "rows", a.rows, "series", a.snapshot.size(), "duration", a.took)
	r.outage.Recovered(r)
	r.state.Store(&state{snapshot: a.snapshot, succeeded: time.Now(), took: a.took, p95: r.recent.add(a.took)})
	for _, group := range r.groups() {
		r.output.changed(group)
	}
	r.reportCollected(a.snapshot, a.took, nil)
}

func (r *runner) fail(err error, took time.Duration) {
	r.logger.Debug("not collected", "source", r.name, "error", err, "duration", took)
	if logged := new(LoggedError); !errors.As(err, &logged) {
		r.outage.Failed(r, err.Error())
	}
	was := *r.state.Load()
	was.failing, was.took, was.p95 = true, took, r.recent.add(took)
	since := time.Now()
	if was.problem != nil {
		since = was.problem.Since
	}
	was.problem = health.NewProblem(err, since)
	if was.problem.Runbook == "" {
		was.problem.Runbook = "OtelcoderSourceDown"
	}
	r.state.Store(&was)
	r.reportCollected(nil, took, err)
}

// reportCollected calls the function of [WithCollected].
func (r *runner) reportCollected(s snapshot, took time.Duration, err error) {
	if r.collected == nil {
		return
	}
	series := make(map[instrument.Family]int, len(r.families))
	for _, f := range r.families {
		series[f] = 0
	}
	for _, samples := range s {
		for _, sample := range samples {
			series[sample.family]++
		}
	}
	r.collected(r.name, series, took, err)
}

func (r *runner) withdraw() {
	was := *r.state.Load()
	r.logger.Warn("series of source withdrawn", "source", r.name, "last_success", was.succeeded)
	was.snapshot = snapshot{}
	r.state.Store(&was)
}

// live returns the state as it is now: if it is too old, its snapshot is empty and
// the source is not up. Timers alone do not ensure that: a process can be frozen and
// a machine suspended.
func (r *runner) live() (now state, up bool) {
	now = *r.state.Load()
	if now.succeeded.IsZero() || clock.Since(now.succeeded) >= r.lifetime() {
		now.snapshot = snapshot{}
		return now, false
	}
	return now, !now.failing
}

// source returns the health of the source.
func (r *runner) source(reachable bool) health.Source {
	now, up := r.live()
	s := health.Source{
		Name:            r.name,
		Up:              up && reachable,
		LastSuccess:     now.succeeded,
		IntervalSeconds: r.interval.Seconds(),
		DurationSeconds: health.Unknown(),
		P95Seconds:      health.Unknown(),
		Series:          now.snapshot.size(),
		Withdrawn:       !now.succeeded.IsZero() && clock.Since(now.succeeded) >= r.lifetime(),
		Problem:         now.problem,
	}
	if !now.succeeded.IsZero() || now.failing {
		s.DurationSeconds, s.P95Seconds = health.Number(now.took.Seconds()), health.Number(now.p95.Seconds())
	}
	return s
}

// groups returns the groups of the collector's families.
func (r *runner) groups() []instrument.Group {
	var groups []instrument.Group
	for _, f := range r.families {
		if !slices.Contains(groups, f.Group()) {
			groups = append(groups, f.Group())
		}
	}
	return groups
}

// observe has the collector's families observed.
func (r *runner) observe() {
	for _, group := range r.groups() {
		r.output.observe(group, func(o instrument.Observer) { r.report(o, group) })
	}
}

// observeHealth reports the health families of the source.
func (r *runner) observeHealth(o instrument.Observer, reachable bool) {
	now, up := r.live()
	o.Observe(instrument.HealthSourceUp, r.health, oneIf(up && reachable))
	o.Observe(instrument.HealthSourceLastSuccess, r.health, unixSeconds(now.succeeded))
	o.Observe(instrument.HealthSourceDuration, r.health, now.took.Seconds())
	o.Observe(instrument.HealthSourceSeries, r.health, float64(now.snapshot.size()))
}

// report reports the series of a group, all from one answer.
func (r *runner) report(o instrument.Observer, group instrument.Group) {
	if r.replaced != nil && r.replaced.Load() {
		return
	}
	now, _ := r.live()
	if now.snapshot.size() > 0 {
		o.Expires(now.succeeded.Add(r.lifetime()))
	}
	for _, sample := range now.snapshot[group] {
		o.Observe(sample.family, sample.labels, sample.value)
	}
}

// durations are the last 32 durations of something.
type durations struct {
	last  [32]time.Duration
	added int
}

// add adds a duration and returns the 95th percentile, by the nearest rank.
func (d *durations) add(took time.Duration) (p95 time.Duration) {
	d.last[d.added%len(d.last)] = took
	d.added++
	sorted := slices.Clone(d.last[:min(d.added, len(d.last))])
	slices.Sort(sorted)
	return sorted[(len(sorted)*95+99)/100-1]
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
