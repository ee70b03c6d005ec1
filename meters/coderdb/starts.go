package coderdb

import "github.com/otelcoder/otelcoder/meters"

// starts are the latest starts with a known outcome, by agent.
type starts map[id]startup

// startup is a start of an agent that has ended.
type startup struct {
	began  float64 // Unix seconds; identifies the start of an agent
	script meters.StartupScript
}

// next returns the current start of an agent, and false if its outcome is unknown. began is
// in Unix seconds and took in seconds; either is nil if unknown. Only the states directly
// after a start show its outcome. In a later state, like shutting_down or off, only an
// earlier collection has seen it.
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
