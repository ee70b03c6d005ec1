package meters

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// maxRateLimitProviders is the number of providers that share the limit for rate limits.
const maxRateLimitProviders = 100

// OAuth2 measures calls to external OAuth2 providers: their number, as
// coderd_oauth2_external_requests_total, and the rate limits in the responses, as
// coderd_oauth2_external_requests_rate_limit_*.
//
// At most 10,000 series of calls are kept ([WithMaxSeries] of OAuth2Requests), and the
// rate limits of 100 providers, 100 for each provider (WithMaxSeries of
// OAuth2RateLimitTotal sets the total). Beyond that, the least recently updated are
// dropped and counted in otelcoder_refused_total, origin "oauth2", reason "limit".
type OAuth2 struct {
	edition   instrument.Edition
	output    *output
	refused   refusals[oauth2Refusal]
	text      labelText
	maxLimits int // maximum number of series of a rate limit family

	mu       sync.Mutex
	requests *table[instrument.OAuth2Request, *oauth2Calls]
	limits   *table[string, *rateLimits] // by provider
}

type oauth2Refusal string

const (
	oauth2Source oauth2Refusal = "source" // not a constant of OAuth2Source
	oauth2Limit  oauth2Refusal = "limit"  // dropped because of the limit
	oauth2Length oauth2Refusal = "length" // a truncated provider name
)

// OAuth2Source is the kind of a call to an OAuth2 provider.
type OAuth2Source string

// The kinds of calls.
const (
	OAuth2ValidateToken         OAuth2Source = "ValidateToken"
	OAuth2Exchange              OAuth2Source = "Exchange"
	OAuth2TokenSource           OAuth2Source = "TokenSource"
	OAuth2AppInstallations      OAuth2Source = "AppInstallations"
	OAuth2AuthorizeDevice       OAuth2Source = "AuthorizeDevice"
	OAuth2GitAPIAuthUser        OAuth2Source = "GitAPIAuthUser"
	OAuth2GitAPIListEmails      OAuth2Source = "GitAPIListEmails"
	OAuth2GitAPIOrgMemberships  OAuth2Source = "GitAPIOrgMemberships"
	OAuth2GitAPITeamMemberships OAuth2Source = "GitAPITeamMemberships"
)

var oauth2Sources = [...]OAuth2Source{
	OAuth2ValidateToken, OAuth2Exchange, OAuth2TokenSource, OAuth2AppInstallations, OAuth2AuthorizeDevice,
	OAuth2GitAPIAuthUser, OAuth2GitAPIListEmails, OAuth2GitAPIOrgMemberships, OAuth2GitAPITeamMemberships,
}

type oauth2Calls struct {
	labels instrument.Labels
	calls  int
}

func newOAuth2(c config, out *output) *OAuth2 {
	refused := newRefusals(out, c, "oauth2", oauth2Source, oauth2Limit, oauth2Length)
	o := &OAuth2{
		edition:   c.edition,
		output:    out,
		refused:   refused,
		text:      c.labelText(refused.adder(oauth2Length)),
		maxLimits: c.maxSeries(instrument.OAuth2RateLimitTotal),
	}
	o.requests = &table[instrument.OAuth2Request, *oauth2Calls]{
		size:    c.maxSeries(instrument.OAuth2Requests),
		evicted: refused.adder(oauth2Limit),
	}
	o.limits = &table[string, *rateLimits]{
		size:    min(maxRateLimitProviders, o.maxLimits),
		evicted: refused.adder(oauth2Limit),
	}
	out.observe(instrument.Process, o.collect)
	return o
}

// Transport wraps base, or [http.DefaultTransport] if base is nil, and measures its calls
// for the provider with the configured name and one kind of call. Requests, responses
// and errors are passed through unchanged.
//
// Calls of an unknown source are passed through but not measured; they are counted in
// otelcoder_refused_total, origin "oauth2", reason "source".
//
// The status code is 0 without a response, or if it is below 100 or above 999.
func (o *OAuth2) Transport(name string, source OAuth2Source, base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &oauth2Transport{o, o.text(name), source, base}
}

type oauth2Transport struct {
	oauth2 *OAuth2
	name   string
	source OAuth2Source
	base   http.RoundTripper
}

func (t *oauth2Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.base.RoundTrip(r)
	t.oauth2.record(t.name, t.source, response)
	return response, err
}

// CloseIdleConnections is called by [http.Client.CloseIdleConnections].
func (t *oauth2Transport) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// record counts a call; response is nil if the call failed.
func (o *OAuth2) record(name string, source OAuth2Source, response *http.Response) {
	if o.output.closed.Load() {
		return
	}
	if !slices.Contains(oauth2Sources[:], source) {
		o.refused.add(oauth2Source)
		return
	}
	call := instrument.OAuth2Request{Name: name, Source: string(source)}
	if response != nil && response.StatusCode >= 100 && response.StatusCode <= 999 {
		call.StatusCode = response.StatusCode
	}
	now := time.Now()

	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests.touch(call, now, func() *oauth2Calls {
		return &oauth2Calls{labels: o.edition.Labels(instrument.OAuth2Requests, call)}
	}).calls++

	// Only unauthorized calls count against the limit of the client's address; other
	// responses have the limit of a single user.
	if call.StatusCode == http.StatusUnauthorized {
		if limit, ok := parseRateLimit(response.Header); ok {
			o.recordLimit(name, limit, now)
		}
	}
}

// recordLimit keeps the newest rate limit of a resource; o.mu must be held.
func (o *OAuth2) recordLimit(name string, limit rateLimit, now time.Time) {
	limits := o.limits.touch(name, now, func() *rateLimits {
		return &rateLimits{
			size:    max(o.maxLimits/maxRateLimitProviders, 1), // if maxLimits is lower, so is the number of providers
			evicted: o.refused.adder(oauth2Limit),
		}
	})
	limits.touch(limit.resource, now, func() *rateLimitSeries {
		labels := o.edition.Labels(instrument.OAuth2RateLimitTotal, instrument.OAuth2RateLimit{Name: name, Resource: limit.resource})
		return &rateLimitSeries{labels: labels}
	}).rateLimit = limit
}

func (o *OAuth2) collect(to instrument.Observer) {
	calls, limits := o.snapshot()
	for _, c := range calls {
		to.Observe(instrument.OAuth2Requests, c.labels, float64(c.calls))
	}
	for _, l := range limits {
		l.observe(to)
	}
}

// snapshot copies the series, so that calls do not wait while they are observed.
func (o *OAuth2) snapshot() (calls []oauth2Calls, limits []rateLimitSeries) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	for c := range o.requests.all(now) {
		calls = append(calls, *c)
	}
	for provider := range o.limits.all(now) {
		for l := range provider.all(now) {
			limits = append(limits, *l)
		}
	}
	return calls, limits
}
