package instrument

import (
	"iter"
	"slices"
)

// Family identifies one metric family, in every [Edition], by its index in the catalogue.
type Family uint8

// Families yields the families of all editions, in the order of the catalogue.
// [Edition.All] yields those of one edition.
func Families() iter.Seq[Family] {
	return func(yield func(Family) bool) {
		for i := range catalogue {
			if !yield(Family(i)) {
				return
			}
		}
	}
}

// Type returns the family's type, the same in every edition.
func (f Family) Type() Type { return catalogue[f].Type }

// Group returns the family's group, the same in every edition.
func (f Family) Group() Group { return catalogue[f].Group }

// Origin returns the family's origin, the same in every edition.
func (f Family) Origin() Origin { return catalogue[f].Origin }

// String returns the family's Prometheus name in the first edition that has it.
// [Edition.Info] has the name in a given edition.
func (f Family) String() string { return catalogue[f].Name }

// Info describes a family in an edition.
type Info struct {
	Name       string    // Prometheus name, as operators query it
	Instrument string    // OpenTelemetry instrument name; empty if Origin is Runtime
	Type       Type      // Prometheus type
	Help       string    // help text
	Measured   Measured  // zero value of the struct with the label values; nil if Origin is Runtime
	Labels     []string  // label names, sorted; nil if the family has one series
	Unit       string    // OpenTelemetry unit (UCUM); empty if a suffix derived from it would change the name
	Buckets    []float64 // upper bounds of a histogram, without +Inf; nil for other types
	Group      Group     // determines the meter provider, the endpoint's path and the reporting process
	Origin     Origin
	ImportOnly bool // exists only inside a control plane: its requests, its calls to OAuth2 providers
}

func (i Info) clone() Info {
	i.Labels = slices.Clone(i.Labels)
	i.Buckets = slices.Clone(i.Buckets)
	return i
}

// Type is a Prometheus metric type.
type Type uint8

// The metric types of the catalogue.
const (
	Counter Type = iota
	Gauge
	Histogram
	Summary
)

// String returns the type as in the exposition format: counter, gauge, histogram
// or summary.
func (t Type) String() string {
	return [...]string{"counter", "gauge", "histogram", "summary"}[t]
}

// Group is a set of families that share a meter provider and are reported and
// collected together.
type Group uint8

const (
	// Deployment families describe state shared by all replicas of a control plane.
	// Every replica would report the same value, so only one reports them.
	Deployment Group = iota
	// Workspaces families count builds, provisioner jobs and scripts. A control
	// plane counts its own. A separate process reads them from the shared database
	// and reports them only while it reports the deployment. They can have many
	// series, which rarely change.
	Workspaces
	// Process families describe one process: its API, its runtime, its health.
	Process
)

// Groups yields the groups.
func Groups() iter.Seq[Group] {
	return func(yield func(Group) bool) {
		for g := range Process + 1 {
			if !yield(g) {
				return
			}
		}
	}
}

// String returns the group's name: deployment, workspaces or process.
func (g Group) String() string { return [...]string{"deployment", "workspaces", "process"}[g] }

// Origin is where a family is defined.
type Origin uint8

const (
	// OTel families are documented by Coder and defined here as OpenTelemetry
	// instruments.
	OTel Origin = iota
	// Runtime families are documented by Coder and defined by client_golang's
	// Go, process and scrape-handler collectors.
	Runtime
	// Health families are defined by this project, as OpenTelemetry instruments.
	// They measure the service itself.
	Health
)
