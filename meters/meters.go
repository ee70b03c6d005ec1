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

// Meters holds the recorders and the sources of a process. Create one per process: two
// would report the same series, so that counters add up and gauges overwrite each other.
//
// A method that returns a recorder creates it on the first call and then returns the same
// one. A family has no series before its recorder or its source is used.
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
	jobQueue   func() *JobQueue
	starts     func() *AgentStarts
	events     func() *EventsHealth

	ctx     context.Context // ends with Shutdown
	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	polling bool
	sources []*runner
	ended   bool
}

// New creates the instruments of all recorders and sources on the providers. It
// returns an error if an option or the edition is out of range, a provider cannot create
// an instrument, or the Process provider is an [instrument.Claimer], such as that of an
// exporter, on which another Meters measures that has not been shut down. Other providers
// cannot detect a second Meters. End the Meters with [Meters.Shutdown].
func New(p instrument.Providers, options ...Option) (*Meters, error) {
	c, err := newConfig(p.Edition, options)
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
	m.jobs = sync.OnceValue(func() *Jobs { return newJobs(m.JobTimings(), c, out) })
	m.jobTimings = sync.OnceValue(func() *JobTimings { return newJobTimings(c, out) })
	m.oauth2 = sync.OnceValue(func() *OAuth2 { return newOAuth2(c, out) })
	m.forwarded = sync.OnceValue(func() *Forwarded { return newForwarded(c, out) })
	m.scripts = sync.OnceValue(func() *Scripts { return newScripts(c, out) })
	m.jobQueue = sync.OnceValue(func() *JobQueue { return newJobQueue(c, out) })
	m.starts = sync.OnceValue(func() *AgentStarts { return newAgentStarts(c, out) })
	m.events = sync.OnceValue(func() *EventsHealth { return newEventsHealth(c, out) })
	return m, nil
}

// Edition returns the edition of the providers, whose families are measured.
func (m *Meters) Edition() instrument.Edition { return m.config.edition }

// API returns the recorder of HTTP requests and websockets, for package httpmw.
func (m *Meters) API() *API { return m.api() }

// Builds returns the recorder of workspace builds, and of the times that workspaces take
// to create or to claim.
func (m *Meters) Builds() *Builds { return m.builds() }

// Jobs returns the recorder of provisioner jobs, for a process that runs them. It
// replaces a [JobsSource], which is no longer reported after the first call.
func (m *Meters) Jobs() *Jobs { return m.jobs() }

// JobTimings returns the recorder of the durations of provisioner jobs, for a process
// that observes jobs from outside. [Meters.Jobs] includes it.
func (m *Meters) JobTimings() *JobTimings { return m.jobTimings() }

// OAuth2 returns the recorder of calls to external OAuth2 providers.
func (m *Meters) OAuth2() *OAuth2 { return m.oauth2() }

// Forwarded returns the recorder of the metrics that agents report. It replaces
// [Meters.Scripts], which is no longer reported after the first call.
func (m *Meters) Forwarded() *Forwarded { return m.forwarded() }

// Scripts returns the recorder of executed scripts, for a process that does not
// receive the reports of agents.
func (m *Meters) Scripts() *Scripts { return m.scripts() }

// JobQueue returns the recorder of the queue of provisioner jobs. Only the edition
// [instrument.Coder] has its families.
func (m *Meters) JobQueue() *JobQueue { return m.jobQueue() }

// AgentStarts returns the recorder of the starts of workspace agents. Only the edition
// [instrument.Coder] has its families.
func (m *Meters) AgentStarts() *AgentStarts { return m.starts() }

// EventsHealth returns the recorder of the health of the source "events". The source
// passes events to the other recorders, as coderdb.Follow does; it is not one of the
// [Sources] of [Meters.Poll].
func (m *Meters) EventsHealth() *EventsHealth { return m.events() }

// Poll queries the sources for the state of a deployment, in the background, until
// [Meters.Shutdown]. It must be called at most once; a second call panics.
//
// Each source is queried immediately and then on its interval ([WithInterval],
// [WithInsightsInterval]), with a time limit of the interval, at most 30 seconds. The
// result becomes a snapshot that collections of the metrics read. Rows with equal labels
// are merged into one series: values are added, of latencies the maximum is taken.
// Invalid rows are left out and counted in otelcoder_refused_total.
//
// If a source fails, panics or hangs, its last snapshot is kept, and the source is queried
// again after one second; the pause doubles with each failure, up to the interval. The
// rows of a [PartialError] replace the snapshot. The series are withdrawn when the
// snapshot is five intervals old. Changes of state and of the error are logged once
// ([WithLogger]), unless the source has logged the error itself ([LoggedError]). At level
// DEBUG each collection is logged.
//
// The health families otelcoder_source_*{source} describe the sources: active_users,
// latest_builds, agents, agent_stats, insights, license and jobs, and in the edition Coder
// also users, daemons, prebuilds and creations.
// otelcoder_source_up is 0 before the first success, after a failed collection, while
// a collection exceeds its time limit by more than a second, and while the sources
// cannot be reached ([WithReachable]). Each collection of the agents, failed or not, is
// one observation of coderd_metrics_collector_agents_execution_seconds, which has another
// name in the edition Coder. There, each collection of the agents' statistics is one
// observation of coderd_prometheusmetrics_agentstats_execution_seconds.
func (m *Meters) Poll(s Sources) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return
	}
	if m.polling {
		panic("meters: Poll called twice")
	}
	m.polling = true
	refused := newSourceRefusals(m.output, m.config, s.refusals()...)
	for _, collector := range s.collectors(m.output, m.config, refused) {
		m.sources = append(m.sources, newRunner(collector, m.config, m.output))
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

// Go calls run in a goroutine. [Meters.Shutdown] cancels its context and waits for it.
// After Shutdown, Go does nothing.
func (m *Meters) Go(run func(context.Context)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ended {
		m.running.Go(func() { run(m.ctx) })
	}
}

// Shutdown withdraws all series except histograms, which last as long as their provider,
// and stops measuring: recorders may still be called, without effect. Then it cancels
// the context of the sources and of the functions started by [Meters.Go], and waits for
// them. If ctx ends first, the error wraps ctx.Err() and names the sources that have not
// returned. Later calls wait again. Functions started by Go must not call Shutdown.
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
		return fmt.Errorf("shut down the meters: %w", err)
	}
	return nil
}

// unreturned returns the names of the goroutines that are still running.
func unreturned(sources []*runner) []string {
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
