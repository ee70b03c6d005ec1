package meters

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// rateLimit is a rate limit from the headers of a response.
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

// maxResource is the maximum length of a resource name in bytes.
const maxResource = 64

// parseRateLimit parses the rate limit headers of GitHub. It returns false if a header is
// missing, repeated or malformed, or if limit, remaining and used are all 0.
func parseRateLimit(h http.Header) (l rateLimit, ok bool) {
	resource, ok := oneValue(h, "X-Ratelimit-Resource")
	if !ok || resource == "" || len(resource) > maxResource || strings.ContainsFunc(resource, notPrintableASCII) {
		return l, false
	}
	// This limit applies to calls without a valid token. GitHub uses the same resource
	// name for the limit of each user.
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
		// A float64 represents integers of up to 53 bits exactly.
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
	reset := time.Unix(int64(l.reset), 0) // #nosec G115 -- at most 53 bits, see parseRateLimit
	to.Observe(instrument.OAuth2RateLimitResetIn, l.labels, max(0, time.Until(reset).Seconds()))
}
