package main

// What Grafana's JSON model of a dashboard has, as much as is used here.

type dashboardJSON struct {
	UID           string         `json:"uid"`
	Title         string         `json:"title"`
	Description   string         `json:"description"`
	Tags          []string       `json:"tags"`
	SchemaVersion int            `json:"schemaVersion"`
	Editable      bool           `json:"editable"`
	GraphTooltip  int            `json:"graphTooltip"` // 1: one cross-hair on all panels
	Refresh       string         `json:"refresh"`
	Time          timeJSON       `json:"time"`
	Links         []linkJSON     `json:"links"`
	Templating    templatingJSON `json:"templating"`
	Panels        []panelJSON    `json:"panels"`
}

type timeJSON struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type linkJSON struct {
	Type       string   `json:"type"`
	Title      string   `json:"title"`
	Tags       []string `json:"tags"`
	AsDropdown bool     `json:"asDropdown"`
	KeepTime   bool     `json:"keepTime"`
}

type templatingJSON struct {
	List []variableJSON `json:"list"`
}

type variableJSON struct {
	Name       string          `json:"name"`
	Label      string          `json:"label"`
	Type       string          `json:"type"`
	Query      string          `json:"query"`
	Datasource *datasourceJSON `json:"datasource,omitempty"`
	Refresh    int             `json:"refresh"` // 1: on load, 2: also when the time changes
	Sort       int             `json:"sort"`    // 1: by name
	IncludeAll bool            `json:"includeAll"`
	Multi      bool            `json:"multi"`
	AllValue   string          `json:"allValue,omitempty"`
	Current    *currentJSON    `json:"current,omitempty"`
}

type currentJSON struct {
	Text  []string `json:"text"`
	Value []string `json:"value"`
}

type datasourceJSON struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type panelJSON struct {
	ID          int              `json:"id"`
	Type        string           `json:"type"`
	Title       string           `json:"title"`
	Description string           `json:"description,omitempty"`
	GridPos     gridPosJSON      `json:"gridPos"`
	Collapsed   *bool            `json:"collapsed,omitempty"` // of rows
	Panels      *[]panelJSON     `json:"panels,omitempty"`    // of collapsed rows
	Datasource  *datasourceJSON  `json:"datasource,omitempty"`
	FieldConfig *fieldConfigJSON `json:"fieldConfig,omitempty"`
	Options     map[string]any   `json:"options,omitempty"`
	Targets     []targetJSON     `json:"targets,omitempty"`
}

type gridPosJSON struct {
	X int `json:"x"`
	Y int `json:"y"`
	W int `json:"w"`
	H int `json:"h"`
}

type fieldConfigJSON struct {
	Defaults  defaultsJSON `json:"defaults"`
	Overrides []any        `json:"overrides"`
}

type defaultsJSON struct {
	Unit       string          `json:"unit"`
	Min        *float64        `json:"min,omitempty"`
	Max        *float64        `json:"max,omitempty"`
	Color      *colorJSON      `json:"color,omitempty"`
	Thresholds *thresholdsJSON `json:"thresholds,omitempty"`
	Custom     map[string]any  `json:"custom,omitempty"`
}

type colorJSON struct {
	Mode string `json:"mode"`
}

type thresholdsJSON struct {
	Mode  string     `json:"mode"`
	Steps []stepJSON `json:"steps"`
}

type stepJSON struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"` // null for the first
}

type targetJSON struct {
	RefID        string         `json:"refId"`
	Datasource   datasourceJSON `json:"datasource"`
	Expr         string         `json:"expr"`
	LegendFormat string         `json:"legendFormat,omitempty"`
	Format       string         `json:"format,omitempty"`
	Instant      bool           `json:"instant,omitempty"`
	Range        bool           `json:"range,omitempty"`
}

// prometheus is the data source that a reader chooses.
var prometheus = datasourceJSON{Type: "prometheus", UID: "${datasource}"}
