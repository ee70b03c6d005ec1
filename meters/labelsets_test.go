package meters

import (
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
)

// TestLabelSets checks that a series keeps its label set from one collection to the next,
// and that series with other labels or of other families have their own.
func TestLabelSets(t *testing.T) {
	sets := newLabelSets(instrument.Documented)
	agent := instrument.Agent{AgentName: "a", Username: "b", WorkspaceName: "c"}
	workspace := instrument.WorkspaceAgents{TemplateName: "a", Username: "b", WorkspaceName: "c"}
	dropped := []string{string(LabelAgentName)}

	first := labelsOf(sets, instrument.AgentStatsRx, agent, dropped...)
	if got := labelsOf(sets, instrument.AgentsUp, workspace).String(); got != "template_name=a,username=b,workspace_name=c" {
		t.Error(got)
	}
	sets.collected()
	if labelsOf(sets, instrument.AgentStatsRx, agent, dropped...) != first {
		t.Error("an unchanged series has a new set")
	}
	if got := first.String(); got != "username=b,workspace_name=c" {
		t.Error(got)
	}
	agent.WorkspaceName = "d"
	if got := labelsOf(sets, instrument.AgentStatsRx, agent, dropped...).String(); got != "username=b,workspace_name=d" {
		t.Error(got)
	}
	sets.collected()
	sets.collected()
	if n := len(sets.last) + len(sets.current); n != 0 {
		t.Errorf("%d sets are kept for series that are gone", n)
	}
}
