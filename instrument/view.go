package instrument

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
)

// View returns the view of a scope's meter provider. Every instrument of the
// catalogue in that scope becomes a stream with its documented name, help and
// buckets, a counter or gauge also without labels that are not documented; every
// other instrument is dropped, so that what is served is exactly the catalogue,
// whatever else a host creates on the provider.
func View(s Scope) sdk.View {
	streams := make(map[string]sdk.Stream)
	for f := range All() {
		if row := catalogue[f]; row.Scope == s && row.Instrument != "" {
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
