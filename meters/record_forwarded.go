package meters

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

const forwardedTTL = 2 * time.Minute

// Forwarded keeps what workspace agents report themselves, as
// agent_scripts_executed_total and coderd_agentstats_startup_script_seconds,
// with the agent's labels or those of them that [WithAggregateBy] names, and the
// label success.
//
// Agents with equal labels are one series, whose value is their sum. A counter
// that more than one agent has fed does not fall while one of them still
// reports: what an agent had counted stays when it leaves or starts again at 0.
// A series goes with its last agent.
//
// A value is dropped when its agent has not reported it for two minutes. No more
// than 200,000 values of each family are held ([WithMaxSeries]); past that, those
// that have not been reported for the longest time are dropped and counted in
// otelcoder_refused_total, origin "agent", reason "limit".
type Forwarded struct {
	output  *output
	refused refusals[forwardedRefusal]
	text    labelText
	kept    keptLabels

	mu       sync.Mutex
	newest   int // generation of the newest AgentReports
	reported *table[forwardedKey, *forwardedValue]
	series   map[forwardedKey]*forwardedSeries
}

type forwardedRefusal string

const (
	forwardedType      forwardedRefusal = "type"      // not the documented type
	forwardedLabels    forwardedRefusal = "labels"    // not exactly the documented labels
	forwardedNumber    forwardedRefusal = "value"     // negative, infinite or not a number
	forwardedDuplicate forwardedRefusal = "duplicate" // the second one in a report
	forwardedLimit     forwardedRefusal = "limit"     // dropped to make room
	forwardedLength    forwardedRefusal = "length"    // a label value that was cut
)

func newForwarded(c config, out *output) *Forwarded {
	refused := newRefusals(out, c.logger, "agent", forwardedType, forwardedLabels, forwardedNumber, forwardedDuplicate, forwardedLimit, forwardedLength)
	f := &Forwarded{
		output:  out,
		refused: refused,
		text:    c.labelText(refused.adder(forwardedLength)),
		kept:    newKeptLabels(c.aggregateBy),
		series:  make(map[forwardedKey]*forwardedSeries),
	}
	f.reported = &table[forwardedKey, *forwardedValue]{
		size:    c.maxSeries(instrument.AgentScriptsExecuted) + c.maxSeries(instrument.AgentStatsStartupScript),
		ttl:     forwardedTTL,
		evicted: refused.adder(forwardedLimit),
		dropped: f.removeValue,
	}
	out.scriptsForwarded.Store(true)
	out.observe(instrument.Workspaces, f.collect)
	return f
}

// ForwardingAgent says which agent reports. The control plane knows it; what an
// agent says of itself does not count.
type ForwardingAgent struct {
	Username      string // the workspace owner's
	WorkspaceName string
	AgentName     string
	TemplateName  string
}

// script is what is measured of the agent's scripts, without success.
func (a ForwardingAgent) script(text labelText) instrument.AgentScript {
	return instrument.AgentScript{
		Agent: instrument.Agent{
			AgentName:     text(a.AgentName),
			Username:      text(a.Username),
			WorkspaceName: text(a.WorkspaceName),
		},
		TemplateName: text(a.TemplateName),
	}
}

// Agent returns the handle of a connected agent, to be closed when the
// connection ends.
//
// A second handle of the same agent means that it has connected again: it takes
// over what the earlier one reported, whose Report and Close no longer change
// that.
func (f *Forwarded) Agent(agent ForwardingAgent) *AgentReports {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.newest++
	a := &AgentReports{
		forwarded:  f,
		script:     agent.script(f.text),
		generation: f.newest,
	}
	for _, key := range a.keys() {
		if v, ok := f.reported.get(key, time.Now()); ok {
			v.generation = a.generation
		}
	}
	return a
}

// AgentReports takes the reports of one connected agent.
type AgentReports struct {
	forwarded  *Forwarded
	script     instrument.AgentScript // of the agent, without success
	generation int                    // of two handles of an agent, the newer one has the higher
	closed     bool                   // guarded by forwarded.mu
}

// keys returns the keys of all that the agent can report.
func (a *AgentReports) keys() []forwardedKey {
	var keys []forwardedKey
	for _, f := range forwardedFamilies {
		keys = append(keys, a.key(f, false), a.key(f, true))
	}
	return keys
}

func (a *AgentReports) key(f instrument.Family, success bool) forwardedKey {
	script := a.script
	script.Success = success
	return forwardedKey{f, script}
}

// Report takes what the agent reports, in place of what it reported of the same
// series before.
//
// A metric of a documented name needs the documented type, the label success
// with the value true or false and no other, and a finite value that is not
// negative. Otherwise it is left out, and counted in otelcoder_refused_total,
// origin "agent", reason "type", "labels", "value" or, for a series that the
// report holds already, "duplicate". Metrics of other names, of which agents
// report many, are left out silently.
func (a *AgentReports) Report(report []ForwardedMetric) {
	f := a.forwarded
	if f.output.closed.Load() {
		return
	}
	accepted := f.accept(report)

	f.mu.Lock()
	defer f.mu.Unlock()
	if a.closed {
		return
	}
	now := time.Now()
	for _, m := range accepted {
		key := a.key(m.family, m.success)
		if v, ok := f.reported.get(key, now); ok && v.generation > a.generation {
			continue
		}
		v := f.reported.touch(key, now, func() *forwardedValue { return f.addValue(key) })
		v.generation = a.generation
		if v.value != m.value {
			v.set(m.value)
			f.output.changed(instrument.Workspaces)
		}
	}
}

// Close drops what the agent reported. Later reports are ignored.
func (a *AgentReports) Close() {
	f := a.forwarded
	f.mu.Lock()
	defer f.mu.Unlock()
	a.closed = true
	for _, key := range a.keys() {
		if v, ok := f.reported.get(key, time.Now()); ok && v.generation == a.generation {
			f.reported.remove(key)
			f.output.changed(instrument.Workspaces)
		}
	}
}

// join adds an agent to the series that it feeds with its value of a key; f.mu
// is held.
func (f *Forwarded) addValue(key forwardedKey) *forwardedValue {
	key.script = f.kept.merge(key.script)
	s, ok := f.series[key]
	if !ok {
		s = newForwardedSeries(key, f.kept.labels(key.family, key.script))
		f.series[key] = s
	}
	f.output.changed(instrument.Workspaces)
	return s.addAgent()
}

// leave is called for each value that is dropped; f.mu is held.
func (f *Forwarded) removeValue(v *forwardedValue) {
	v.series.agents--
	if v.series.agents == 0 {
		delete(f.series, v.series.key)
	}
}

func (f *Forwarded) collect(o instrument.Observer) {
	samples, expiry := f.snapshot()
	o.Expires(expiry)
	for _, s := range samples {
		o.Observe(s.family, s.labels, s.value)
	}
}

// snapshot copies the series, so that no agent waits until they are observed, and
// returns when the first of their values expires.
func (f *Forwarded) snapshot() (samples []sample, expiry time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	values := f.reported.all(time.Now())
	// Merged gauges are summed anew each time: adding to a sum and taking from it
	// again would not give back exactly what one agent said.
	summed := false
	for _, s := range f.series {
		if s.merged && !s.counter {
			s.value, summed = 0, true
		}
	}
	if summed {
		for v := range values {
			if s := v.series; s.merged && !s.counter {
				s.value += v.value
			}
		}
	}
	samples = make([]sample, 0, len(f.series))
	for _, s := range f.series {
		samples = append(samples, s.sample)
	}
	return samples, f.reported.expiry()
}

// ForwardedMetric is a metric as an agent reports it. Nothing of it is trusted.
type ForwardedMetric struct {
	Name   string // documented Prometheus name
	Type   ForwardedType
	Value  float64
	Labels []ForwardedLabel // its own, without those that tell which agent it is
}

// ForwardedType is the type of a forwarded metric.
type ForwardedType string

// The types that agents report.
const (
	ForwardedCounter ForwardedType = "counter"
	ForwardedGauge   ForwardedType = "gauge"
)

// ForwardedLabel is a label of a forwarded metric.
type ForwardedLabel struct{ Name, Value string }

// forwardedFamilies are the families that agents feed. Each has one label of its
// own: success.
var forwardedFamilies = [...]instrument.Family{instrument.AgentScriptsExecuted, instrument.AgentStatsStartupScript}

// acceptedMetric is a forwarded metric that is as it should be.
type acceptedMetric struct {
	family  instrument.Family
	success bool
	value   float64
}

// accept returns what can be taken of a report, which is at most two metrics of
// each family, and counts what is refused.
func (f *Forwarded) accept(report []ForwardedMetric) []acceptedMetric {
	var accepted []acceptedMetric
	for _, m := range report {
		family, ok := m.family()
		if !ok {
			continue
		}
		if m.Type != ForwardedType(family.Type().String()) {
			f.refused.add(forwardedType)
			continue
		}
		success, ok := m.success()
		if !ok {
			f.refused.add(forwardedLabels)
			continue
		}
		if !(m.Value >= 0) || math.IsInf(m.Value, 0) { // also refuses NaN
			f.refused.add(forwardedNumber)
			continue
		}
		if slices.ContainsFunc(accepted, func(a acceptedMetric) bool { return a.family == family && a.success == success }) {
			f.refused.add(forwardedDuplicate)
			continue
		}
		accepted = append(accepted, acceptedMetric{family, success, m.Value})
	}
	return accepted
}

func (m ForwardedMetric) family() (instrument.Family, bool) {
	for _, f := range forwardedFamilies {
		if m.Name == f.String() {
			return f, true
		}
	}
	return 0, false
}

// success returns the value of the one label that a metric may have.
func (m ForwardedMetric) success() (success, ok bool) {
	if len(m.Labels) != 1 || m.Labels[0].Name != "success" {
		return false, false
	}
	switch m.Labels[0].Value {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// forwardedKey identifies a value of an agent, or a series: in the key of a series,
// the labels that are not kept are empty.
type forwardedKey struct {
	family instrument.Family
	script instrument.AgentScript
}

// forwardedValue is what one agent reported.
type forwardedValue struct {
	value      float64
	generation int // of the handle that reported it
	series     *forwardedSeries
}

// forwardedSeries is the sum of the values of agents with equal labels.
type forwardedSeries struct {
	sample
	key     forwardedKey
	counter bool
	agents  int  // that feed it now
	merged  bool // more than one agent has fed it
}

func newForwardedSeries(key forwardedKey, labels instrument.Labels) *forwardedSeries {
	return &forwardedSeries{
		sample:  sample{family: key.family, labels: labels},
		key:     key,
		counter: key.family.Type() == instrument.Counter,
	}
}

func (s *forwardedSeries) addAgent() *forwardedValue {
	s.agents++
	s.merged = s.agents > 1 // there is no series without an agent
	return &forwardedValue{series: s}
}

// set changes what an agent reports. A merged counter only grows, by what the
// agent has counted since; a value that falls counts from 0 again.
func (v *forwardedValue) set(value float64) {
	switch s := v.series; {
	case !s.merged:
		s.value = value
	case !s.counter: // summed when it is asked for
	case value >= v.value:
		s.value += value - v.value
	default:
		s.value += value
	}
	v.value = value
}
