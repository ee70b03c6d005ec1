// Package health describes the health of a process that measures a deployment, where
// metrics do not suffice: error texts with remedies, times and addresses. The status
// page of package exporters shows it.
//
// Each component fills in its part when the page is read, with a func(*[Report]) that
// it has registered: package meters with
// [github.com/otelcoder/otelcoder/instrument.Providers.ReportHealth], other code with
// that or with [github.com/otelcoder/otelcoder/exporters.WithHealth].
package health

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"
)

// Report is the health of a process. Its texts are untrusted: they may quote external
// input.
type Report struct {
	Database *Database // nil if no database is read
	Role     Role      // zero if unknown
	Sources  []Source
	Refused  []Refusal
	Push     *Push // nil if nothing is pushed
}

// Database identifies the database that is read, without credentials.
type Database struct {
	Address string `json:"address"` // host:port
	Name    string `json:"name"`
}

// Role describes whether the process reports the deployment.
type Role struct {
	State    RoleState `json:"state"`
	Since    time.Time `json:"since,omitzero"`
	Reporter string    `json:"reporter,omitempty"`  // when StandingBy: address of the reporting process; empty if unknown
	StandBys []string  `json:"stand_bys,omitempty"` // when Reporting: addresses of the standbys; empty if unknown
	Problem  *Problem  `json:"problem,omitempty"`   // when Unreachable or NoReporter
}

// RoleState is the state of the reporter role.
type RoleState string

// The states of the reporter role.
const (
	Reporting   RoleState = "reporting"   // this process reports the deployment
	StandingBy  RoleState = "standing_by" // another process reports it
	TakingOver  RoleState = "taking_over" // the role is being acquired, or is held while reporting is suspended
	Unreachable RoleState = "unreachable" // the database cannot be reached
	NoReporter  RoleState = "no_reporter" // the database is reachable, but does not grant the role
)

// Problem is an error and its remedy.
type Problem struct {
	Error   string    `json:"error"` // credentials in URLs are masked
	Since   time.Time `json:"since,omitzero"`
	Remedy  string    `json:"remedy,omitempty"`  // one or two sentences
	Command string    `json:"command,omitempty"` // a shell command that solves it
	Runbook string    `json:"runbook,omitempty"` // name of a page of docs/runbooks, such as OtelcoderSourceDown
}

// NewProblem returns the problem of an error that has lasted since the given time. If
// the error has a method Remedy() Problem, that supplies the remedy, the command and
// the runbook.
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

// maxError is the maximum length of an error's text in bytes. Some errors quote a
// whole response.
const maxError = 1000

// Source is the health of a source of the deployment's state.
type Source struct {
	Name            string    `json:"name"`                  // as the label of otelcoder_source_up
	Up              bool      `json:"up"`                    // the last collection succeeded
	LastSuccess     time.Time `json:"last_success,omitzero"` // zero if never
	IntervalSeconds float64   `json:"interval_seconds"`      // 0 if it has no interval
	DurationSeconds Number    `json:"last_duration_seconds"` // of the last collection
	P95Seconds      Number    `json:"p95_duration_seconds"`  // of the recent collections
	Series          int       `json:"series"`                // from the last success
	Withdrawn       bool      `json:"withdrawn,omitempty"`   // the series expired and are no longer served
	Problem         *Problem  `json:"problem,omitempty"`     // why the last collection failed
}

// Refusal counts refused external input by origin and reason, like
// otelcoder_refused_total.
type Refusal struct {
	Origin string    `json:"origin"`
	Reason string    `json:"reason"`
	Count  uint64    `json:"count"`
	Last   time.Time `json:"last,omitzero"`
	Means  string    `json:"means"` // one sentence; empty: the page's own text for the reason
}

// Push is the export over OTLP.
type Push struct {
	Endpoint    string    `json:"endpoint"` // credentials and query are removed
	LastSuccess time.Time `json:"last_success,omitzero"`
	Successes   uint64    `json:"successes"`
	Failures    uint64    `json:"failures"`
	Problem     *Problem  `json:"problem,omitempty"` // of the last export, if it failed
}

// Number is a number that may be unknown: NaN in Go, null in JSON.
type Number float64

// Unknown returns the unknown number.
func Unknown() Number { return Number(math.NaN()) }

// Known reports whether the number is known, that is, finite.
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
