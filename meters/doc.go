// Package meters measures: it turns what happens in a Coder deployment, and
// the state it is in, into the metric families of package instrument.
//
// Events are recorded where they happen, by typed recorders that hand out one
// handle a label set: [API], [Builds], [Jobs], [OAuth2] and [Forwarded].
// Where they are only seen from elsewhere, in a database, [JobTimings] takes the
// place of Jobs and [Scripts] that of Forwarded.
//
// State is polled: [Poll] asks small sources ([Sources]) on an interval, in the
// background, and keeps what they said as immutable snapshots. A collection
// only reads snapshots and never waits for a source. A source that fails keeps
// its last snapshot, is retried with back-off, and loses its series after five
// missed intervals.
//
// All of them live on the meter providers of an [instrument.Providers], which
// package exporters makes. Nothing here panics, blocks a collection or grows
// without a bound because of what a request, an agent, a database row or an
// OAuth2 provider says: text is made valid UTF-8 where it enters, tables have a
// documented size, and what is refused is counted in otelcoder_refused_total.
package meters
