package coderversions

import (
	"embed"
	"strings"

	"github.com/otelcoder/otelcoder/instrument"
)

//go:embed deployment.sql
var deploymentSQL string

//go:embed events.sql
var eventsSQL string

//go:embed scripts.sql
var scriptsSQL string

//go:embed expected
var expected embed.FS

// Deployment returns the script that creates the tables and fills them with a deployment
// that is alive now. Its state, as [Version.Series] has it, stays the same for three
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

// Series returns the lines that a scrape of an edition has of the deployment after its
// events, in any order and without the buckets of histograms. They are written by hand,
// and follow from the rows by the rules of Coder's documentation. There are none yet for
// an edition without a folder in expected.
func (v Version) Series(e instrument.Edition, s Server) []string { return v.expects(e, "series", s) }

// Warnings returns the warnings of "otelcoder check", each with its title, in any order.
func (v Version) Warnings(e instrument.Edition, s Server) []string {
	return v.expects(e, "warnings", s)
}

// expects returns the lines of a file of an edition that a version has on a server.
func (v Version) expects(e instrument.Edition, file string, s Server) []string {
	text, _ := expected.ReadFile("expected/" + e.String() + "/" + file + ".txt")
	var lines []string
	for line := range strings.Lines(string(text)) {
		versions, rest, _ := strings.Cut(line, " ")
		on, content, _ := strings.Cut(rest, " ")
		if within(versions, v) && (on == string(s) || on == "both") {
			lines = append(lines, strings.TrimSpace(content))
		}
	}
	return lines
}
