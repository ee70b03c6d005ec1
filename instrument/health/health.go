// Package health describes the health of a process that measures a deployment, as
// far as metrics cannot: the text of errors with what to do about them, times, and
// addresses. The status page of package exporters shows it.
//
// The owner of each part fills it in whenever the page is read: a func(*[Report])
// given to [github.com/otelcoder/otelcoder/instrument.Providers.ReportHealth], as
// the recorders and the poller of package meters do, or to
// [github.com/otelcoder/otelcoder/exporters.WithHealth].
package health

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"
)

// Report is the health of a process. Its text may come from outsiders.
type Report struct {
	Database *Database // nil without a database
	Role     Role      // zero if unknown
	Sources  []Source
	Refused  []Refusal
	Push     *Push // nil if nothing is pushed
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
	Problem  *Problem  `json:"problem,omitempty"`   // of Unreachable and NoReporter
}

// RoleState is the state of the role.
type RoleState string

// The states of the role.
const (
	Reporting   RoleState = "reporting"   // this process reports the deployment
	StandingBy  RoleState = "standing_by" // another process reports it
	TakingOver  RoleState = "taking_over" // none is held yet, or the role is taken and not reported in yet
	Unreachable RoleState = "unreachable" // the database cannot be reached
	NoReporter  RoleState = "no_reporter" // the database is reached, but the role cannot be held there
)

// Problem is an error together with its remedy.
type Problem struct {
	Error   string    `json:"error"` // credentials in URLs are masked
	Since   time.Time `json:"since,omitzero"`
	Remedy  string    `json:"remedy,omitempty"`  // one or two sentences
	Command string    `json:"command,omitempty"` // a shell command that solves it
	Runbook string    `json:"runbook,omitempty"` // name of a page of docs/runbooks, such as OtelcoderSourceDown
}

// NewProblem returns the problem that an error is. An error with a method
// Remedy() Problem supplies the remedy, the command and the runbook.
func NewProblem(err error, since time.Time) *Problem {
	var p Problem
	var remedied interface{ Remedy() Problem }
	if errors.As(err, &remedied) {
		p = remedied.Remedy()
	}
	p.Error, p.Since = err.Error(), since
	if len(p.Error) > maxError {
		p.Error = strings.ToValidUTF8(p.Error[:maxError], "") + "…"
	}
	return &p
}

// maxError is the greatest length of an error's text in bytes. Some quote a whole
// answer.
const maxError = 1000

// Source is a part of the deployment's state that is read on an interval.
type Source struct {
	Name            string    `json:"name"`                  // as the label of otelcoder_source_up
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
