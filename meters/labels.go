package meters

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/otelcoder/otelcoder/instrument"
)

// cutMark ends a label value that was too long.
const cutMark = "…"

// labelText makes text from outside fit for a label value: valid UTF-8, because
// an exposition or an OTLP batch with anything else in it is refused whole;
// without NUL, which programs written in C take for the end of a text and stores
// like PostgreSQL refuse; and not too long.
type labelText func(string) string

// labelText returns one that cuts what is longer than [WithMaxLabelLength] says,
// at a character, and marks it. It calls cut then.
func (c config) labelText(cut func()) labelText {
	return func(s string) string {
		s = strings.ToValidUTF8(s, "\uFFFD")
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
		if len(s) <= c.maxLabelLength {
			return s
		}
		cut()
		end := max(c.maxLabelLength-len(cutMark), 0)
		for !utf8.RuneStart(s[end]) {
			end--
		}
		return s[:end] + cutMark
	}
}

// AgentLabel is a label by which agent statistics and forwarded metrics can be
// aggregated.
type AgentLabel string

// The labels to aggregate by.
const (
	LabelAgentName     AgentLabel = "agent_name"
	LabelTemplateName  AgentLabel = "template_name"
	LabelUsername      AgentLabel = "username"
	LabelWorkspaceName AgentLabel = "workspace_name"
)

func allAgentLabels() []AgentLabel {
	return []AgentLabel{LabelAgentName, LabelTemplateName, LabelUsername, LabelWorkspaceName}
}

// ParseAggregateBy reads a comma list of labels, the value of Coder's flag
// --prometheus-aggregate-agent-stats-by, for [WithAggregateBy]. The list must
// hold at least one label and none twice.
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

// checkAggregateBy returns an error unless there are labels, all of them known.
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
