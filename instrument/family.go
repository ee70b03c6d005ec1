package instrument

import (
	"iter"
	"slices"
)

// Family identifies one metric family of the catalogue. Its value is the
// family's place in the catalogue; [Family.Info] is its row.
type Family uint8

// Info returns the family's row of the catalogue.
func (f Family) Info() Info { return catalogue[f].clone() }

// Type, Scope and Workspaces are fields of [Info], for where its copy costs too
// much: a report of an agent, a change that is announced.
func (f Family) Type() Type       { return catalogue[f].Type }
func (f Family) Scope() Scope     { return catalogue[f].Scope }
func (f Family) Workspaces() bool { return catalogue[f].Workspaces }

// String returns the family's documented Prometheus name.
func (f Family) String() string { return catalogue[f].Name }

// Info is one row of the catalogue.
type Info struct {
	Name       string    // documented Prometheus name, as operators query it
	Instrument string    // OpenTelemetry instrument name; empty if Origin is Runtime
	Type       Type      // Prometheus type
	Help       string    // documented help text
	Labels     []string  // label names, sorted; nil for a family of one series
	Unit       string    // OpenTelemetry unit (UCUM); empty where a suffix derived from it would change the name
	Buckets    []float64 // upper bounds of a histogram without +Inf; nil for other types
	Scope      Scope
	Origin     Origin

	// Workspaces says that a family of the replica scope is about workspaces:
	// their builds, the jobs that build them, what their agents forward. A
	// control plane knows that of its own doing; a process beside it reads it
	// from the state that all replicas share, and reports it only while it
	// reports the deployment. There may be many series, and they change rarely.
	Workspaces bool
}

func (i Info) clone() Info {
	i.Labels = slices.Clone(i.Labels)
	i.Buckets = slices.Clone(i.Buckets)
	return i
}

// Type is a Prometheus metric type.
type Type uint8

// The types that occur in the catalogue.
const (
	Counter Type = iota
	Gauge
	Histogram
	Summary
)

// String returns the type as the documentation and the exposition write it.
func (t Type) String() string {
	return [...]string{"counter", "gauge", "histogram", "summary"}[t]
}

// Scope says whose state a family describes.
type Scope uint8

const (
	// Deployment families are derived from state that all replicas of a
	// control plane share. Every replica would report the same value, so one
	// reports them for all.
	Deployment Scope = iota
	// Replica families tell what happened inside one process.
	Replica
)

// String returns the scope as the endpoint's path and the documentation name it.
func (s Scope) String() string { return [...]string{"deployment", "replica"}[s] }

// Origin says who defines a family.
type Origin uint8

const (
	// OTel families are documented by Coder and defined here as OpenTelemetry
	// instruments.
	OTel Origin = iota
	// Runtime families are documented by Coder and defined by client_golang's
	// Go, process and scrape-handler collectors.
	Runtime
	// Health families are this project's own: OpenTelemetry instruments that
	// tell how the service itself fares.
	Health
)

// All yields every family in the order of the documentation: the documented
// families by name, then the health families by name.
func All() iter.Seq[Family] {
	return func(yield func(Family) bool) {
		for f := range Family(len(catalogue)) {
			if !yield(f) {
				return
			}
		}
	}
}

// Lookup returns the family with the documented Prometheus name.
func Lookup(name string) (Family, bool) {
	for f := range All() {
		if catalogue[f].Name == name {
			return f, true
		}
	}
	return 0, false
}
