// Package instrument holds the catalogue of metric families.
//
// A [Family] is one row of the catalogue: its documented Prometheus name, the
// name of its OpenTelemetry instrument, its type, help text, labels, unit,
// buckets and [Group]. A family is written down once, in catalogue.go;
// everything else is derived from it:
//
//   - [View] gives an instrument's stream its documented name, help, buckets
//     and label names;
//   - [Providers] creates the instruments, each on the meter provider of its
//     family's group;
//   - [Family.Labels] takes the labels of a series out of a struct of what is
//     [Measured], such as [WorkspaceBuild].
//
// Package meters records the values, package exporters serves them. A program
// that measures a Coder deployment needs those two; it comes here to look a
// family up.
package instrument
