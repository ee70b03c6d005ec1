package meters

import "github.com/otelcoder/otelcoder/instrument"

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

func (s *forwardedSeries) join() *forwardedValue {
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
