package meters

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
)

// Poll asks the sources for the state of a deployment, in the background, until
// [Poller.Shutdown]. It returns an error only for options that are out of range
// and if an instrument cannot be made. The failure of a source is not an error.
//
// Every source is asked at once and then on its interval ([WithInterval],
// [WithInsightsInterval]), and has as long to answer, at most 30 seconds. What
// it says becomes a snapshot that collections read. Rows with equal labels are
// one series: values are summed, of latencies the greatest counts. Rows that
// make no sense are left out and counted in otelcoder_refused_total.
//
// A source that fails, panics or hangs keeps its last snapshot and is asked
// again after a second, then after twice that and so on up to its interval.
// When its last answer is five intervals old its series are withdrawn. Each
// change is logged once ([WithLogger]), a changed error too, unless the source has
// logged it itself ([LoggedError]). At level DEBUG each collection is logged.
//
// The health families otelcoder_source_*{source} describe the sources:
// active_users, latest_builds, agents, agent_stats, insights, license and jobs.
// otelcoder_source_up is 0 before the first answer, after a failed collection, while
// a collection overruns its limit by more than a second, and while the sources cannot
// be reached ([WithReachable]).
// Every collection of the agents, failed or not, is one observation of
// coderd_metrics_collector_agents_execution_seconds.
func Poll(p instrument.Providers, s Sources, options ...Option) (*Poller, error) {
	c, err := newConfig(options)
	if err != nil {
		return nil, fmt.Errorf("poll: %w", err)
	}
	poller := new(Poller)
	if err := poller.start(p, s, c); err != nil {
		return nil, errors.Join(fmt.Errorf("poll: %w", err), poller.unregister())
	}
	return poller, nil
}

// Poller keeps the state of a deployment, see [Poll].
type Poller struct {
	sources      []*polled
	observations []*instrument.Observation // of the health families
	silence      []func()                  // ends the reports of the sources' health
	stop         context.CancelFunc
}

// Shutdown withdraws all series and stops asking the sources. It returns nil
// when every source has returned, else an error that wraps that of ctx.
func (p *Poller) Shutdown(ctx context.Context) error {
	p.stop()
	err := p.unregister()
	for _, s := range p.sources {
		select {
		case <-s.ended:
		case <-ctx.Done():
			return errors.Join(err, fmt.Errorf("stop polling: source %s: %w", s.name, ctx.Err()))
		}
	}
	return err
}

func (p *Poller) unregister() error {
	for _, silence := range p.silence {
		silence()
	}
	var err error
	for _, o := range p.observations {
		err = errors.Join(err, o.Unregister())
	}
	for _, s := range p.sources {
		for _, o := range s.observations {
			err = errors.Join(err, o.Unregister())
		}
	}
	return err
}

// start registers what collections read, and then one goroutine a source.
func (p *Poller) start(providers instrument.Providers, sources Sources, c config) error {
	refused, err := newSourceRefusals(providers, c, sources.refusals()...)
	if err != nil {
		return err
	}
	p.observations = append(p.observations, refused.observation)
	p.silence = append(p.silence, refused.silence)

	subjects, err := sources.subjects(providers, c, refused)
	if err != nil {
		return err
	}
	for _, subject := range subjects {
		s := newPolled(subject, c.logger)
		p.sources = append(p.sources, s)
		if err := s.observe(providers); err != nil {
			return err
		}
	}
	observation, err := providers.Observe(func(o instrument.Observer) { p.observeHealth(o, c.reachable()) }, instrument.HealthSourceUp, instrument.HealthSourceLastSuccess,
		instrument.HealthSourceDuration, instrument.HealthSourceSeries)
	if err != nil {
		return err
	}
	p.observations = append(p.observations, observation)
	p.silence = append(p.silence, providers.ReportHealth(func(r *health.Report) {
		reachable := c.reachable()
		for _, s := range p.sources {
			r.Sources = append(r.Sources, s.source(reachable))
		}
	}))

	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	for _, s := range p.sources {
		go s.run(ctx)
	}
	return nil
}

// observeHealth reports the health of the sources.
func (p *Poller) observeHealth(o instrument.Observer, reachable bool) {
	for _, s := range p.sources {
		now, up := s.live()
		o.Observe(instrument.HealthSourceUp, s.health, oneIf(up && reachable))
		o.Observe(instrument.HealthSourceLastSuccess, s.health, unixSeconds(now.succeeded))
		o.Observe(instrument.HealthSourceDuration, s.health, now.took.Seconds())
		o.Observe(instrument.HealthSourceSeries, s.health, float64(now.snapshot.size()))
	}
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

// subjects returns one subject for each source that there is.
func (s Sources) subjects(p instrument.Providers, c config, refused sourceRefusals) ([]subject, error) {
	var subjects []subject
	if s.ActiveUsers != nil {
		subjects = append(subjects, activeUsers(c, s.ActiveUsers, refused))
	}
	if s.LatestBuilds != nil {
		subjects = append(subjects, latestBuilds(c, s.LatestBuilds, refused))
	}
	if s.Agents != nil {
		subject, err := agents(p, c, s.Agents, refused)
		if err != nil {
			return nil, err
		}
		subjects = append(subjects, subject)
	}
	if s.AgentStats != nil {
		subjects = append(subjects, agentStats(c, s.AgentStats, refused))
	}
	if s.Insights != nil {
		subjects = append(subjects, insights(c, s.Insights, refused))
	}
	if s.License != nil {
		subjects = append(subjects, license(c, s.License, refused))
	}
	if s.Jobs != nil {
		subjects = append(subjects, runningJobs(c, s.Jobs, refused))
	}
	for i := range subjects {
		subjects[i].limit(c, refused)
	}
	return subjects, nil
}
