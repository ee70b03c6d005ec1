package meters

import (
	"math"
	"slices"

	"github.com/otelcoder/otelcoder/instrument"
)

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
