package meters

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

var rateLimitFamilies = []instrument.Family{
	instrument.OAuth2RateLimitNextReset,
	instrument.OAuth2RateLimitRemaining,
	instrument.OAuth2RateLimitResetIn,
	instrument.OAuth2RateLimitTotal,
	instrument.OAuth2RateLimitUsed,
}

// githubHeaders are the headers of a response at 2000-01-01 00:00:00 UTC, when bubbles of
// synctest start. The limit is reset a minute later.
func githubHeaders() http.Header {
	return http.Header{
		"X-Ratelimit-Limit":     {"60"},
		"X-Ratelimit-Remaining": {"59"},
		"X-Ratelimit-Used":      {"1"},
		"X-Ratelimit-Reset":     {"946684860"},
		"X-Ratelimit-Resource":  {"core"},
	}
}

func TestRateLimit(t *testing.T) {
	const all = `# TYPE coderd_oauth2_external_requests_rate_limit_next_reset_unix gauge
coderd_oauth2_external_requests_rate_limit_next_reset_unix{name="github",resource="core-unauthorized"} 9.4668486e+08
# TYPE coderd_oauth2_external_requests_rate_limit_remaining gauge
coderd_oauth2_external_requests_rate_limit_remaining{name="github",resource="core-unauthorized"} 59
# TYPE coderd_oauth2_external_requests_rate_limit_reset_in_seconds gauge
coderd_oauth2_external_requests_rate_limit_reset_in_seconds{name="github",resource="core-unauthorized"} 60
# TYPE coderd_oauth2_external_requests_rate_limit_total gauge
coderd_oauth2_external_requests_rate_limit_total{name="github",resource="core-unauthorized"} 60
# TYPE coderd_oauth2_external_requests_rate_limit_used gauge
coderd_oauth2_external_requests_rate_limit_used{name="github",resource="core-unauthorized"} 1
`
	three := func(limit, remaining, used string) string {
		return fmt.Sprintf(`# TYPE coderd_oauth2_external_requests_rate_limit_remaining gauge
coderd_oauth2_external_requests_rate_limit_remaining{name="github",resource="core-unauthorized"} %s
# TYPE coderd_oauth2_external_requests_rate_limit_total gauge
coderd_oauth2_external_requests_rate_limit_total{name="github",resource="core-unauthorized"} %s
# TYPE coderd_oauth2_external_requests_rate_limit_used gauge
coderd_oauth2_external_requests_rate_limit_used{name="github",resource="core-unauthorized"} %s
`, remaining, limit, used)
	}
	type header map[string][]string
	for _, test := range []struct {
		name   string
		status int // 401 if 0
		change header
		want   string
	}{
		{name: "as GitHub sends them", want: all},
		{name: "of a user's calls", status: 200},
		{name: "forbidden", status: 403},
		{name: "reset unknown", change: header{"X-Ratelimit-Reset": {"0"}}, want: three("60", "59", "1")},
		{name: "limit 0", change: header{"X-Ratelimit-Limit": {"0"}, "X-Ratelimit-Reset": {"0"}}, want: three("0", "59", "1")},
		{name: "nothing used", change: header{"X-Ratelimit-Used": {"0"}, "X-Ratelimit-Remaining": {"60"}, "X-Ratelimit-Reset": {"0"}}, want: three("60", "60", "0")},
		{name: "only used", change: header{"X-Ratelimit-Limit": {"0"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"0"}}, want: three("0", "0", "1")},
		{name: "zeros throughout", change: header{"X-Ratelimit-Limit": {"0"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Used": {"0"}}},
		{name: "no limit", change: header{"X-Ratelimit-Limit": nil}},
		{name: "no remaining", change: header{"X-Ratelimit-Remaining": nil}},
		{name: "no used", change: header{"X-Ratelimit-Used": nil}},
		{name: "no reset", change: header{"X-Ratelimit-Reset": nil}},
		{name: "no resource", change: header{"X-Ratelimit-Resource": nil}},
		{name: "two limits", change: header{"X-Ratelimit-Limit": {"60", "60"}}},
		{name: "two resources", change: header{"X-Ratelimit-Resource": {"core", "search"}}},
		{name: "empty limit", change: header{"X-Ratelimit-Limit": {""}}},
		{name: "negative", change: header{"X-Ratelimit-Remaining": {"-1"}}},
		{name: "signed", change: header{"X-Ratelimit-Remaining": {"+59"}}},
		{name: "fraction", change: header{"X-Ratelimit-Used": {"1.0"}}},
		{name: "exponent", change: header{"X-Ratelimit-Used": {"1e3"}}},
		{name: "hexadecimal", change: header{"X-Ratelimit-Used": {"0x1"}}},
		{name: "with underscore", change: header{"X-Ratelimit-Limit": {"6_0"}}},
		{name: "with blank", change: header{"X-Ratelimit-Limit": {" 60"}}},
		{name: "other digits", change: header{"X-Ratelimit-Limit": {"٦٠"}}},
		{name: "a date", change: header{"X-Ratelimit-Reset": {"Sat, 01 Jan 2000 00:01:00 GMT"}}},
		{name: "as large as can be", change: header{"X-Ratelimit-Limit": {"9007199254740991"}, "X-Ratelimit-Reset": {"0"}}, want: three("9.007199254740991e+15", "59", "1")},
		{name: "too large", change: header{"X-Ratelimit-Limit": {"9007199254740992"}}},
		{name: "far too large", change: header{"X-Ratelimit-Reset": {strings.Repeat("9", 1000)}}},
		{name: "empty resource", change: header{"X-Ratelimit-Resource": {""}}},
		{name: "control character", change: header{"X-Ratelimit-Resource": {"co\x00re"}}},
		{name: "not ASCII", change: header{"X-Ratelimit-Resource": {"kernel\u00e9"}}},
		{name: "not UTF-8", change: header{"X-Ratelimit-Resource": {"core\xff"}}},
		{name: "long resource", change: header{"X-Ratelimit-Resource": {strings.Repeat("x", 65)}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, o := testOAuth2(t)
				headers := githubHeaders()
				maps.Copy(headers, test.change)
				maps.DeleteFunc(headers, func(_ string, values []string) bool { return values == nil })
				status := 401
				if test.status != 0 {
					status = test.status
				}
				call(t, o.Transport("github", OAuth2ValidateToken, respond(status, headers)))
				m.Expect(t, test.want, rateLimitFamilies...)
				wantValue(t, m, fmt.Sprintf(`coderd_oauth2_external_requests_total{name="github",source="ValidateToken",status_code="%d"}`, status), 1)
			})
		})
	}
}

func TestRateLimitCountsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const resetIn = `coderd_oauth2_external_requests_rate_limit_reset_in_seconds{name="github",resource="core-unauthorized"}`
		const nextReset = `coderd_oauth2_external_requests_rate_limit_next_reset_unix{name="github",resource="core-unauthorized"}`
		m, o := testOAuth2(t)
		headers := githubHeaders()
		transport := o.Transport("github", OAuth2ValidateToken, respond(401, headers))
		call(t, transport)
		for _, step := range []struct {
			wait time.Duration
			want float64
		}{{0, 60}, {45 * time.Second, 15}, {14500 * time.Millisecond, 0.5}, {500 * time.Millisecond, 0}, {time.Hour, 0}} {
			time.Sleep(step.wait)
			wantValue(t, m, resetIn, step.want)
			wantValue(t, m, nextReset, 946684860)
		}

		// The next response starts another interval.
		headers.Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Unix()+30, 10))
		headers.Set("X-RateLimit-Remaining", "7")
		call(t, transport)
		wantValue(t, m, resetIn, 30)
		wantValue(t, m, `coderd_oauth2_external_requests_rate_limit_remaining{name="github",resource="core-unauthorized"}`, 7)

		// A response with an unknown reset withdraws the reset series.
		headers.Set("X-RateLimit-Reset", "0")
		call(t, transport)
		m.Expect(t, "", instrument.OAuth2RateLimitResetIn, instrument.OAuth2RateLimitNextReset)
	})
}

// TestRateLimitsAreBounded checks that a provider with too many resources evicts only its own
// oldest series.
func TestRateLimitsAreBounded(t *testing.T) {
	m, o := testOAuth2(t)
	ask := func(name, resource string) {
		headers := githubHeaders()
		headers.Set("X-RateLimit-Resource", resource)
		call(t, o.Transport(name, OAuth2ValidateToken, respond(401, headers)))
	}
	series := func() []string {
		text := m.Text(t, instrument.OAuth2RateLimitUsed)
		_, text, _ = strings.Cut(text, "\n") // the type
		return slices.Collect(strings.Lines(text))
	}
	ask("github", "core")
	for i := range 102 {
		ask("evil", fmt.Sprint("resource", i))
	}
	if got := len(series()); got != 101 {
		t.Errorf("got %d series, want 100 of one provider and 1 of the other", got)
	}
	wantValue(t, m, `coderd_oauth2_external_requests_rate_limit_used{name="github",resource="core-unauthorized"}`, 1)
	wantValue(t, m, `coderd_oauth2_external_requests_rate_limit_used{name="evil",resource="resource101-unauthorized"}`, 1)
	for _, gone := range []string{"resource0", "resource1"} {
		if _, ok := m.Samples(t)[`coderd_oauth2_external_requests_rate_limit_used{name="evil",resource="`+gone+`-unauthorized"}`]; ok {
			t.Errorf("%s is not evicted", gone)
		}
	}
	wantValue(t, m, `otelcoder_refused_total{origin="oauth2",reason="limit"}`, 2)

	for i := range 100 {
		ask(fmt.Sprint("provider", i), "core")
	}
	if got := len(series()); got != 100 {
		t.Errorf("got %d series, want one of each of 100 providers", got)
	}
	wantValue(t, m, `otelcoder_refused_total{origin="oauth2",reason="limit"}`, 4)
}

// FuzzRateLimit checks that with any headers a scrape succeeds and has exactly the well-formed
// rate limits.
func FuzzRateLimit(f *testing.F) {
	f.Add("github", "60", "59", "1", "946684860", "core", "")
	f.Add("github", "0", "0", "0", "0", "core", "")
	f.Add("github", "60", "59", "1", "0", "core", "60")
	f.Add("git\xff", "-1", "1e9", "0x1", "99999999999999999999", "\xc3\x28", "")
	f.Add("", "9007199254740991", "00", "+1", "9007199254740991", "a\"b\\c\nd", "")
	f.Fuzz(func(t *testing.T, name, limit, remaining, used, reset, resource, second string) {
		m, o := testOAuth2(t)
		headers := http.Header{
			"X-Ratelimit-Limit":     {limit},
			"X-Ratelimit-Remaining": {remaining},
			"X-Ratelimit-Used":      {used},
			"X-Ratelimit-Reset":     {reset},
			"X-Ratelimit-Resource":  {resource},
		}
		if second != "" {
			headers.Add("X-Ratelimit-Limit", second)
		}
		call(t, o.Transport(name, OAuth2ValidateToken, respond(401, headers)))

		families := m.Families(t)
		if got := families[instrument.OAuth2Requests.String()].Metric[0].Counter.GetValue(); got != 1 {
			t.Errorf("got %v calls, want 1", got)
		}
		wantValidLabels(t, families)
		total := families["coderd_oauth2_external_requests_rate_limit_total"]
		if total == nil {
			return
		}
		if second != "" || resource == "" || len(resource) > 64 {
			t.Errorf("invalid headers are accepted: %v", headers)
		}
		for header, family := range map[string]string{
			limit:     "coderd_oauth2_external_requests_rate_limit_total",
			remaining: "coderd_oauth2_external_requests_rate_limit_remaining",
			used:      "coderd_oauth2_external_requests_rate_limit_used",
			reset:     "coderd_oauth2_external_requests_rate_limit_next_reset_unix",
		} {
			if header != strings.Trim(header, "+- _.xXeE") || header == "" {
				t.Errorf("invalid headers are accepted: %v", headers)
			}
			want, err := strconv.ParseFloat(header, 64)
			if err != nil {
				t.Errorf("invalid headers are accepted: %v: %v", headers, err)
			}
			if family := families[family]; family == nil {
				if want != 0 {
					t.Errorf("no series for the header %q", header)
				}
			} else if got := family.Metric[0].Gauge.GetValue(); got != want {
				t.Errorf("got %v for the header %q, want %v", got, header, want)
			}
		}
		if in := families["coderd_oauth2_external_requests_rate_limit_reset_in_seconds"]; in != nil {
			if got := in.Metric[0].Gauge.GetValue(); got < 0 {
				t.Errorf("got reset in %v, want at least 0", got)
			}
		}
	})
}
