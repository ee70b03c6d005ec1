package status

import (
	"context"
	"iter"
	"time"

	"github.com/otelcoder/otelcoder/instrument/health"
)

// Backend supplies the contents of the page.
type Backend interface {
	// Facts returns the facts of this moment. It is called for each view, by
	// several goroutines at a time, and must answer from memory.
	Facts(context.Context) Facts

	// Series returns the series of a family, in the order of their labels. It is
	// called only when the family is opened, and may be stopped early.
	Series(ctx context.Context, family string) iter.Seq[Series]
}

// Facts is the contents of the page at one moment. Times without a value are
// zero and left out of the JSON.
type Facts struct {
	At       time.Time `json:"at"`      // the moment
	Version  string    `json:"version"` // of otelcoder
	Started  time.Time `json:"started"` // when the process started
	Database *Database `json:"database,omitempty"`
	Role     Role      `json:"role"`
	Sources  []Source  `json:"sources"`
	Refused  []Refusal `json:"refused"`
	Push     *Push     `json:"push,omitempty"` // nil if nothing is pushed
	Scrapes  Scrapes   `json:"scrapes"`
	Families []Family  `json:"families"` // in the order of the page

	// Sample is the current sample, see [History].
	Sample Sample `json:"-"`
	// Preview is the beginning of the metrics as text.
	Preview string `json:"-"`
}

// Scrapes tells about the answers to scrapers.
type Scrapes struct {
	Last      *Scrape `json:"last,omitempty"`
	Errors    uint64  `json:"errors"`     // as otelcoder_scrape_errors_total
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
	Series int      `json:"series"` // how many there are
}

// Series is one series of a family.
type Series struct {
	Labels     []string // values, in the order of Family.Labels
	Value      float64  // of a counter or gauge
	Count, Sum float64  // of the observations of a histogram or summary
}

// The facts that others supply.
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
