package meters

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// forwardedTTL is how long a value is kept after its last report.
const forwardedTTL = 2 * time.Minute

// Forwarded records the metrics that workspace agents report, as the families
// agent_scripts_executed_total and coderd_agentstats_startup_script_seconds, with the
// agent labels of [WithAggregateBy] and the label success.
//
// Agents with equal labels share one series with the sum of their values. A counter
// shared by several agents does not decrease while one of them still reports: the counts
// of an agent are kept when it disconnects or restarts at 0. A series is dropped with its
// last agent.
//
// A value is dropped after two minutes without a report. At most 200,000 values of each
// family are kept ([WithMaxSeries]); beyond that, the least recently reported are dropped
// and counted in otelcoder_refused_total, origin "agent", reason "limit".
type Forwarded struct {
	output  *output
	refused refusals[forwardedRefusal]
	text    labelText
	sets    map[instrument.Family]instrument.LabelSets[instrument.AgentScript]

	mu       sync.Mutex
	newest   int // generation of the newest AgentReports
	reported *table[forwardedKey, *forwardedValue]
	series   map[forwardedKey]*forwardedSeries
}

type forwardedRefusal string

const (
	forwardedType      forwardedRefusal = "type"      // not the documented type
	forwardedLabels    forwardedRefusal = "labels"    // not exactly the documented labels
	forwardedNumber    forwardedRefusal = "value"     // negative, infinite or NaN
	forwardedDuplicate forwardedRefusal = "duplicate" // series already in the same report
	forwardedLimit     forwardedRefusal = "limit"     // dropped because of the limit
	forwardedLength    forwardedRefusal = "length"    // a truncated label value
)

func newForwarded(c config, out *output) *Forwarded {
	refused := newRefusals(out, c, "agent", forwardedType, forwardedLabels, forwardedNumber, forwardedDuplicate, forwardedLimit, forwardedLength)
	f := &Forwarded{
		output:  out,
		refused: refused,
		text:    c.labelText(refused.adder(forwardedLength)),
		sets:    make(map[instrument.Family]instrument.LabelSets[instrument.AgentScript]),
		series:  make(map[forwardedKey]*forwardedSeries),
	}
	for _, family := range forwardedFamilies {
		f.sets[family] = instrument.NewLabelSets[instrument.AgentScript](c.edition, family, c.droppedLabels()...)
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

// ForwardingAgent identifies the agent that reports. The control plane must supply it,
// because the agent's own reports are not trusted.
type ForwardingAgent struct {
	Username      string // the workspace owner's
	WorkspaceName string
	AgentName     string
	TemplateName  string
}

// script returns the label values of the agent's scripts, without success.
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

// Agent returns the handle of a connected agent, which must be closed when the connection
// ends.
//
// A second handle of the same agent means that the agent has reconnected. It takes over
// the reported values, and the earlier handle's Report and Close no longer change them.
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

// AgentReports receives the reports of one connected agent.
type AgentReports struct {
	forwarded  *Forwarded
	script     instrument.AgentScript // of the agent, without success
	generation int                    // a newer handle of the same agent has a higher one
	closed     bool                   // guarded by forwarded.mu
}

// keys returns the keys of all values that the agent can report.
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

// Report records the agent's metrics. A value replaces the previous one of its series.
//
// A metric with a documented name must have the documented type, only the label success
// with the value true or false, and a finite value of at least 0. Otherwise it is refused
// and counted in otelcoder_refused_total, origin "agent", reason "type", "labels" or
// "value"; a second metric of the same series has the reason "duplicate". Metrics with
// other names are ignored.
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

// Close drops the values that the agent reported. Later reports are ignored.
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

// addValue creates the value of a key and adds the agent to its series; f.mu must be
// held.
func (f *Forwarded) addValue(key forwardedKey) *forwardedValue {
	sets := f.sets[key.family]
	key.script = sets.Key(key.script)
	s, ok := f.series[key]
	if !ok {
		s = newForwardedSeries(key, sets.Labels(key.script))
		f.series[key] = s
	}
	f.output.changed(instrument.Workspaces)
	return s.addAgent()
}

// removeValue removes the agent of a dropped value from its series; f.mu must be held.
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

// snapshot copies the series, so that agents do not wait while they are observed. It
// returns when the first of their values expires.
func (f *Forwarded) snapshot() (samples []sample, expiry time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	values := f.reported.all(time.Now())
	// Merged gauges are summed each time, because adding to a float64 sum and subtracting
	// again does not restore the exact value.
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

// ForwardedMetric is a metric as an agent reports it. It is untrusted.
type ForwardedMetric struct {
	Name   string // documented Prometheus name
	Type   ForwardedType
	Value  float64
	Labels []ForwardedLabel // without the labels of the agent
}

// ForwardedType is the type of a forwarded metric.
type ForwardedType string

// The types of forwarded metrics.
const (
	ForwardedCounter ForwardedType = "counter"
	ForwardedGauge   ForwardedType = "gauge"
)

// ForwardedLabel is a label of a forwarded metric.
type ForwardedLabel struct{ Name, Value string }

// forwardedFamilies are the families that agents report. Besides the agent's labels they
// have only the label success.
var forwardedFamilies = [...]instrument.Family{instrument.AgentScriptsExecuted, instrument.AgentStatsStartupScript}

// acceptedMetric is a valid forwarded metric.
type acceptedMetric struct {
	family  instrument.Family
	success bool
	value   float64
}

// accept returns the valid metrics of a report, at most two of each family, and counts
// the refused ones.
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

// success returns the value of the metric's only label; ok is false if the labels are
// invalid.
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

// forwardedKey identifies a value of an agent or, with empty values for the dropped
// labels, a series.
type forwardedKey struct {
	family instrument.Family
	script instrument.AgentScript
}

// forwardedValue is a value that one agent reported.
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
	agents  int  // number of current agents
	merged  bool // has had more than one agent
}

func newForwardedSeries(key forwardedKey, labels instrument.Labels) *forwardedSeries {
	return &forwardedSeries{
		sample:  sample{family: key.family, labels: labels},
		key:     key,
		counter: key.family.Type() == instrument.Counter,
	}
}

// addAgent adds an agent and returns its value.
func (s *forwardedSeries) addAgent() *forwardedValue {
	s.agents++
	s.merged = s.agents > 1 // 1 only in a new series: removeValue deletes series without agents
	return &forwardedValue{series: s}
}

// set changes the value of an agent. A merged counter only increases, by the difference
// from the agent's previous value; a lower value is a restart from 0.
func (v *forwardedValue) set(value float64) {
	switch s := v.series; {
	case !s.merged:
		s.value = value
	case !s.counter: // summed by snapshot
	case value >= v.value:
		s.value += value - v.value
	default:
		s.value += value
	}
	v.value = value
}
