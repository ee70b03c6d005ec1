package status

import (
	"context"
	"iter"
	"time"

	"github.com/otelcoder/otelcoder/instrument/health"
)

// Backend supplies the contents of the page.
type Backend interface {
	// Facts returns the current facts. It is called for each view, concurrently, and
	// must answer from memory.
	Facts(context.Context) Facts

	// Series returns the series of a family, sorted by labels. It is called only when
	// the family is opened. The iteration may stop early.
	Series(ctx context.Context, family string) iter.Seq[Series]
}

// Facts holds the contents of the page at one moment. Unknown times are zero and left
// out of the JSON.
type Facts struct {
	At      time.Time `json:"at"`
	Version string    `json:"version"` // of otelcoder
	Started time.Time `json:"started"` // when the process started
	// MetricNames is the edition of the families: documented or coder.
	MetricNames string    `json:"metric_names"`
	Database    *Database `json:"database,omitempty"`
	Role        Role      `json:"role"`
	Sources     []Source  `json:"sources"`
	Refused     []Refusal `json:"refused"`
	Push        *Push     `json:"push,omitempty"` // nil if nothing is pushed
	Scrapes     Scrapes   `json:"scrapes"`
	Families    []Family  `json:"families"` // in the order of the page

	// Sample is the current sample of the [History].
	Sample Sample `json:"-"`
	// Preview is the beginning of the metrics as text.
	Preview string `json:"-"`
}

// Scrapes summarizes the answers to scrapers.
type Scrapes struct {
	Last      *Scrape `json:"last,omitempty"`
	Errors    uint64  `json:"errors"`     // otelcoder_scrape_errors_total
	PerMinute Number  `json:"per_minute"` // over the last minutes
}

// Scrape is one answer to a scraper.
type Scrape struct {
	At              time.Time `json:"at"`
	By              string    `json:"by"`       // the User-Agent
	Path            string    `json:"path"`     // such as /metrics
	Format          string    `json:"format"`   // text, openmetrics or protobuf
	Encoding        string    `json:"encoding"` // gzip or empty
	Bytes           int64     `json:"bytes"`    // as sent
	DurationSeconds float64   `json:"duration_seconds"`
}

// Family is a metric family of the catalogue.
type Family struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"` // counter, gauge, histogram or summary
	Help   string   `json:"help"`
	Labels []string `json:"labels"`
	Group  string   `json:"group"`  // deployment, workspaces or process
	Series int      `json:"series"` // number of series
}

// Series is one series of a family.
type Series struct {
	Labels     []string // values, in the order of Family.Labels
	Value      float64  // of a counter or gauge
	Count, Sum float64  // of the observations of a histogram or summary
}

// The facts of package health.
type (
	Database  = health.Database
	Role      = health.Role
	RoleState = health.RoleState
	Problem   = health.Problem
	Source    = health.Source
	Refusal   = health.Refusal
	Push      = health.Push
	Number    = health.Number
)

// The states of the role.
const (
	Reporting   = health.Reporting
	StandingBy  = health.StandingBy
	TakingOver  = health.TakingOver
	Unreachable = health.Unreachable
	NoReporter  = health.NoReporter
)

// Unknown returns the unknown number.
func Unknown() Number { return health.Unknown() }
