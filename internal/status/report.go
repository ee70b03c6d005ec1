package status

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Report is the page as JSON.
type Report struct {
	State    State  `json:"state"`
	Headline string `json:"headline"` // one sentence on the state
	Details  string `json:"details"`  // further sentences, or empty
	Facts
	Deployment *Deployment      `json:"deployment"` // null if this process is not the reporter
	API        *API             `json:"api"`        // null without an API
	LastHour   map[string]Chart `json:"last_hour"`  // by the name of the number

	advice *Problem // the problem to solve first
}

// State is the state of the process in one word.
type State string

// The states of the process.
const (
	StateOK          State = "ok"
	StateStarting    State = "starting"    // no source has answered yet
	StateStandingBy  State = "standing_by" // another process reports
	StateDegraded    State = "degraded"    // it reports, but something fails
	StateUnreachable State = "unreachable" // the database cannot be reached
)

// newReport returns the report of the backend's facts.
func newReport(ctx context.Context, b Backend, h *History) Report {
	r := Report{Facts: b.Facts(ctx)}
	r.sanitize()
	r.Deployment, r.API, r.LastHour = h.glance(r.At, r.Sample)
	r.setState()
	return r
}

// sanitize removes credentials, and replaces nil slices, which JSON would encode as
// null. It does not modify the data of the backend.
func (r *Report) sanitize() {
	r.Role.Problem = sanitized(r.Role.Problem)
	r.Sources = slices.Clone(r.Sources)
	for i := range r.Sources {
		r.Sources[i].Problem = sanitized(r.Sources[i].Problem)
	}
	if r.Push != nil {
		push := *r.Push
		push.Endpoint, push.Problem = endpoint(push.Endpoint), sanitized(push.Problem)
		r.Push = &push
	}
	r.Refused = slices.Clone(r.Refused)
	for i, refusal := range r.Refused {
		if refusal.Means == "" {
			r.Refused[i].Means = meaning(refusal.Origin, refusal.Reason)
		}
	}
	r.Families = slices.Clone(r.Families)
	for i := range r.Families {
		r.Families[i].Labels = orEmpty(r.Families[i].Labels)
	}
	r.Sources, r.Refused, r.Families = orEmpty(r.Sources), orEmpty(r.Refused), orEmpty(r.Families)
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func sanitized(p *Problem) *Problem {
	if p == nil {
		return nil
	}
	clean := *p
	clean.Error = masked(p.Error)
	return &clean
}

// setState sets the state, headline, details and advice.
func (r *Report) setState() {
	since := ""
	if !r.Role.Since.IsZero() {
		since = " for " + duration(r.At.Sub(r.Role.Since))
	}
	switch r.Role.State {
	case Unreachable:
		r.State, r.advice = StateUnreachable, r.Role.Problem
		r.Headline = "Database unreachable" + since + "."
		r.Details = "Deployment metrics are not served."
		return
	case NoReporter:
		r.State, r.advice = StateDegraded, r.Role.Problem
		r.Headline = "The role of the reporter cannot be held" + since + "."
		r.Details = "Deployment metrics are not served."
		return
	case TakingOver:
		r.State = StateStarting
		r.Headline = "Starting."
		r.Details = "A replica becomes the reporter within seconds."
		return
	case StandingBy:
		r.State = StateStandingBy
		by := "Another replica reports."
		if r.Role.Reporter != "" {
			by = "Replica " + r.Role.Reporter + " reports."
		}
		r.Headline = "Standing by" + since + "."
		r.Details = by + " /metrics/deployment is empty here on purpose."
		return
	}

	var failing []string
	answered := 0
	for _, s := range r.Sources {
		if s.Problem != nil || !s.Up && !s.LastSuccess.IsZero() {
			failing = append(failing, s.Name)
			if r.advice == nil {
				r.advice = s.Problem
			}
		}
		if !s.LastSuccess.IsZero() {
			answered++
		}
	}
	var issues []string
	if n := len(failing); n > 0 {
		issues = append(issues, fmt.Sprintf("%d of %s: %s", n, plural(len(r.Sources), "source fails", "sources fail"), strings.Join(failing, ", ")))
	}
	if r.Push != nil && r.Push.Problem != nil {
		issues = append(issues, "the push fails")
		if r.advice == nil {
			r.advice = r.Push.Problem
		}
	}
	switch {
	case len(issues) > 0:
		r.State = StateDegraded
		r.Headline = "Reporting" + since + ", but " + strings.Join(issues, "; ") + "."
	case len(r.Sources) > 0 && answered == 0:
		r.State = StateStarting
		r.Headline = "Starting."
		r.Details = plural(len(r.Sources), "source has", "sources have") + " not answered yet."
	default:
		r.State = StateOK
		r.Headline = "Reporting this deployment" + since + "."
	}
	var details []string
	if r.Details != "" {
		details = append(details, r.Details)
	}
	if n := len(r.Role.StandBys); n > 0 {
		standBys := plural(n, "replica stands by", "replicas stand by")
		if known := slices.DeleteFunc(slices.Clone(r.Role.StandBys), func(s string) bool { return s == "" }); len(known) > 0 {
			standBys += " (" + strings.Join(known, ", ") + ")"
		}
		details = append(details, standBys+".")
	}
	if oldest := r.oldest(); !oldest.IsZero() {
		details = append(details, "Oldest data: "+duration(r.At.Sub(oldest))+".")
	}
	r.Details = strings.Join(details, " ")
}

// oldest returns the earliest last success of a source.
func (r *Report) oldest() (oldest time.Time) {
	for _, s := range r.Sources {
		if !s.LastSuccess.IsZero() && (oldest.IsZero() || s.LastSuccess.Before(oldest)) {
			oldest = s.LastSuccess
		}
	}
	return oldest
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(float64(n)) + " " + many
}

// meaning returns a sentence that explains a refusal.
func meaning(origin, reason string) string {
	switch origin + "/" + reason {
	case "agent/type":
		return "An agent sent a documented metric with another type; it was dropped."
	case "agent/labels":
		return "An agent sent a documented metric with other labels; it was dropped."
	case "agent/duplicate":
		return "An agent sent a series twice; the second was dropped."
	case "api/path limit":
		return "The router has more routes than the limit; the others are counted as UNKNOWN."
	case "builds/action":
		return "A build had an action other than start, stop and delete; it was not counted."
	case "builds/outcome", "jobs/outcome":
		return "A job ended in neither success nor failure; it was not counted."
	case "jobs/provisioner":
		return "A job had an unknown provisioner; it was not counted."
	case "oauth2/source":
		return "A call to an OAuth2 provider had an unknown kind; it was not counted."
	case "source/undocumented":
		return "A row of the database had a status that Coder does not document; it was left out."
	case "source/skew":
		return "Agent reports had timestamps more than 5 min off the database's clock; they were not counted."
	case "host/instrument":
		return "The program created an instrument outside the catalogue, in otelcoder's scope or although they are turned off; it is not served."
	case "host/name":
		return "The program created an instrument whose Prometheus name another family has; it is not served."
	case "host/overflow":
		return "A stream had more series than the OpenTelemetry SDK's limit; the others were folded into one."
	case "source/limit":
		return "A family reached its series limit; further series are left out."
	}
	switch reason {
	case "limit":
		return "The series limit was reached; the series without updates for the longest time were dropped."
	case "length":
		return "A label value was too long; it was cut and ends in …."
	case "value":
		return "A number was negative, infinite or not a number; it was dropped."
	}
	return "An input was refused."
}
