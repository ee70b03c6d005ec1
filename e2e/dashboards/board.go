package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/otelcoder/otelcoder/instrument"
)

// pages is the URL of the repository's files. It ends in a slash.
const pages = "https://github.com/otelcoder/otelcoder/blob/main/"

// The colours of states, the same on every panel. Blue is neutral.
const green, orange, red, grey, blue = "green", "orange", "red", "#808080", "blue"

// states are the colours of series whose legend ends in a state or an HTTP status code.
var states = []struct{ colour, legends string }{
	{green, `succeeded|success|success=true|connected|ready|healthy|2\d\d`},
	{orange, `pending|running|connecting|starting|created|initializing|canceling|4\d\d`},
	{red, `failed|failure|success=false|disconnected|timeout|\w+_error|\w+_timeout|unhealthy|5\d\d|0`},
	{grey, `canceled|off|shutting_down|disabled|unknown|[13]\d\d`},
}

// source is the Prometheus data source that the user selects.
var source = common.DataSourceRef{Type: new("prometheus"), Uid: new("${datasource}")}

// board is a dashboard of an edition. Its filters are the labels, besides job, that users
// can filter by.
type board struct {
	edition          instrument.Edition
	uid, title, text string
	filters          []string
	rows             []row
}

// row is a titled row of panels, whose widths fill lines of 24.
type row struct {
	title  string
	panels []panel
}

// panel is a panel of a board. It links to see, a runbook or a page of docs. The first
// paragraph of its text describes the values, the second the remedy for bad ones.
type panel struct {
	kind                   cog.Builder[dashboard.Panel]
	width, height          uint32
	unit, title, see, text string
	queries                []query
	steps                  []dashboard.Threshold // without any, one neutral colour
	mappings               map[string]dashboard.ValueMappingResult
	links                  map[string]string  // of a table, by column
	value                  string             // title of a table's column of values; hides it if empty
	id                     uint32             // set by its board
	edition                instrument.Edition // set by its board
	filters                []string           // set by its board
}

// query is a PromQL expression and the legend of its series. Families have the name of
// their first edition, which [filter] replaces by that of the board's edition.
type query struct{ legend, expr string }

func graph(width uint32, unit, title, see, text string, queries ...query) panel {
	kind := timeseries.NewPanelBuilder().Min(0).FillOpacity(10).ShowPoints(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().DisplayMode(common.LegendDisplayModeTable).Placement(common.LegendPlacementBottom).ShowLegend(true).Calcs([]string{"lastNotNull", "max"})).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	for _, s := range states {
		color := dashboard.DynamicConfigValue{Id: "color", Value: map[string]string{"mode": "fixed", "fixedColor": s.colour}}
		kind.OverrideByRegexp(`/\b(`+s.legends+`)$/`, []dashboard.DynamicConfigValue{color})
	}
	return panel{kind: kind, width: width, height: 8, unit: unit, title: title, see: see, text: text, queries: queries}
}

// bars returns a bar graph of counts per interval of at least five minutes.
func bars(width uint32, title, see, text string, queries ...query) panel {
	p := graph(width, units.Short, title, see, text, queries...)
	p.kind.(*timeseries.PanelBuilder).Interval("5m").DrawStyle(common.GraphDrawStyleBars).FillOpacity(70).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
	return p
}

func number(width uint32, unit, title, see, text string, queries ...query) panel {
	return graph(width, unit, title, see, text, queries...).as(stat.NewPanelBuilder().GraphMode(common.BigValueGraphModeNone).ReduceOptions(last()))
}

// list returns a panel with a horizontal bar per series.
func list(width uint32, unit, title, see, text string, queries ...query) panel {
	return graph(width, unit, title, see, text, queries...).as(bargauge.NewPanelBuilder().Orientation(common.VizOrientationHorizontal).ReduceOptions(last()))
}

// tabular returns a table with a row per series and a column per label. The columns in
// links have links.
func tabular(width uint32, unit, title, see, text, expr, value string, links map[string]string) panel {
	p := graph(width, unit, title, see, text, query{"", expr}).as(table.NewPanelBuilder().Footer(common.NewTableFooterOptionsBuilder().Reducer([]string{})))
	p.value, p.links = value, links
	return p
}

// timeline returns a panel of states over time, which are 0 or 1.
func timeline(width uint32, title, see, text string, zero, one dashboard.ValueMappingResult, q query) panel {
	p := graph(width, units.NoUnit, title, see, text, q).as(statetimeline.NewPanelBuilder().ShowValue(common.VisibilityModeNever).LineWidth(0).FillOpacity(80))
	p.mappings = map[string]dashboard.ValueMappingResult{"0": zero, "1": one}
	return p
}

func (p panel) as(kind cog.Builder[dashboard.Panel]) panel {
	p.kind = kind
	return p
}

func last() cog.Builder[common.ReduceDataOptions] {
	return common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})
}

func state(text, colour string) dashboard.ValueMappingResult {
	return dashboard.ValueMappingResult{Text: &text, Color: &colour}
}

// levels colours a panel orange from warn and red from bad up. If bad is smaller than
// warn, the panel is orange below warn and red below bad.
func (p panel) levels(warn, bad float64) panel {
	p.steps = []dashboard.Threshold{{Color: green}, {Value: &warn, Color: orange}, {Value: &bad, Color: red}}
	if bad < warn {
		p.steps = []dashboard.Threshold{{Color: red}, {Value: &bad, Color: orange}, {Value: &warn, Color: green}}
	}
	return p
}

// count colours a number green at 0 and neutral above, because an acceptable number depends
// on the deployment. The panels of shares have levels instead.
func (p panel) count() panel {
	p.steps = []dashboard.Threshold{{Color: green}, {Value: new(1.0), Color: blue}}
	return p
}

// selector matches a metric name and its opening brace, and the closing brace if there are
// no matchers.
var selector = regexp.MustCompile(`\b([a-z0-9_]+?)(_bucket|_sum|_count)?\{(\}?)`)

// read returns the families that an expression reads, by their names in any edition.
func read(expr string) (found []instrument.Family) {
	for _, m := range selector.FindAllStringSubmatch(expr, -1) {
		for _, name := range []string{m[1] + m[2], m[1]} {
			if f, ok := lookup(name); ok {
				found = append(found, f)
				break
			}
		}
	}
	return found
}

// lookup returns the family with a name in any edition.
func lookup(name string) (f instrument.Family, ok bool) {
	for e := range instrument.Editions() {
		if f, ok = e.Lookup(name); ok {
			break
		}
	}
	return f, ok
}

// filter replaces each family of an expression by its name in an edition, and adds matchers
// of the dashboard's variables: of job, and of the labels among filters that the family has.
func filter(e instrument.Edition, expr string, filters []string) string {
	return selector.ReplaceAllStringFunc(expr, func(s string) string {
		f := read(s)[0]
		family := e.Info(f)
		s = strings.Replace(s, f.String(), family.Name, 1)
		matchers := []string{`job=~"$job"`}
		for _, label := range filters {
			matched := label
			if label == "username" && slices.Contains(family.Labels, "workspace_owner") {
				matched = "workspace_owner" // the same label under another name
			}
			if slices.Contains(family.Labels, matched) {
				matchers = append(matchers, matched+`=~"$`+variable(label)+`"`)
			}
		}
		if open, empty := strings.CutSuffix(s, "}"); empty {
			return open + strings.Join(matchers, ",") + "}"
		}
		return s + strings.Join(matchers, ",") + ","
	})
}

// variable returns the name of a label's variable.
func variable(label string) string {
	return strings.TrimSuffix(strings.TrimSuffix(label, "_name"), "name")
}

// importOnly reports whether a family can only be measured by a control plane.
func importOnly(f instrument.Family) bool { return instrument.Coder.Info(f).ImportOnly }

// label returns the one of names that is a label of a family in an edition.
func label(e instrument.Edition, f instrument.Family, names ...string) string {
	labels := e.Info(f).Labels
	return names[slices.IndexFunc(names, func(n string) bool { return slices.Contains(labels, n) })]
}

// inEdition returns the rows without queries of families that the board's edition lacks,
// and without the panels and rows that would be empty.
func (b board) inEdition() (rows []row) {
	lacks := func(q query) bool {
		return slices.ContainsFunc(read(q.expr), func(f instrument.Family) bool { return !b.edition.Has(f) })
	}
	for _, r := range b.rows {
		var panels []panel
		for _, p := range r.panels {
			p.queries = slices.DeleteFunc(p.queries, lacks)
			if len(p.queries) > 0 {
				panels = append(panels, p)
			}
		}
		if len(panels) > 0 {
			rows = append(rows, row{r.title, panels})
		}
	}
	return rows
}

// Build returns the panel in the format of Grafana.
func (p panel) Build() (dashboard.Panel, error) {
	out, err := p.kind.Build()
	where := "Served by the import and by the service."
	if slices.ContainsFunc(p.queries, func(q query) bool { return slices.ContainsFunc(read(q.expr), importOnly) }) {
		where = "Needs the import, or Coder's own endpoint."
	}
	page := "docs/" + p.see
	if !strings.HasSuffix(page, ".md") {
		page = "docs/runbooks/" + p.see + ".md"
	}
	out.Id, out.Title, out.Datasource, out.Description = &p.id, &p.title, &source, new(p.text+"\n\n"+where)
	out.GridPos = &dashboard.GridPos{W: p.width, H: p.height}
	out.Links = []dashboard.DashboardLink{link("What to do", pages+page)}
	if out.FieldConfig == nil {
		out.FieldConfig = dashboard.NewFieldConfigSource()
	}
	defaults := &out.FieldConfig.Defaults
	defaults.Unit, defaults.NoValue = &p.unit, new("none")
	if p.mappings != nil {
		defaults.Mappings = []dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: p.mappings}}}
	}
	if p.steps != nil {
		defaults.Thresholds = &dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute, Steps: p.steps}
	}
	if out.Type == "stat" || out.Type == "bargauge" {
		defaults.Color = &dashboard.FieldColor{Mode: dashboard.FieldColorModeIdThresholds}
		if p.steps == nil {
			defaults.Color = &dashboard.FieldColor{Mode: dashboard.FieldColorModeIdFixed, FixedColor: new(blue)}
		}
	}
	for _, column := range slices.Sorted(maps.Keys(p.links)) {
		out.FieldConfig.Overrides = append(out.FieldConfig.Overrides, dashboard.DashboardFieldConfigSourceOverrides{
			Matcher:    dashboard.MatcherConfig{Id: "byName", Options: column},
			Properties: []dashboard.DynamicConfigValue{{Id: "links", Value: []dashboard.DashboardLink{link("Open", p.links[column])}}},
		})
	}
	for i, q := range p.queries {
		target := prometheus.NewDataquery()
		target.RefId, target.Datasource, target.Expr, target.LegendFormat = new(string(rune('A'+i))), &source, filter(p.edition, q.expr, p.filters), &q.legend
		graphed := out.Type == "timeseries" || out.Type == "state-timeline"
		target.Range, target.Instant = &graphed, new(!graphed)
		if out.Type == "table" {
			target.Format = new(prometheus.PromQueryFormatTable)
			hidden := map[string]bool{"Time": true, "Value": p.value == ""}
			out.Transformations = []dashboard.DataTransformerConfig{{Id: "organize", Options: map[string]any{"excludeByName": hidden, "renameByName": map[string]string{"Value": p.value}}}}
		}
		out.Targets = append(out.Targets, *target)
	}
	return out, err
}

func link(title, url string) dashboard.DashboardLink {
	return dashboard.DashboardLink{Title: title, Type: dashboard.DashboardLinkTypeLink, Url: &url, TargetBlank: true, Tags: []string{}}
}

// json returns the dashboard in the format that Grafana imports.
func (b board) json() ([]byte, error) {
	//lint:ignore SA1019 Grafana 10 and 11 read no other form
	out := dashboard.NewDashboardBuilder(b.title).Uid(b.uid).Description(b.text).Tags([]string{"coder", "otelcoder"}).
		Readonly().Tooltip(dashboard.DashboardCursorSyncCrosshair).Refresh("1m").Time("now-6h", "now").
		Link(dashboard.NewDashboardLinkBuilder("Coder").Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{"otelcoder"}).AsDropdown(true).KeepTime(true).IncludeVars(true)).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type("prometheus")).
		WithVariable(choice("job", `label_values({__name__=~"coderd_agents_up|coderd_api_concurrent_requests|otelcoder_build_info"}, job)`)).
		WithVariable(dashboard.NewTextBoxVariableBuilder("coder_url").Label("Coder's URL").DefaultValue(dashboard.StringOrMap{String: new("https://coder.example.com")}))
	for _, label := range b.filters {
		out.WithVariable(choice(variable(label), `label_values(coderd_agents_up{job=~"$job"}, `+label+`)`))
	}
	// With windows of 5 minutes at steps of 1 minute, a window has two scrapes at any usual
	// interval. Grafana joins the steps of an event.
	for _, a := range []*dashboard.AnnotationQueryBuilder{
		dashboard.NewAnnotationQueryBuilder().Name("Takeovers").IconColor(orange).TitleFormat("{{instance}} reports").Expr(filter(b.edition, `increase(otelcoder_reporter{}[5m]) > 0`, nil)),
		dashboard.NewAnnotationQueryBuilder().Name("Restarts").IconColor(blue).TitleFormat("{{instance}} started").Expr(filter(b.edition, `process_start_time_seconds{} * 1000 and on (job, instance) (otelcoder_build_info{} or coderd_api_concurrent_requests{})`, nil)).UseValueForTime(true),
		dashboard.NewAnnotationQueryBuilder().Name("Failed builds").IconColor(red).TitleFormat("{{template_name}}").Expr(filter(b.edition, `sum by (template_name) (increase(coderd_workspace_builds_total{status="failed"}[5m])) > 0`, b.filters)),
	} {
		out.Annotation(a.Enable(true).Datasource(source).Step("60s"))
	}
	for i, r := range b.inEdition() {
		out.WithRow(dashboard.NewRowBuilder(r.title).Id(uint32(100*i + 100)))
		for j, p := range r.panels {
			p.id, p.edition, p.filters = uint32(100*i+j+101), b.edition, b.filters
			out.WithPanel(p)
		}
	}
	dashboard, err := out.Build()
	if err != nil {
		return nil, fmt.Errorf("build dashboard %s: %w", b.uid, err)
	}
	return json.MarshalIndent(dashboard, "", "  ")
}

// choice returns a variable with several values of a label. All are selected initially.
func choice(name, query string) *dashboard.QueryVariableBuilder {
	one := func(s string) dashboard.StringOrArrayOfString {
		return dashboard.StringOrArrayOfString{ArrayOfString: []string{s}}
	}
	return dashboard.NewQueryVariableBuilder(name).Label(strings.ToUpper(name[:1]) + name[1:]).Datasource(source).Query(dashboard.StringOrMap{String: &query}).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalAsc).Multi(true).IncludeAll(true).AllValue(".*").
		Current(dashboard.VariableOption{Text: one("All"), Value: one("$__all")})
}
