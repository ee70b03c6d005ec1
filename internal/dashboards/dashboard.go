package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/otelcoder/otelcoder/instrument"
)

// dashboard is what a reader sees.
type dashboard struct {
	file        string // its name without .json, and its UID
	title       string
	description string
	templates   bool // the reader may choose templates
	rows        []row
}

// row is a titled row of panels.
type row struct {
	title  string
	panels []panel
}

// panel is a graph, a number or a list.
type panel struct {
	title   string
	shows   string // what it shows
	bad     string // what to do when it looks bad
	kind    kind
	unit    string // as Grafana names units
	width   int    // of 24
	queries []query

	// warn and alarm are from where it is yellow and red; both 0 for never.
	warn, alarm float64
}

type kind string

const (
	graph  kind = "timeseries"
	number kind = "stat"
	list   kind = "bargauge" // the greatest first
)

// query is an expression and how its series are named, such as {{code}}.
type query struct {
	expression
	legend string
}

// needsImport says whether only a control plane can tell: what it does itself. A
// service beside it serves the rest.
func needsImport(f instrument.Family) bool {
	info := f.Info()
	return info.Origin == instrument.OTel && info.Group == instrument.Process &&
		f != instrument.CollectorAgentsExecution
}

func (p panel) needsImport() bool {
	return slices.ContainsFunc(p.queries, func(q query) bool { return slices.ContainsFunc(q.families, needsImport) })
}

// text is a panel's description.
func (p panel) text() string {
	where := "Served by the import and by the service."
	if p.needsImport() {
		where = "Needs the import, or Coder's own endpoint."
	}
	return p.shows + "\n\n**When it looks bad:** " + p.bad + "\n\n" + where
}

// families are those that the dashboard reads, in the catalogue's order.
func (d dashboard) families() []instrument.Family {
	var all []instrument.Family
	for _, r := range d.rows {
		for _, p := range r.panels {
			for _, q := range p.queries {
				all = append(all, q.families...)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// variables are what the reader chooses by.
func (d dashboard) variables() []variableJSON {
	names := make([]string, 0, len(d.families()))
	for _, f := range d.families() {
		info := f.Info()
		// Those of every Go program would bring the jobs of all of them.
		if info.Origin == instrument.Runtime {
			continue
		}
		if info.Type == instrument.Histogram {
			info.Name += "_count"
		}
		names = append(names, info.Name)
	}
	choose := func(name, label, query string) variableJSON {
		return variableJSON{
			Name: name, Label: label, Type: "query", Query: query, Datasource: &prometheus,
			Refresh: 2, Sort: 1, IncludeAll: true, Multi: true, AllValue: ".*",
			Current: &currentJSON{[]string{"All"}, []string{"$__all"}},
		}
	}
	variables := []variableJSON{
		{Name: "datasource", Label: "Prometheus", Type: "datasource", Query: "prometheus", Refresh: 1},
		choose("job", "Job", `label_values({__name__=~"`+strings.Join(names, "|")+`"}, job)`),
	}
	if d.templates {
		variables = append(variables, choose("template", "Template", "label_values("+instrument.AgentsUp.String()+", template_name)"))
	}
	return variables
}

// The height of a panel and the width of a dashboard, in Grafana's units.
const (
	height    = 8
	fullWidth = 24
)

// json is the dashboard as Grafana imports it.
func (d dashboard) json() ([]byte, error) {
	out := dashboardJSON{
		UID: d.file, Title: d.title, Description: d.description, Tags: []string{"coder", "otelcoder"},
		SchemaVersion: 39, Editable: true, GraphTooltip: 1, Refresh: "1m", Time: timeJSON{"now-6h", "now"},
		Links:      []linkJSON{{Type: "dashboards", Title: "Coder", Tags: []string{"otelcoder"}, AsDropdown: true, KeepTime: true}},
		Templating: templatingJSON{d.variables()},
	}
	id, y := 1, 0
	for _, r := range d.rows {
		out.Panels = append(out.Panels, panelJSON{
			ID: id, Type: "row", Title: r.title, GridPos: gridPosJSON{0, y, fullWidth, 1}, Collapsed: new(false), Panels: new([]panelJSON{}),
		})
		id++
		y++
		x := 0
		for _, p := range r.panels {
			if x+p.width > fullWidth {
				x, y = 0, y+height
			}
			out.Panels = append(out.Panels, p.json(id, gridPosJSON{x, y, p.width, height}))
			id++
			x += p.width
		}
		y += height
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write dashboard %s: %w", d.file, err)
	}
	return append(text, '\n'), nil
}

func (p panel) json(id int, place gridPosJSON) panelJSON {
	out := panelJSON{
		ID: id, Type: string(p.kind), Title: p.title, Description: p.text(), GridPos: place, Datasource: &prometheus,
		FieldConfig: &fieldConfigJSON{Defaults: defaultsJSON{Unit: p.unit}, Overrides: []any{}},
	}
	defaults := &out.FieldConfig.Defaults
	if p.warn > 0 || p.alarm > 0 {
		defaults.Thresholds = &thresholdsJSON{"absolute", []stepJSON{{"green", nil}, {"yellow", &p.warn}, {"red", &p.alarm}}}
	}
	reduce := map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}
	switch p.kind {
	case graph:
		defaults.Min = new(0.0)
		defaults.Custom = map[string]any{"fillOpacity": 10, "showPoints": "never", "lineWidth": 1}
		if defaults.Thresholds != nil {
			defaults.Custom["thresholdsStyle"] = map[string]any{"mode": "dashed"}
		}
		out.Options = map[string]any{
			"legend":  map[string]any{"displayMode": "table", "placement": "bottom", "calcs": []string{"lastNotNull", "max"}},
			"tooltip": map[string]any{"mode": "multi", "sort": "desc"},
		}
	case number:
		out.Options = map[string]any{"reduceOptions": reduce, "colorMode": "value", "graphMode": "area", "textMode": "auto"}
	case list:
		defaults.Color = &colorJSON{"continuous-BlPu"}
		if defaults.Thresholds != nil {
			defaults.Color = &colorJSON{"thresholds"}
		}
		out.Options = map[string]any{"reduceOptions": reduce, "orientation": "horizontal", "displayMode": "gradient", "valueMode": "text"}
	}
	for i, q := range p.queries {
		out.Targets = append(out.Targets, targetJSON{
			RefID: string(rune('A' + i)), Datasource: prometheus, Expr: q.text, LegendFormat: q.legend,
			Instant: p.kind == list, Range: p.kind != list,
		})
	}
	return out
}
