package status

import (
	"context"
	"encoding/json"
	"iter"
	"math"
	"time"
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

// Database is the database that is read. It has no user and no password.
type Database struct {
	Address string `json:"address"` // host:port
	Name    string `json:"name"`
}

// Role tells whether the process reports the deployment.
type Role struct {
	State    RoleState `json:"state"`
	Since    time.Time `json:"since,omitzero"`
	Reporter string    `json:"reporter,omitempty"`  // address of the process that reports, while this one stands by; empty if unknown
	StandBys []string  `json:"stand_bys,omitempty"` // addresses of the processes that stand by, while this one reports; empty if unknown
	Problem  *Problem  `json:"problem,omitempty"`   // why the database is unreachable
}

// RoleState is the state of the role.
type RoleState string

// The states of the role.
const (
	Reporting   RoleState = "reporting"   // this process reports the deployment
	StandingBy  RoleState = "standing_by" // another process reports it
	Unreachable RoleState = "unreachable" // the database cannot be reached
)

// Problem is an error together with its remedy.
type Problem struct {
	Error   string    `json:"error"` // credentials in URLs are masked
	Since   time.Time `json:"since,omitzero"`
	Remedy  string    `json:"remedy,omitempty"`  // one or two sentences
	Command string    `json:"command,omitempty"` // a shell command that solves it
	Runbook string    `json:"runbook,omitempty"` // name of a page of docs/runbooks, such as OtelcoderSourceDown
}

// Source is a part of the deployment's state that is read on an interval.
type Source struct {
	Name            string    `json:"name"`
	Up              bool      `json:"up"`                    // the last collection succeeded
	LastSuccess     time.Time `json:"last_success,omitzero"` // zero for never
	IntervalSeconds float64   `json:"interval_seconds"`      // 0 for no interval
	DurationSeconds Number    `json:"last_duration_seconds"` // of the last collection
	P95Seconds      Number    `json:"p95_duration_seconds"`  // of the recent collections
	Series          int       `json:"series"`                // held from the last success
	Withdrawn       bool      `json:"withdrawn,omitempty"`   // the series are too old to be served
	Problem         *Problem  `json:"problem,omitempty"`     // why it is not up
}

// Refusal counts items from outside that were not taken, by origin and reason,
// as otelcoder_refused_total does.
type Refusal struct {
	Origin string    `json:"origin"`
	Reason string    `json:"reason"`
	Count  uint64    `json:"count"`
	Last   time.Time `json:"last,omitzero"`
	Means  string    `json:"means"` // one sentence; the page has one for each known reason
}

// Push is the export over OTLP.
type Push struct {
	Endpoint    string    `json:"endpoint"` // credentials and query are removed
	LastSuccess time.Time `json:"last_success,omitzero"`
	Successes   uint64    `json:"successes"`
	Failures    uint64    `json:"failures"`
	Problem     *Problem  `json:"problem,omitempty"` // of the last export, if it failed
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

// Number is a number that may be unknown: NaN, null in JSON.
type Number float64

// Unknown returns the unknown number.
func Unknown() Number { return Number(math.NaN()) }

// Known reports whether the number is finite.
func (n Number) Known() bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

// MarshalJSON implements [json.Marshaler].
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.Known() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON implements [json.Unmarshaler].
func (n *Number) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*n = Unknown()
		return nil
	}
	return json.Unmarshal(text, (*float64)(n))
}
