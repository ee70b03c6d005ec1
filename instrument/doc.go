// Package instrument holds the catalogue of metric families.
//
// A [Family] is one row of the catalogue: its Prometheus name, the name of its
// OpenTelemetry instrument, its type, help text, labels, unit, buckets and
// [Group], and what differs in another [Edition]. Each family is defined once, in
// catalogue.go; everything else is derived from that row:
//
//   - [Edition.View] gives an instrument's stream the name, help, buckets and
//     label names of an edition;
//   - [Providers] creates the instruments, each on the meter provider of its
//     family's group;
//   - [Edition.Labels] builds the label set of a series from a [Measured] struct,
//     such as [WorkspaceBuild].
//
// Package meters records the values and package exporters serves them. Programs
// that measure a Coder deployment use those two packages, and this one to look
// up a family.
package instrument
