package meters

import (
	"slices"

	"github.com/otelcoder/otelcoder/instrument"
)

// keptLabels are the labels of a family that are left once it is aggregated: all
// that are no [AgentLabel], and those by which it is aggregated.
type keptLabels struct {
	names []string // of all labels of the family, in the catalogue's order
	kept  []bool
}

func newKeptLabels(f instrument.Family, by []AgentLabel) keptLabels {
	k := keptLabels{names: f.Info().Labels}
	for _, name := range k.names {
		label := AgentLabel(name)
		k.kept = append(k.kept, slices.Contains(by, label) || !slices.Contains(allAgentLabels(), label))
	}
	return k
}

// merge empties the values of labels that are not kept: rows that are one series
// get equal values.
func (k keptLabels) merge(values []string) {
	for i, kept := range k.kept {
		if !kept {
			values[i] = ""
		}
	}
}

// labels makes the label set of a series; a label that is not kept is absent.
func (k keptLabels) labels(values []string) instrument.Labels {
	var names, texts []string
	for i, kept := range k.kept {
		if kept {
			names, texts = append(names, k.names[i]), append(texts, values[i])
		}
	}
	return instrument.NewLabels(names, texts)
}
