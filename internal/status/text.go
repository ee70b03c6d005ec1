package status

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// WriteText writes a report for a terminal, in colour if color is true. Untrusted names
// are escaped.
func WriteText(w io.Writer, r Report, color bool) error {
	t := text{at: r.At, color: color}
	t.head(r)
	t.deployment(r)
	t.sources(r.Sources)
	t.refused(r.Refused)
	if r.Push != nil {
		t.push(*r.Push)
	}
	t.scrapes(r.Scrapes)
	_, err := io.WriteString(w, strings.ReplaceAll(t.String(), space, " "))
	return err
}

// text builds a report.
type text struct {
	strings.Builder
	at    time.Time
	color bool
}

// The parameters of terminal escape sequences.
const (
	green  = "32"
	yellow = "33"
	red    = "31"
	blue   = "34"
	bold   = "1"
)

func (t *text) colored(color, s string) string {
	if !t.color {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

func (t *text) line(s string) { t.WriteString(strings.TrimRight(s, " ") + "\n") }

func (t *text) heading(s string) {
	t.line("")
	t.line(t.colored(bold, s))
}

// age returns the time since at, or "–" if it is unknown.
func (t *text) age(at time.Time) string {
	if at.IsZero() {
		return none
	}
	return duration(t.at.Sub(at))
}

func (t *text) head(r Report) {
	color := map[State]string{StateOK: green, StateDegraded: yellow, StateUnreachable: red}[r.State]
	if color == "" {
		color = blue
	}
	headline := t.colored(color, r.State.mark()+" "+shown(r.Headline, cellLimit*4))
	if r.Details != "" {
		headline += " " + shown(r.Details, cellLimit*4)
	}
	t.line(headline)
	t.problem(r.Role.Problem, "  ")
	about := "otelcoder " + shown(r.Version, cellLimit)
	if r.Database != nil {
		about += ", database " + shown(r.Database.Name, cellLimit) + " at " + shown(r.Database.Address, cellLimit)
	}
	if !r.Started.IsZero() {
		about += ", up for " + t.age(r.Started)
	}
	if r.MetricNames != "" {
		about += ", metric names: " + shown(r.MetricNames, cellLimit)
	}
	t.line(about)
}

// problem writes an error with its remedy.
func (t *text) problem(p *Problem, margin string) {
	if p == nil {
		return
	}
	t.line(margin + t.colored(red, shown(p.Error, 1000)))
	if p.Remedy != "" {
		t.line(margin + shown(p.Remedy, 1000))
	}
	if p.Command != "" {
		t.line(margin + "$ " + shown(p.Command, 1000))
	}
	if p.Runbook != "" {
		t.line(margin + "docs/runbooks/" + shown(p.Runbook, cellLimit) + ".md")
	}
}

func (t *text) deployment(r Report) {
	var rows [][]string
	add := func(name string, parts ...string) {
		if parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" }); len(parts) > 0 {
			rows = append(rows, []string{name, strings.Join(parts, ", ")})
		}
	}
	if d := r.Deployment; d != nil {
		add("workspaces", byStatus(d.Workspaces)...)
		add("agents", byStatus(d.Agents)...)
		add("active users", quantity(d.ActiveUsers, count, "in the last hour"))
		seats := quantity(d.SeatsTaken, count, "taken")
		if d.Seats.Known() {
			seats += " of " + count(float64(d.Seats))
		}
		add("seats", seats)
		add("jobs", quantity(d.JobsRunning, count, "running"))
		add("builds", quantity(d.BuildsSucceeded, count, "succeeded"), quantity(d.BuildsFailed, count, "failed in the last hour"))
	}
	if a := r.API; a != nil {
		add("requests", quantity(a.RequestsPerSecond, count, "a second"), quantity(a.ErrorShare, percent, "errors"),
			quantity(a.P50Seconds, seconds, "median"), quantity(a.P95Seconds, seconds, "95th percentile"), quantity(a.InFlight, count, "in flight"))
		add("websockets", quantity(a.Websockets, count, "open"))
	}
	if len(rows) > 0 {
		t.heading("DEPLOYMENT")
		t.table(rows)
	}
}

// quantity formats a number with its unit. It returns "" for an unknown number.
func quantity(n Number, format func(float64) string, unit string) string {
	if !n.Known() {
		return ""
	}
	return format(float64(n)) + " " + unit
}

// byStatus formats numbers by status, in descending order.
func byStatus(numbers map[string]float64) []string {
	statuses := slices.SortedFunc(maps.Keys(numbers), func(a, b string) int {
		if numbers[a] != numbers[b] {
			if numbers[a] > numbers[b] {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, s := range statuses {
		parts = append(parts, count(numbers[s])+" "+shown(s, cellLimit))
	}
	return parts
}

// table writes rows in columns that are two spaces apart.
func (t *text) table(rows [][]string) {
	for _, line := range t.columns(rows) {
		t.line(line)
	}
}

func (t *text) columns(rows [][]string) []string {
	var widths []int
	for _, cells := range rows {
		for i, cell := range cells {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	lines := make([]string, len(rows))
	for n, cells := range rows {
		for i, cell := range cells {
			lines[n] += cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2)
		}
	}
	return lines
}

func (t *text) sources(sources []Source) {
	if len(sources) == 0 {
		return
	}
	rows := [][]string{{"SOURCE", "STATE", "AGE", "EVERY", "TAKES", "P95", "SERIES"}}
	for _, s := range sources {
		state := "up"
		switch {
		case s.Withdrawn:
			state = "withdrawn"
		case !s.Up && s.LastSuccess.IsZero() && s.Problem == nil:
			state = "starting"
		case !s.Up:
			state = "down"
		}
		every := none
		if s.IntervalSeconds > 0 {
			every = seconds(s.IntervalSeconds)
		}
		rows = append(rows, []string{shown(s.Name, cellLimit), state, t.age(s.LastSuccess), every,
			seconds(float64(s.DurationSeconds)), seconds(float64(s.P95Seconds)), count(float64(s.Series))})
	}
	lines := t.columns(rows)
	t.heading(strings.TrimRight(lines[0], " "))
	for i, s := range sources {
		line := strings.TrimRight(lines[i+1], " ")
		if s.Problem != nil || s.Withdrawn {
			line = t.colored(red, line)
		}
		t.line(line)
		t.problem(s.Problem, "  ")
	}
}

func (t *text) refused(refused []Refusal) {
	rows := [][]string{{"REFUSED", "REASON", "COUNT", "LAST", "MEANS"}}
	for _, r := range refused {
		if r.Count > 0 {
			last := none
			if !r.Last.IsZero() {
				last = t.age(r.Last) + " ago"
			}
			rows = append(rows, []string{shown(r.Origin, cellLimit), shown(r.Reason, cellLimit), count(float64(r.Count)), last, shown(r.Means, cellLimit)})
		}
	}
	if len(rows) == 1 {
		return
	}
	lines := t.columns(rows)
	t.heading(strings.TrimRight(lines[0], " "))
	for _, line := range lines[1:] {
		t.line(line)
	}
}

func (t *text) push(p Push) {
	t.heading("PUSH")
	last := "never succeeded"
	if !p.LastSuccess.IsZero() {
		last = "last success " + t.age(p.LastSuccess) + " ago"
	}
	t.line(fmt.Sprintf("%s, %s, %s, %s", shown(p.Endpoint, cellLimit), last,
		plural(int(p.Successes), "success", "successes"), plural(int(p.Failures), "failure", "failures")))
	t.problem(p.Problem, "  ")
}

func (t *text) scrapes(s Scrapes) {
	t.heading("SCRAPES")
	last := "none yet"
	if l := s.Last; l != nil {
		form := l.Format
		if l.Encoding != "" {
			form += ", " + l.Encoding
		}
		last = fmt.Sprintf("last %s ago by %s (%s, %s in %s)", t.age(l.At), shown(l.By, cellLimit), shown(form, cellLimit), size(l.Bytes), seconds(l.DurationSeconds))
	}
	if s.PerMinute.Known() {
		last += ", " + count(float64(s.PerMinute)) + " a minute"
	}
	t.line(last + ", " + plural(int(s.Errors), "error", "errors"))
}
