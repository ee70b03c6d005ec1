package meters

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
)

// Meters owns the recorders and the sources of a process, which has one. Each method that returns a
// recorder makes it on the first call and returns the same one later: a family has
// no series before its recorder or its source is used.
type Meters struct {
	config config
	output *output

	api        func() *API
	builds     func() *Builds
	jobs       func() *Jobs
	jobTimings func() *JobTimings
	oauth2     func() *OAuth2
	forwarded  func() *Forwarded
	scripts    func() *Scripts
	events     func() *EventsHealth

	ctx     context.Context // ends with Shutdown
	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	polling bool
	sources []*polled
	ended   bool
}

// New creates the instruments of all recorders and sources on the providers. It
// returns an error if an option is out of range or a provider cannot create an
// instrument. End the Meters with [Meters.Shutdown].
func New(p instrument.Providers, options ...Option) (*Meters, error) {
	c, err := newConfig(options)
	if err != nil {
		return nil, fmt.Errorf("create the meters: %w", err)
	}
	out, err := newOutput(p)
	if err != nil {
		return nil, fmt.Errorf("create the meters: %w", err)
	}
	m := &Meters{config: c, output: out}
	m.ctx, m.stop = context.WithCancel(context.Background())
	m.api = sync.OnceValue(func() *API { return newAPI(c, out) })
	m.builds = sync.OnceValue(func() *Builds { return newBuilds(c, out) })
	m.jobs = sync.OnceValue(func() *Jobs { return newJobs(m.JobTimings(), out) })
	m.jobTimings = sync.OnceValue(func() *JobTimings { return newJobTimings(c, out) })
	m.oauth2 = sync.OnceValue(func() *OAuth2 { return newOAuth2(c, out) })
	m.forwarded = sync.OnceValue(func() *Forwarded { return newForwarded(c, out) })
	m.scripts = sync.OnceValue(func() *Scripts { return newScripts(c, out) })
	m.events = sync.OnceValue(func() *EventsHealth { return newEventsHealth(out) })
	return m, nil
}

// API returns the recorder of HTTP requests and websockets, for package httpmw.
func (m *Meters) API() *API { return m.api() }

// Builds returns the recorder of workspace builds.
func (m *Meters) Builds() *Builds { return m.builds() }

// Jobs returns the recorder of provisioner jobs, for a process that runs them. It
// replaces a [JobsSource], whose answers are not reported once Jobs was called.
func (m *Meters) Jobs() *Jobs { return m.jobs() }

// JobTimings returns the recorder of the durations of provisioner jobs, for a process
// that learns of them elsewhere. It is part of [Meters.Jobs].
func (m *Meters) JobTimings() *JobTimings { return m.jobTimings() }

// OAuth2 returns the recorder of calls to external OAuth2 providers.
func (m *Meters) OAuth2() *OAuth2 { return m.oauth2() }

// Forwarded returns the recorder of the metrics that agents report. It replaces
// [Meters.Scripts], whose counts are not reported once Forwarded was called.
func (m *Meters) Forwarded() *Forwarded { return m.forwarded() }

// Scripts returns the recorder of executed scripts, for a process that does not
// receive the reports of agents.
func (m *Meters) Scripts() *Scripts { return m.scripts() }

// EventsHealth returns the health of the source named events, which feeds recorders
// and which Poll does not ask: that of coderdb.Follow.
func (m *Meters) EventsHealth() *EventsHealth { return m.events() }

// Poll asks the sources for the state of a deployment, in the background, until
// [Meters.Shutdown]. It is called at most once, and panics when it is called again.
// The failure of a source is not an error.
//
// Every source is asked at once and then on its interval ([WithInterval],
// [WithInsightsInterval]), with a time limit of the interval or 30 seconds, the
// shorter of both. Its answer becomes a snapshot that collections read. Rows with
// equal labels are one series: values are summed, of latencies the greatest counts.
// Invalid rows are left out and counted in otelcoder_refused_total.
//
// A source that fails, panics or hangs keeps its last snapshot and is asked again
// after a second, then after twice that and so on up to its interval. When its last
// answer is five intervals old its series are withdrawn. Each change is logged once
// ([WithLogger]), a changed error too, unless the source has logged it itself
// ([LoggedError]). At level DEBUG each collection is logged.
//
// The health families otelcoder_source_*{source} describe the sources:
// active_users, latest_builds, agents, agent_stats, insights, license and jobs.
// otelcoder_source_up is 0 before the first answer, after a failed collection, while
// a collection overruns its limit by more than a second, and while the sources cannot
// be reached ([WithReachable]). Every collection of the agents, failed or not, is one
// observation of coderd_metrics_collector_agents_execution_seconds.
func (m *Meters) Poll(s Sources) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return
	}
	if m.polling {
		panic("meters: Poll is called twice")
	}
	m.polling = true
	refused := newSourceRefusals(m.output, m.config, s.refusals()...)
	for _, subject := range s.subjects(m.output, m.config, refused) {
		m.sources = append(m.sources, newPolled(subject, m.config, m.output))
	}
	sources, reachable := m.sources, m.config.reachable
	m.output.observe(instrument.Process, func(o instrument.Observer) {
		reachable := reachable()
		for _, s := range sources {
			s.observeHealth(o, reachable)
		}
	})
	m.output.report(func(r *health.Report) {
		reachable := reachable()
		for _, s := range sources {
			r.Sources = append(r.Sources, s.source(reachable))
		}
	})
	for _, s := range sources {
		s.observe()
		m.running.Go(func() { s.run(m.ctx) })
	}
}

// Go calls run in a goroutine, with a context that ends with [Meters.Shutdown], which
// waits for it. After Shutdown it does nothing.
func (m *Meters) Go(run func(context.Context)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ended {
		m.running.Go(func() { run(m.ctx) })
	}
}

// Shutdown withdraws all series but those of histograms, which last as long as the
// provider, and stops measuring: recorders may still be called, without effect. Then
// it ends the context of the sources and of the functions that [Meters.Go] runs, and
// waits for them. The error wraps that of ctx if it ends first; it names the
// sources that have not returned. Later calls wait again. A function that Go runs must
// not call it.
func (m *Meters) Shutdown(ctx context.Context) error {
	m.mu.Lock()
	m.ended = true
	sources := m.sources
	m.mu.Unlock()
	err := m.output.close()
	m.stop()
	returned := make(chan struct{})
	go func() {
		m.running.Wait()
		close(returned)
	}()
	select {
	case <-returned:
	case <-ctx.Done():
		err = errors.Join(err, fmt.Errorf("wait for %s: %w", strings.Join(unreturned(sources), ", "), ctx.Err()))
	}
	if err != nil {
		return fmt.Errorf("shut the meters down: %w", err)
	}
	return nil
}

// unreturned lists what Shutdown still waits for.
func unreturned(sources []*polled) []string {
	var names []string
	for _, s := range sources {
		select {
		case <-s.ended:
		default:
			names = append(names, "source "+s.name)
		}
	}
	if names == nil {
		return []string{"functions"}
	}
	return names
}
