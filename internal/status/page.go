package status

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

//go:embed page.html style.css script.js
var files embed.FS

// Page is the handler of the status page.
type Page struct {
	backend  Backend
	history  *History
	template *template.Template
	style    template.CSS
	script   template.JS
	policy   string // Content-Security-Policy
	metrics  string // relative link to the metrics, or empty
}

// NewPage returns a page with the facts of b and the charts of h.
func NewPage(b Backend, h *History) *Page {
	p := &Page{backend: b, history: h, metrics: "metrics"}
	p.style, p.script = template.CSS(file("style.css")), template.JS(file("script.js"))
	p.template = template.Must(template.New("page").Funcs(functions).Parse(file("page.html")))
	p.policy = strings.Join([]string{
		"default-src 'none'",
		"style-src " + hash(string(p.style)),
		"script-src " + hash(string(p.script)),
		"connect-src 'self'", // to refresh
		"img-src data:",      // the icon
		"form-action 'self'", // the filters
		"base-uri 'none'",
		"frame-ancestors 'none'",
	}, "; ")
	return p
}

// Unlinked returns a copy of the page without links to the metrics, for a path without
// metrics next to it.
func (p *Page) Unlinked() *Page {
	unlinked := *p
	unlinked.metrics = ""
	return &unlinked
}

func file(name string) string {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err) // cannot happen: the file is embedded
	}
	return string(content)
}

func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// ServeHTTP serves the page to GET and HEAD, on any path.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", p.policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "the status page is read with GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	query := r.URL.Query()
	asJSON := query.Get("format") == "json"
	if format := query.Get("format"); format != "" && !asJSON {
		http.Error(w, "the status page has one other format: ?format=json", http.StatusBadRequest)
		return
	}

	v := view{Report: newReport(r.Context(), p.backend, p.history), Style: p.style, Script: p.script, Metrics: p.metrics}
	code := http.StatusOK
	if name := query.Get("family"); name != "" {
		family, found := v.family(name)
		if !found {
			if asJSON {
				http.Error(w, "no such family", http.StatusNotFound)
				return
			}
			code, v.Missing = http.StatusNotFound, name
		} else {
			filters := filters(family, query)
			opened := newFamilyReport(r.Context(), p.backend, family, filters)
			v.Opened, v.filters = &opened, filters
		}
	}

	var body bytes.Buffer
	if asJSON {
		var content any = v.Report
		if v.Opened != nil {
			content = v.Opened
		}
		if err := json.NewEncoder(&body).Encode(content); err != nil {
			http.Error(w, "the status cannot be written as JSON: "+err.Error(), http.StatusInternalServerError)
			return
		}
		header.Set("Content-Type", "application/json")
	} else {
		if err := p.template.Execute(&body, v); err != nil {
			http.Error(w, "the status page cannot be rendered: "+err.Error(), http.StatusInternalServerError)
			return
		}
		header.Set("Content-Type", "text/html; charset=utf-8")
	}
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(code)
	w.Write(body.Bytes())
}

// view is the input of the template.
type view struct {
	Report
	Style   template.CSS
	Script  template.JS
	Metrics string        // relative link, or empty
	Opened  *FamilyReport // nil on the main page
	Missing string        // requested family that does not exist, or empty
	filters []filter
}

func (v view) family(name string) (Family, bool) {
	for _, f := range v.Families {
		if f.Name == name {
			return f, true
		}
	}
	return Family{}, false
}

// edition returns the edition of the families, the default if it is unknown.
func (v view) edition() instrument.Edition {
	e, _ := instrument.ParseEdition(v.MetricNames)
	return e
}

// LatestBuilds returns the name of the family of the number of workspaces.
func (v view) LatestBuilds() string { return v.edition().Name(instrument.APIWorkspaceLatestBuild) }

// Documentation returns the page of docs/ on the families of the edition.
func (v view) Documentation() string {
	if v.edition() == instrument.Documented {
		return "admin/prometheus.md"
	}
	return "editions.md"
}

// Mark returns a sign for the state that does not depend on colour.
func (v view) Mark() string { return v.State.mark() }

func (s State) mark() string {
	switch s {
	case StateOK:
		return "●"
	case StateDegraded, StateUnreachable:
		return "▲"
	}
	return "○"
}

// Tone returns the CSS class of the state's colour.
func (v view) Tone() string {
	switch v.State {
	case StateOK:
		return "ok"
	case StateDegraded:
		return "warn"
	case StateUnreachable:
		return "bad"
	}
	return "info"
}

// Advice returns the problem to solve first, or nil.
func (v view) Advice() *Problem { return v.advice }

// Detail returns the part of a source's problem that the headline does not show,
// or nil.
func (v view) Detail(p Problem) *Problem {
	if v.State == StateUnreachable {
		return nil
	}
	if v.advice != nil && p == *v.advice {
		return &Problem{Error: p.Error}
	}
	return &p
}

// moment is a time in the past for the template.
type moment struct {
	Time time.Time
	Ago  string
}

// Filtered reports whether series are filtered.
func (v view) Filtered() bool { return len(v.filters) > 0 }

// Columns returns the number of columns of the table of series.
func (v view) Columns() int {
	if v.Opened.Distribution() {
		return len(v.Opened.Labels) + 3
	}
	return len(v.Opened.Labels) + 1
}

// PreviewLines returns the first lines of the metrics.
func (v view) PreviewLines() []string {
	var lines []string
	for line := range strings.Lines(v.Preview) {
		if len(lines) == 8 {
			break
		}
		lines = append(lines, shown(strings.TrimRight(line, "\n"), 200))
	}
	return lines
}

// Refusals returns the refusals with a count.
func (v view) Refusals() (refused []Refusal) {
	for _, r := range v.Refused {
		if r.Count > 0 {
			refused = append(refused, r)
		}
	}
	return refused
}

// SeriesTotal returns the number of series of all families.
func (v view) SeriesTotal() (n int) {
	for _, f := range v.Families {
		n += f.Series
	}
	return n
}

// Late reports whether a source missed a collection.
func (v view) Late(s Source) bool {
	return s.IntervalSeconds > 0 && v.At.Sub(s.LastSuccess).Seconds() > 2*s.IntervalSeconds
}

// Exact returns the filters for whole values.
func (v view) Exact() (exact []filter) {
	for _, f := range v.filters {
		if f.exact {
			exact = append(exact, f)
		}
	}
	return exact
}

// Has returns the text of the label's filter for parts of values, or "".
func (v view) Has(label string) string {
	for _, f := range v.filters {
		if f.label == label && !f.exact {
			return f.text
		}
	}
	return ""
}

// Chart draws a chart.
func (v view) Chart(name string) drawing {
	c := v.LastHour[name]
	switch name {
	case chartWorkspaces:
		return line("Workspaces", "accent", c, count, false)
	case chartAgentsNotConnected:
		return line("Agents not connected", "bad", c, count, true)
	case chartActiveUsers:
		return line("Active users", "accent", c, count, true)
	case chartBuildsSucceeded:
		return bars("Builds a minute", c, v.LastHour[chartBuildsFailed], "Succeeded", "Failed")
	case chartRequests:
		return line("Requests a second", "accent", c, count, true)
	case chartErrors:
		return line("Errors", "bad", c, percent, true)
	case chartP50:
		return line("Median duration", "accent", c, seconds, true)
	case chartP95:
		return line("95th percentile of the duration", "accent", c, seconds, true)
	case chartInFlight:
		return line("Requests in flight", "accent", c, count, true)
	}
	return line("Websockets", "accent", c, count, true)
}

func (f filter) Label() string { return f.label }
func (f filter) Text() string  { return f.text }

// Values returns the label values, in the order of the family's labels.
func (s ShownSeries) Values() []string { return s.values }

// Mean returns the mean of the observations of a histogram or summary.
func (s ShownSeries) Mean() string {
	n, _ := strconv.ParseFloat(s.Count, 64)
	sum, _ := strconv.ParseFloat(s.Sum, 64)
	return count(sum / n)
}

// Distribution reports whether series have a count and a sum instead of a value.
func (f Family) Distribution() bool { return f.Type == "histogram" || f.Type == "summary" }

// runbookName matches the names of pages in docs/runbooks. Other text never becomes a
// link.
var runbookName = regexp.MustCompile(`^[A-Za-z0-9]+$`)

// cellLimit is the maximum number of characters in a cell.
const cellLimit = 120

var functions = template.FuncMap{
	"count":   func(n any) string { return count(float(n)) },
	"seconds": func(n any) string { return seconds(float(n)) },
	"percent": func(n any) string { return percent(float(n)) },
	"size":    size,
	"known":   Number.Known,
	"moment":  func(v view, t time.Time) moment { return moment{t, duration(v.At.Sub(t))} },
	"every":   func(s float64) string { return duration(time.Duration(s * float64(time.Second))) },
	"parts":   parts,
	"total":   total,
	"shown":   func(s string) string { return shown(s, cellLimit) },
	"cut": func(s string) string { // the longer text for a cell that shown truncates, or ""
		if len(s) <= cellLimit {
			return ""
		}
		return shown(s, 1000)
	},
	"long":    func(s string) string { return shown(s, 1000) },
	"rfc3339": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"exact":   func(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04:05 UTC") },
	"clock":   func(t time.Time) string { return t.UTC().Format("15:04:05 UTC") },
	"runbook": func(name string) string {
		if !runbookName.MatchString(name) {
			return ""
		}
		return name
	},
}

func float(n any) float64 {
	switch n := n.(type) {
	case Number:
		return float64(n)
	case int:
		return float64(n)
	case int64:
		return float64(n)
	case uint64:
		return float64(n)
	}
	return n.(float64)
}
