package meters

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// rateLimit is what the headers of a response say of a rate limit.
type rateLimit struct {
	resource               string // the value of the label
	limit, remaining, used uint64
	reset                  uint64 // Unix seconds; 0 if unknown
}

// rateLimits are the rate limits of a provider, by resource.
type rateLimits = table[string, *rateLimitSeries]

// rateLimitSeries is a rate limit with the labels of its five families.
type rateLimitSeries struct {
	labels instrument.Labels
	rateLimit
}

// maxResource is how long the name of a resource may be, in bytes.
const maxResource = 64

// parseRateLimit reads a rate limit from headers as GitHub sends them. A header
// that is missing, repeated or malformed makes it no rate limit, and so do zeros
// throughout.
func parseRateLimit(h http.Header) (l rateLimit, ok bool) {
	resource, ok := oneValue(h, "X-Ratelimit-Resource")
	if !ok || resource == "" || len(resource) > maxResource || strings.ContainsFunc(resource, notPrintableASCII) {
		return l, false
	}
	// The limit is that of calls without a valid token, another one than that
	// of each user under the same name.
	l.resource = resource + "-unauthorized"
	for header, number := range map[string]*uint64{
		"X-Ratelimit-Limit":     &l.limit,
		"X-Ratelimit-Remaining": &l.remaining,
		"X-Ratelimit-Used":      &l.used,
		"X-Ratelimit-Reset":     &l.reset,
	} {
		text, ok := oneValue(h, header)
		if !ok {
			return l, false
		}
		var err error
		// 53 bits are what a float64 holds exactly.
		if *number, err = strconv.ParseUint(text, 10, 53); err != nil {
			return l, false
		}
	}
	return l, l.limit != 0 || l.remaining != 0 || l.used != 0
}

func oneValue(h http.Header, name string) (string, bool) {
	values := h[name]
	if len(values) != 1 {
		return "", false
	}
	return values[0], true
}

func notPrintableASCII(r rune) bool { return r < ' ' || r > '~' }

func (l rateLimitSeries) observe(to instrument.Observer) {
	to.Observe(instrument.OAuth2RateLimitTotal, l.labels, float64(l.limit))
	to.Observe(instrument.OAuth2RateLimitRemaining, l.labels, float64(l.remaining))
	to.Observe(instrument.OAuth2RateLimitUsed, l.labels, float64(l.used))
	if l.reset == 0 {
		return
	}
	to.Observe(instrument.OAuth2RateLimitNextReset, l.labels, float64(l.reset))
	reset := time.Unix(int64(l.reset), 0) // #nosec G115 -- of 53 bits, see parseRateLimit
	to.Observe(instrument.OAuth2RateLimitResetIn, l.labels, max(0, time.Until(reset).Seconds()))
}
