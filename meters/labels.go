package meters

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/otelcoder/otelcoder/instrument"
)

// ellipsis ends a truncated label value.
const ellipsis = "…"

// labelText sanitizes a label value: valid UTF-8, because receivers reject an
// exposition or OTLP batch with other bytes as a whole; without NUL, which ends a string
// in C and which PostgreSQL rejects; and not longer than [WithMaxLabelLength].
type labelText func(string) string

// labelText returns a labelText that calls truncated for each value that it truncates.
func (c config) labelText(truncated func()) labelText {
	return func(s string) string {
		s = strings.ToValidUTF8(s, "\uFFFD")
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
		if len(s) <= c.maxLabelLength {
			return s
		}
		truncated()
		end := max(c.maxLabelLength-len(ellipsis), 0)
		for !utf8.RuneStart(s[end]) {
			end--
		}
		return s[:end] + ellipsis
	}
}

// AgentLabel is a label for [WithAggregateBy].
type AgentLabel string

// The agent labels.
const (
	LabelAgentName     AgentLabel = "agent_name"
	LabelTemplateName  AgentLabel = "template_name"
	LabelUsername      AgentLabel = "username"
	LabelWorkspaceName AgentLabel = "workspace_name"
)

func allAgentLabels() []AgentLabel {
	return []AgentLabel{LabelAgentName, LabelTemplateName, LabelUsername, LabelWorkspaceName}
}

// ParseAggregateBy parses a comma-separated list of labels for [WithAggregateBy], the
// value of Coder's flag --prometheus-aggregate-agent-stats-by. The list must have at
// least one label and no duplicates.
func ParseAggregateBy(list string) ([]AgentLabel, error) {
	var labels []AgentLabel
	for name := range strings.SplitSeq(list, ",") {
		label := AgentLabel(strings.TrimSpace(name))
		if slices.Contains(labels, label) {
			return nil, fmt.Errorf("cannot aggregate by %q twice", label)
		}
		labels = append(labels, label)
	}
	if err := checkAggregateBy(labels); err != nil {
		return nil, err
	}
	return labels, nil
}

// checkAggregateBy returns an error if there are no labels or one is unknown.
func checkAggregateBy(labels []AgentLabel) error {
	known := strings.Trim(fmt.Sprint(allAgentLabels()), "[]")
	if len(labels) == 0 {
		return fmt.Errorf("cannot aggregate by no label: use one or more of %s", known)
	}
	for _, label := range labels {
		if !slices.Contains(allAgentLabels(), label) {
			return fmt.Errorf("cannot aggregate by %q: use one or more of %s", label, known)
		}
	}
	return nil
}

// keptLabels are the labels of aggregated series: the labels to aggregate by, and all
// labels that are not an [AgentLabel].
type keptLabels struct {
	edition      instrument.Edition
	dropped      []string // names of the other agent labels
	agentDropped []string // of these, the labels of an [instrument.Agent]
}

func newKeptLabels(c config) keptLabels {
	k := keptLabels{edition: c.edition}
	for _, label := range allAgentLabels() {
		if !slices.Contains(c.aggregateBy, label) {
			k.dropped = append(k.dropped, string(label))
			if label != LabelTemplateName {
				k.agentDropped = append(k.agentDropped, string(label))
			}
		}
	}
	return k
}

// merge clears the values of dropped labels, so that scripts of one series are equal.
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

// labels returns the label set of a series of a family of scripts, without the dropped
// labels.
func (k keptLabels) labels(f instrument.Family, s instrument.AgentScript) instrument.Labels {
	return k.edition.LabelsWithout(f, s, k.dropped...)
}
