package meters

import (
	"slices"

	"github.com/otelcoder/otelcoder/instrument"
)

// keptLabels are the labels that series have once they are aggregated: the labels by
// which they are aggregated, and all that are no [AgentLabel].
type keptLabels struct {
	dropped []string // names of the other labels
}

func newKeptLabels(by []AgentLabel) (k keptLabels) {
	for _, label := range allAgentLabels() {
		if !slices.Contains(by, label) {
			k.dropped = append(k.dropped, string(label))
		}
	}
	return k
}

// merge empties the values of dropped labels, so that scripts of one series are equal.
func (k keptLabels) merge(s instrument.AgentScript) instrument.AgentScript {
	s.Agent = k.mergeAgent(s.Agent)
	if k.drops(LabelTemplateName) {
		s.TemplateName = ""
	}
	return s
}

// mergeAgent is merge for the statistics of agents.
func (k keptLabels) mergeAgent(a instrument.Agent) instrument.Agent {
	if k.drops(LabelAgentName) {
		a.AgentName = ""
	}
	if k.drops(LabelUsername) {
		a.Username = ""
	}
	if k.drops(LabelWorkspaceName) {
		a.WorkspaceName = ""
	}
	return a
}

func (k keptLabels) drops(label AgentLabel) bool { return slices.Contains(k.dropped, string(label)) }

// labels makes the label set of a series, without the dropped labels.
func (k keptLabels) labels(f instrument.Family, m instrument.Measured) instrument.Labels {
	return f.LabelsWithout(m, k.dropped...)
}
