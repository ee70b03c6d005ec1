package meters

import (
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
)

// TestKeptSeries checks that a series keeps its label set, but not its value, from one
// collection to the next, and that series without rows are forgotten.
func TestKeptSeries(t *testing.T) {
	c := config{edition: instrument.Documented}
	series := newMerged[instrument.Agent](c, instrument.AgentStatsRx, string(LabelAgentName))
	row := instrument.Agent{AgentName: "a", Username: "b", WorkspaceName: "c"}
	var labels instrument.Labels
	for collection := range 3 {
		series.add(row, 1)
		row.AgentName += "a"
		series.add(row, 2)
		if collection == 1 {
			series.add(instrument.Agent{Username: "b", WorkspaceName: "d"}, 4)
			series.add(instrument.Agent{Username: "b", WorkspaceName: "e"}, 4)
		}
		samples := series.appendTo(nil)
		if want := []int{1, 3, 1}[collection]; len(samples) != want {
			t.Fatalf("collection %d: got %d series, want %d", collection, len(samples), want)
		}
		for _, s := range samples {
			if s.labels.String() != "username=b,workspace_name=c" {
				continue
			}
			if s.value != 3 {
				t.Errorf("collection %d: got value %g, want 3", collection, s.value)
			}
			if collection > 0 && s.labels != labels {
				t.Errorf("collection %d: the series has a new label set", collection)
			}
			labels = s.labels
		}
	}
	if n := series.size(); n != 1 {
		t.Errorf("got %d kept series, want 1", n)
	}
}
