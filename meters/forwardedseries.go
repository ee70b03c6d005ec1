package meters

import (
	"strconv"

	"github.com/otelcoder/otelcoder/instrument"
)

// forwardedKey is what tells values of agents apart, and series: the key of a
// series has only those fields of its agents by which they are aggregated.
type forwardedKey struct {
	agent   ForwardingAgent
	family  instrument.Family
	success bool
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

func newForwardedSeries(key forwardedKey, by []AgentLabel) *forwardedSeries {
	names, values := []string{"success"}, []string{strconv.FormatBool(key.success)}
	for _, label := range by {
		names = append(names, string(label))
		values = append(values, *key.agent.text(label))
	}
	return &forwardedSeries{
		sample:  sample{family: key.family, labels: instrument.NewLabels(names, values)},
		key:     key,
		counter: key.family.Info().Type == instrument.Counter,
	}
}

func (s *forwardedSeries) join() *forwardedValue {
	s.agents++
	s.merged = s.agents > 1 // there is no series without an agent
	return &forwardedValue{series: s}
}

// set changes what an agent reports. A counter that is merged only grows, by
// what the agent has counted since; a value that falls counts from 0 again.
func (v *forwardedValue) set(value float64) {
	if s := v.series; s.counter {
		switch {
		case !s.merged:
			s.value = value
		case value >= v.value:
			s.value += value - v.value
		default:
			s.value += value
		}
	}
	v.value = value
}

// keep returns the agent with nothing but the labels by which it is aggregated.
func (a ForwardingAgent) keep(by []AgentLabel) (kept ForwardingAgent) {
	for _, label := range by {
		*kept.text(label) = *a.text(label)
	}
	return kept
}

// text returns the field of a label.
func (a *ForwardingAgent) text(label AgentLabel) *string {
	switch label {
	case LabelAgentName:
		return &a.AgentName
	case LabelTemplateName:
		return &a.TemplateName
	case LabelUsername:
		return &a.Username
	default:
		return &a.WorkspaceName
	}
}
