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
	// maxCollection is the maximum time limit of a collection. A collection of 10,000
	// workspaces takes about a second.
	maxCollection = 30 * time.Second
	// grace is the time after its time limit until a source counts as hung. A source that
	// respects its context returns within it, with a more specific error.
	grace = time.Second
	// firstRetry is the pause before the first retry. It doubles with each failure.
	firstRetry = time.Second
	// maxMissed is the number of intervals without a success after which the series are
	// withdrawn.
	maxMissed = 5
)

// runner runs a collector on its interval and keeps its latest snapshot.
type runner struct {
	collector
	health    instrument.Labels // of its health families
	logger    *slog.Logger
	outage    *outage.Log
	state     atomic.Pointer[state]
	recent    durations     // of the last collections; only run uses it
	ended     chan struct{} // closed when run and its collection have returned
	output    *output
	collected func(string, map[instrument.Family]int, time.Duration, error) // nil without [WithCollected]
}

func newRunner(s collector, c config, out *output) *runner {
	r := &runner{
		collector: s,
		health:    c.edition.Labels(instrument.HealthSourceUp, instrument.Source{Name: s.name}),
		logger:    c.logger,
		outage:    outage.New(c.logger.With("source", s.name), outage.Messages{Begins: "source fails", Ends: "source recovered"}),
		ended:     make(chan struct{}),
		output:    out,
		collected: c.collected,
	}
	r.state.Store(&state{})
	return r
}

// state is the state of a source. It is immutable and swapped as a whole, so that readers
// see consistent fields.
type state struct {
	snapshot  snapshot        // of the last collection with rows; empty once withdrawn
	taken     time.Time       // time of the snapshot; zero if there was none
	succeeded time.Time       // time of the last success; zero if never
	failing   bool            // the last collection failed, or the current one hangs
	took      time.Duration   // duration of the last collection, failed or not
	p95       time.Duration   // 95th percentile of the recent durations; 0 if none
	problem   *health.Problem // of the last collection; nil if it succeeded
}

// run queries the source on the interval until ctx ends, and returns when the source has
// returned. Only run changes the state and logs, so both are in order.
func (r *runner) run(ctx context.Context) {
	defer close(r.ended)

	next := time.NewTimer(0) // the first collection starts immediately
	hung, stale := time.NewTimer(0), time.NewTimer(0)
	hung.Stop()
	stale.Stop()
	defer func() { next.Stop(); hung.Stop(); stale.Stop() }()

	results := make(chan result)
	collecting := false
	var pause time.Duration // after the last failure; 0 after a success
	for {
		select {
		case <-next.C:
			collecting = true
			go func() { results <- r.collectOnce(ctx) }()
			hung.Reset(r.timeLimit() + grace)

		case res := <-results:
			if ctx.Err() != nil {
				return // canceled, not failed
			}
			collecting = false
			hung.Stop()
			if res.err != nil {
				r.fail(res)
				if partial(res.err) {
					stale.Reset(r.lifetime())
				}
				pause = min(max(2*pause, firstRetry), r.interval)
				next.Reset(pause)
				continue
			}
			r.succeed(res)
			pause = 0
			next.Reset(r.interval - res.took)
			stale.Reset(r.lifetime())

		case <-hung.C:
			r.fail(result{err: fmt.Errorf("no answer within %s", r.timeLimit()), took: r.timeLimit()})

		case <-stale.C:
			r.withdraw()

		case <-ctx.Done():
			if collecting {
				<-results
			}
			return
		}
	}
}

// timeLimit returns the time limit of a collection.
func (r *runner) timeLimit() time.Duration { return min(r.interval, maxCollection) }

// lifetime returns how long a snapshot is served without another success.
func (r *runner) lifetime() time.Duration { return maxMissed * r.interval }

// result is the result of a collection.
type result struct {
	snapshot snapshot
	rows     int   // returned by the source
	err      error // with a snapshot if it is a [PartialError]
	took     time.Duration
}

// collectOnce collects with the time limit. A panic of the source is returned as an error.
func (r *runner) collectOnce(ctx context.Context) (res result) {
	ctx, cancel := context.WithTimeout(ctx, r.timeLimit())
	defer cancel()
	started := time.Now()
	defer func() {
		if v := recover(); v != nil {
			res.err = fmt.Errorf("panic: %v", v)
		}
		res.took = time.Since(started)
	}()
	res.snapshot, res.rows, res.err = r.collect(ctx)
	return res
}

func (r *runner) succeed(res result) {
	r.logger.Debug("collected", "source", r.name, "rows", res.rows, "series", res.snapshot.size(), "duration", res.took)
	r.outage.Recovered(r)
	now := time.Now()
	r.state.Store(&state{snapshot: res.snapshot, taken: now, succeeded: now, took: res.took, p95: r.recent.add(res.took)})
	r.changed()
	r.reportCollected(res.snapshot, res.took, nil)
}

func (r *runner) changed() {
	for _, group := range r.groups() {
		r.output.changed(group)
	}
}

func (r *runner) fail(res result) {
	r.logger.Debug("not collected", "source", r.name, "error", res.err, "duration", res.took)
	if logged := new(LoggedError); !errors.As(res.err, &logged) {
		r.outage.Failed(r, res.err.Error())
	}
	failed := *r.state.Load()
	if partial(res.err) {
		failed.snapshot, failed.taken = res.snapshot, time.Now()
	}
	failed.failing, failed.took, failed.p95 = true, res.took, r.recent.add(res.took)
	since := time.Now()
	if failed.problem != nil {
		since = failed.problem.Since
	}
	failed.problem = health.NewProblem(res.err, since)
	if failed.problem.Runbook == "" {
		failed.problem.Runbook = "OtelcoderSourceDown"
	}
	r.state.Store(&failed)
	if partial(res.err) {
		r.changed()
	}
	r.reportCollected(res.snapshot, res.took, res.err)
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
	withdrawn := *r.state.Load()
	logger := r.logger.With("source", r.name)
	if !withdrawn.succeeded.IsZero() { // zero if every collection was partial
		logger = logger.With("last_success", withdrawn.succeeded)
	}
	logger.Warn("series of source withdrawn")
	withdrawn.snapshot = snapshot{}
	r.state.Store(&withdrawn)
}

// live returns the current state, and whether the source is up. If the snapshot is older
// than the lifetime, it is empty and the source is not up. The timer of run does not
// suffice for that: processes are frozen and machines suspended.
func (r *runner) live() (now state, up bool) {
	now = *r.state.Load()
	if now.taken.IsZero() || clock.Since(now.taken) >= r.lifetime() {
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
		Withdrawn:       !now.taken.IsZero() && clock.Since(now.taken) >= r.lifetime(),
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

// observe registers the runner to report the collector's families.
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
	o.Observe(instrument.HealthSourceInterval, r.health, r.interval.Seconds())
	o.Observe(instrument.HealthSourceSeries, r.health, float64(now.snapshot.size()))
}

// report reports the series of a group, all from one snapshot.
func (r *runner) report(o instrument.Observer, group instrument.Group) {
	if r.replaced != nil && r.replaced.Load() {
		return
	}
	now, _ := r.live()
	if now.snapshot.size() > 0 {
		o.Expires(now.taken.Add(r.lifetime()))
	}
	for _, sample := range now.snapshot[group] {
		o.Observe(sample.family, sample.labels, sample.value)
	}
}

// durations keeps the last 32 durations.
type durations struct {
	last  [32]time.Duration
	added int
}

// add adds a duration and returns the 95th percentile (nearest rank).
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
