package meters

import (
	"fmt"
	"slices"
	"strings"
)

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
