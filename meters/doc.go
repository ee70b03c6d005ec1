// Package meters measures a Coder deployment: it turns events and polled state into
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
// A [Meters] belongs to one process. Its methods return the recorders of events, each
// of which hands out one handle for each set of labels: [API], [Builds], [Jobs],
// [OAuth2] and [Forwarded]. For events that are only seen from elsewhere, such as in a
// database, [JobTimings] takes the place of Jobs and [Scripts] that of Forwarded.
//
// State is polled: [Meters.Poll] asks small sources ([Sources]) on an interval, in the
// background, and keeps their answers as immutable snapshots. A collection only reads
// snapshots and never waits for a source. A source that fails keeps its last snapshot,
// is retried with back-off, and loses its series after five missed intervals.
//
// [Meters.Shutdown] withdraws the series and ends all that was started. An exporter
// that pushes is shut down before, so that its last push has the series.
//
// No request, agent, database row or OAuth2 provider can make this package panic, block
// a collection or grow memory without bound: text is made valid UTF-8 where it enters,
// tables have a documented size, and refused values are counted in
// otelcoder_refused_total.
package meters
