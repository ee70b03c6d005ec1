package instrument

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
)

// ProviderOptions returns options for a host's own meter provider, so that it can
// measure the families of the edition beside the host's instruments:
//
//	edition := instrument.Documented
//	provider := sdkmetric.NewMeterProvider(append(edition.ProviderOptions(), sdkmetric.WithReader(reader))...)
//	providers := instrument.Providers{Deployment: provider, Workspaces: provider, Process: provider, Edition: edition}
//
// The options are the [Edition.View] of each group and no cardinality limit. The SDK limits
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
func (e Edition) ProviderOptions() []sdk.Option {
	var views []sdk.View
	for g := range Groups() {
		views = append(views, e.View(g))
	}
	return []sdk.Option{sdk.WithView(views...), sdk.WithCardinalityLimit(0)}
}

// View returns the view of a group's instruments. It gives each the name, help and
// buckets of the edition, and removes other labels of counters and gauges. It matches
// no other instrument.
func (e Edition) View(g Group) sdk.View {
	streams := make(map[string]sdk.Stream)
	for f := range e.All() {
		if info := e.Info(f); info.Group == g && info.Instrument != "" {
			streams[info.Instrument] = stream(info)
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

func stream(info Info) sdk.Stream {
	st := sdk.Stream{
		Name:        info.Name,
		Description: info.Help,
		Unit:        info.Unit,
	}
	if info.Type == Histogram {
		// Labels are not filtered: the filter would double the time of an observation.
		st.Aggregation = sdk.AggregationExplicitBucketHistogram{Boundaries: info.Buckets, NoMinMax: true}
		st.ExemplarReservoirProviderSelector = exemplars(info.Buckets)
		return st
	}
	st.AttributeFilter = func(kv attribute.KeyValue) bool {
		return slices.Contains(info.Labels, string(kv.Key))
	}
	return st
}
