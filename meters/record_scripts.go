package meters

import (
	"sync"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// scriptSeriesTTL bounds the age of series, because agents are as short-lived as their
// workspaces.
const scriptSeriesTTL = 24 * time.Hour

// Scripts counts the scripts executed by workspace agents, as
// agent_scripts_executed_total, in a process that observes scripts from outside. A
// process that receives the agents' reports uses [Forwarded]. The labels are the agent
// labels of [WithAggregateBy], and success.
//
// A series is dropped after 24 hours without a script, and restarts at 0 with the next
// one. At most 200,000 series are kept ([WithMaxSeries]); beyond that, the least recently
// updated are dropped and counted in otelcoder_refused_total, origin "scripts", reason
// "limit".
type Scripts struct {
	output *output
	text   labelText
	sets   instrument.LabelSets[instrument.AgentScript]

	mu     sync.Mutex
	series *table[instrument.AgentScript, *scriptSeries]
}

type scriptRefusal string

const (
	scriptLimit  scriptRefusal = "limit"  // dropped because of the limit
	scriptLength scriptRefusal = "length" // a truncated label value
)

// scriptSeries are the series of an agent, of failure and of success. They expire
// together.
type scriptSeries [2]struct {
	labels   instrument.Labels
	executed int
}

func newScripts(c config, out *output) *Scripts {
	refused := newRefusals(out, c, "scripts", scriptLimit, scriptLength)
	s := &Scripts{
		output: out,
		text:   c.labelText(refused.adder(scriptLength)),
		sets:   instrument.NewLabelSets[instrument.AgentScript](c.edition, instrument.AgentScriptsExecuted, c.droppedLabels()...),
	}
	s.series = &table[instrument.AgentScript, *scriptSeries]{
		size:    c.maxSeries(instrument.AgentScriptsExecuted) / len(scriptSeries{}),
		ttl:     scriptSeriesTTL,
		evicted: refused.adder(scriptLimit),
	}
	out.observe(instrument.Workspaces, s.collect)
	return s
}

// Executed counts a script that an agent has executed. The first script of an agent also
// exposes the series of the other value of success, at 0.
func (s *Scripts) Executed(agent ForwardingAgent, success bool) {
	if s.output.closed.Load() {
		return
	}
	script := s.sets.Key(agent.script(s.text)) // the key of both values of success
	s.mu.Lock()
	defer s.mu.Unlock()
	series := s.series.touch(script, time.Now(), func() *scriptSeries { return s.newSeries(script) })
	series[successIndex(success)].executed++
	s.output.changed(instrument.Workspaces)
}

func (s *Scripts) newSeries(script instrument.AgentScript) *scriptSeries {
	series := new(scriptSeries)
	for _, success := range []bool{false, true} {
		script.Success = success
		series[successIndex(success)].labels = s.sets.Labels(script)
	}
	return series
}

// successIndex returns the index of a value of success in a scriptSeries.
func successIndex(success bool) int {
	if success {
		return 1
	}
	return 0
}

func (s *Scripts) collect(o instrument.Observer) {
	if s.output.scriptsForwarded.Load() {
		return
	}
	series, expiry := s.snapshot()
	o.Expires(expiry)
	for _, series := range series {
		for _, v := range series {
			o.Observe(instrument.AgentScriptsExecuted, v.labels, float64(v.executed))
		}
	}
}

// snapshot copies the series, so that scripts do not wait while they are observed. It
// returns when the first of them expires.
func (s *Scripts) snapshot() (snapshot []scriptSeries, expiry time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return copyRows(s.series, time.Now())
}
