package coderversions

import (
	_ "embed"
	"strings"
)

//go:embed deployment.sql
var deploymentSQL string

//go:embed events.sql
var eventsSQL string

//go:embed scripts.sql
var scriptsSQL string

//go:embed documented.txt
var documented string

// Deployment returns the script that creates the tables and fills them with a deployment
// that is alive now. Its state, as [Version.Series] has it, stays the same for two
// minutes.
func (v Version) Deployment() string { return v.With(deploymentSQL) }

// Events returns the script of events in the deployment.
func (v Version) Events() string {
	if !v.Has("workspace_agent_script_timings", "script_id") {
		return eventsSQL
	}
	return eventsSQL + scriptsSQL
}

// Server is a server of PostgreSQL.
type Server string

// The servers. A hot standby has no rows of unlogged tables.
const (
	Primary Server = "primary"
	Standby Server = "standby"
)

// Series returns the lines that a scrape has of the deployment after its events, in any
// order and without the buckets of histograms. They are written by hand, and follow from
// the rows by the rules of Coder's documentation.
func (v Version) Series(s Server) []string {
	var lines []string
	for line := range strings.Lines(documented) {
		versions, rest, _ := strings.Cut(line, " ")
		on, series, _ := strings.Cut(rest, " ")
		if within(versions, v) && (on == string(s) || on == "both") {
			lines = append(lines, strings.TrimSpace(series))
		}
	}
	return lines
}
