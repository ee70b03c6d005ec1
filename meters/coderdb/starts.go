package coderdb

import "github.com/otelcoder/otelcoder/meters"

// starts are the latest starts, by agent, whose end was seen.
type starts map[id]startup

// startup is a start of an agent that has ended.
type startup struct {
	began  float64 // Unix seconds; tells the starts of an agent apart
	script meters.StartupScript
}

// next returns the current start of an agent, which began at a time and took
// seconds to end, and false if its outcome is unknown. Only some states tell the
// outcome. In a later one, like shutting_down or off, it is known from an earlier
// collection, or not at all.
func (s starts) next(agent id, state meters.AgentLifecycle, began, took *float64) (startup, bool) {
	if began == nil {
		return startup{}, false
	}
	var success bool
	switch state {
	case meters.LifecycleReady:
		success = true
	case meters.LifecycleStartError, meters.LifecycleStartTimeout:
	default:
		known, ok := s[agent]
		return known, ok && known.began == *began
	}
	if took == nil || *took < 0 {
		return startup{}, false
	}
	return startup{*began, meters.StartupScript{Seconds: *took, Success: success}}, true
}
