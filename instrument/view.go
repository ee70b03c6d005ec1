package instrument

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
)

// ProviderOptions returns options for a host's own meter provider, so that it can
// measure the families beside the host's instruments:
//
//	provider := sdkmetric.NewMeterProvider(append(instrument.ProviderOptions(), sdkmetric.WithReader(reader))...)
//	providers := instrument.Providers{Deployment: provider, Workspaces: provider, Process: provider}
//
// The options are the [View] of each group and no cardinality limit. The SDK limits
// providers and readers, not instruments, so the host's instruments lose the default
// limit of 2,000 series too: hosts that rely on it need a second provider. If a later
// [sdk.WithCardinalityLimit] or a reader's [sdk.WithCardinalityLimitSelector] sets a
// limit again, the SDK folds the series past it into one with the attribute
// otel.metric.overflow, without an error or a log line.
//
// A host's view that also matches our instruments, such as a wildcard, adds a second
// stream under the instrument's OpenTelemetry name; it cannot change or drop the
// documented one. Views for another scope do not match.
//
// Such a provider has one resource for all groups, serves the deployment's families
// from every process, and renders nothing ahead of scrapes. The providers of package
// exporters have a resource for each group, serve the deployment's families only from
// the process that reports them, and render ahead.
func ProviderOptions() []sdk.Option {
	var views []sdk.View
	for g := range Groups() {
		views = append(views, View(g))
	}
	return []sdk.Option{sdk.WithView(views...), sdk.WithCardinalityLimit(0)}
}

// View returns the view of a group's instruments. It gives each its documented name,
// help and buckets, and removes undocumented labels of counters and gauges. It matches
// no other instrument.
func View(g Group) sdk.View {
	streams := make(map[string]sdk.Stream)
	for f := range All() {
		if row := catalogue[f]; row.Group == g && row.Instrument != "" {
			streams[row.Instrument] = stream(row)
		}
	}
	return func(i sdk.Instrument) (sdk.Stream, bool) {
		if i.Scope.Name != ScopeName {
			return sdk.Stream{}, false
		}
		st, ok := streams[i.Name]
		return st, ok
	}
}

func stream(row Info) sdk.Stream {
	st := sdk.Stream{
		Name:        row.Name,
		Description: row.Help,
		Unit:        row.Unit,
	}
	if row.Type == Histogram {
		// Labels are not filtered: the filter would double the time of an observation.
		st.Aggregation = sdk.AggregationExplicitBucketHistogram{Boundaries: row.Buckets, NoMinMax: true}
		st.ExemplarReservoirProviderSelector = exemplars(row.Buckets)
		return st
	}
	st.AttributeFilter = func(kv attribute.KeyValue) bool {
		return slices.Contains(row.Labels, string(kv.Key))
	}
	return st
}
