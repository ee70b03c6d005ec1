// Package meters measures a Coder deployment: it records events and polls state, as
// the metric families of package instrument.
//
//	exporter, err := exporters.New()
//	...
//	m, err := meters.New(exporter.Providers(), meters.WithLogger(log))
//	...
//	handler := httpmw.New(m.API())(router)   // requests
//	build := m.Builds().Start(meters.Build{Action: meters.BuildStart, WorkspaceName: "dev"})
//	build.End(meters.Succeeded)              // events
//	m.Poll(meters.Sources{Agents: agents})   // state
//	...
//	err = errors.Join(exporter.Shutdown(ctx), m.Shutdown(ctx))
//
// A process has one [Meters]. Its methods return the recorders of events: [API],
// [Builds], [Jobs], [OAuth2] and [Forwarded]. A process that observes events from
// outside, such as in a database, uses [JobTimings] instead of Jobs and [Scripts]
// instead of Forwarded.
//
// State is polled: [Meters.Poll] queries [Sources] on an interval, in the background,
// and keeps the results as immutable snapshots. A collection of the metrics only reads
// snapshots and never waits for a source. If a source fails, its last snapshot is kept,
// it is retried with back-off, and its series are withdrawn after five missed intervals.
//
// [Meters.Shutdown] withdraws the series and stops all goroutines. Shut down exporters
// that push first, so that their last push includes the series.
//
// Requests, agents, database rows and OAuth2 providers are untrusted. They cannot make
// this package panic, block a collection or grow memory without bound: label values are
// made valid UTF-8, tables have a documented size, and refused values are counted in
// otelcoder_refused_total.
package meters
