package coderversions

import (
	"embed"
	"strings"

	"github.com/otelcoder/otelcoder/instrument"
)

//go:embed deployment.sql
var deploymentSQL string

//go:embed prebuilds.sql
var prebuildsSQL string

//go:embed events.sql
var eventsSQL string

//go:embed scripts.sql
var scriptsSQL string

//go:embed prebuilds_events.sql
var prebuildsEventsSQL string

//go:embed expected
var expected embed.FS

// Deployment returns the script that creates the tables and fills them with a deployment
// that is alive now. Its state, as [Version.Series] has it, stays the same for three
// minutes.
func (v Version) Deployment() string {
	rows := deploymentSQL
	if v.presets() {
		rows += prebuildsSQL
	}
	return v.With(rows)
}

// Events returns the script of events in the deployment.
func (v Version) Events() string {
	rows := eventsSQL
	if v.Has("workspace_agent_script_timings", "script_id") {
		rows += scriptsSQL
	}
	if v.presets() {
		rows += prebuildsEventsSQL
	}
	return rows
}

func (v Version) presets() bool { return v.Has("template_version_presets", "id") }

// Server is a server of PostgreSQL.
type Server string

// The servers. A hot standby has no rows of unlogged tables.
const (
	Primary Server = "primary"
	Standby Server = "standby"
)

// Series returns the lines that a scrape of an edition has of the deployment after its
// events, in any order and without the buckets of histograms. The value of a time of the
// scrape is "now". They are written by hand, and follow from the rows by the rules of
// Coder's documentation.
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
			lines = append(lines, expand(strings.TrimSpace(content))...)
		}
	}
	return lines
}

// expand returns a line for each of the alternatives in its label values, as "start|stop".
func expand(line string) []string {
	before, after, several := strings.Cut(line, "|")
	if !several {
		return []string{line}
	}
	begin, end := strings.LastIndex(before, `"`)+1, strings.Index(after, `"`)
	first, rest := before[begin:], after[:end]
	var lines []string
	for _, value := range append([]string{first}, strings.Split(rest, "|")...) {
		lines = append(lines, expand(before[:begin]+value+after[end:])...)
	}
	return lines
}
