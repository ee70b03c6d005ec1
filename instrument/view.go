package instrument

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
)

// View returns the view of a group's meter provider. It gives each instrument of
// the group its documented name, help and buckets, and removes undocumented labels
// of counters and gauges. It drops every other instrument, so that exactly the
// catalogue is served.
func View(g Group) sdk.View {
	streams := make(map[string]sdk.Stream)
	for f := range All() {
		if row := catalogue[f]; row.Group == g && row.Instrument != "" {
			streams[row.Instrument] = stream(row)
		}
	}
	return func(i sdk.Instrument) (sdk.Stream, bool) {
		if st, ok := streams[i.Name]; ok && i.Scope.Name == ScopeName {
			return st, true
		}
		return sdk.Stream{Name: i.Name, Aggregation: sdk.AggregationDrop{}}, true
	}
}

func stream(row Info) sdk.Stream {
	st := sdk.Stream{
		Name:        row.Name,
		Description: row.Help,
		Unit:        row.Unit,
	}
	if row.Type == Histogram {
		// Not filtered: that would be half of what an observation costs.
		st.Aggregation = sdk.AggregationExplicitBucketHistogram{Boundaries: row.Buckets, NoMinMax: true}
		st.ExemplarReservoirProviderSelector = exemplars(row.Buckets)
		return st
	}
	st.AttributeFilter = func(kv attribute.KeyValue) bool {
		return slices.Contains(row.Labels, string(kv.Key))
	}
	return st
}
