package meters

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func testOAuth2(t *testing.T, options ...Option) (*meterstest.Reader, *OAuth2) {
	t.Helper()
	m, meters := newMeters(t, options...)
	return m, meters.OAuth2()
}

// roundTripper is a provider without a network.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// respond returns a provider that always returns the same response.
func respond(status int, header http.Header) roundTripper {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: header, Body: http.NoBody}, nil
	}
}

// call makes one call and ignores its result.
func call(t *testing.T, transport http.RoundTripper) {
	t.Helper()
	response, err := transport.RoundTrip(httptest.NewRequest("GET", "http://provider.example.com/user", nil))
	if err == nil && response != nil {
		response.Body.Close()
	}
}

func TestOAuth2(t *testing.T) {
	for _, test := range []struct {
		name string
		base roundTripper
		want string // status_code
	}{
		{"answer", respond(200, nil), "200"},
		{"refusal", respond(401, nil), "401"},
		{"lowest status", respond(100, nil), "100"},
		{"highest status", respond(999, nil), "999"},
		{"no status", respond(0, nil), "0"},
		{"status too low", respond(99, nil), "0"},
		{"status too high", respond(1000, nil), "0"},
		{"negative status", respond(-200, nil), "0"},
		{"no response", func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }, "0"},
		{"neither response nor error", func(*http.Request) (*http.Response, error) { return nil, nil }, "0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, o := testOAuth2(t)
			transport := o.Transport("github", OAuth2ValidateToken, test.base)
			m.Expect(t, "", instrument.OAuth2Requests)
			call(t, transport)
			call(t, transport)
			m.Expect(t, fmt.Sprintf(`# TYPE coderd_oauth2_external_requests_total counter
coderd_oauth2_external_requests_total{name="github",source="ValidateToken",status_code="%s"} 2
`, test.want), instrument.OAuth2Requests)
		})
	}
}

func TestOAuth2TellsApart(t *testing.T) {
	m, o := testOAuth2(t)
	for _, source := range []OAuth2Source{
		"ValidateToken", "Exchange", "TokenSource", "AppInstallations", "AuthorizeDevice",
		"GitAPIAuthUser", "GitAPIListEmails", "GitAPIOrgMemberships", "GitAPITeamMemberships",
	} {
		call(t, o.Transport("github", source, respond(200, nil)))
	}
	call(t, o.Transport("gitlab", OAuth2Exchange, respond(200, nil)))
	call(t, o.Transport("gitlab", OAuth2Exchange, respond(200, nil)))   // another transport, the same series
	call(t, o.Transport("\xff\x00", OAuth2Exchange, respond(200, nil))) // invalid UTF-8 and NUL
	call(t, o.Transport("github", "Unknown", respond(200, nil)))
	call(t, o.Transport("github", "", respond(200, nil)))
	m.Expect(t, `# TYPE coderd_oauth2_external_requests_total counter
coderd_oauth2_external_requests_total{name="github",source="AppInstallations",status_code="200"} 1
coderd_oauth2_external_requests_total{name="github",source="AuthorizeDevice",status_code="200"} 1
coderd_oauth2_external_requests_total{name="github",source="Exchange",status_code="200"} 1
coderd_oauth2_external_requests_total{name="github",source="GitAPIAuthUser",status_code="200"} 1
coderd_oauth2_external_requests_total{name="github",source="GitAPIListEmails",status_code="200"} 1
coderd_oauth2_external_requests_total{name="github",source="GitAPIOrgMemberships",status_code="200"} 1
coderd_oauth2_external_requests_total{name="github",source="GitAPITeamMemberships",status_code="200"} 1
coderd_oauth2_external_requests_total{name="github",source="TokenSource",status_code="200"} 1
coderd_oauth2_external_requests_total{name="github",source="ValidateToken",status_code="200"} 1
coderd_oauth2_external_requests_total{name="gitlab",source="Exchange",status_code="200"} 2
coderd_oauth2_external_requests_total{name="��",source="Exchange",status_code="200"} 1
# TYPE otelcoder_refused_total counter
otelcoder_refused_total{origin="oauth2",reason="length"} 0
otelcoder_refused_total{origin="oauth2",reason="limit"} 0
otelcoder_refused_total{origin="oauth2",reason="source"} 2
`)
}

// TestOAuth2PassesThrough checks that requests, responses and errors are unchanged, also for
// an unknown source.
func TestOAuth2PassesThrough(t *testing.T) {
	for _, source := range []OAuth2Source{OAuth2Exchange, "Unknown"} {
		_, o := testOAuth2(t)
		request := httptest.NewRequest("POST", "http://provider.example.com/token", nil)
		response := &http.Response{StatusCode: 401, Header: githubHeaders(), Body: io.NopCloser(unreadable{t})}
		failure := errors.New("both a response and an error")
		gotResponse, gotErr := o.Transport("github", source, roundTripper(func(r *http.Request) (*http.Response, error) {
			if r != request {
				t.Error("the base transport got another request")
			}
			return response, failure
		})).RoundTrip(request)
		if gotResponse != response || gotErr != failure {
			t.Errorf("got %v, %v, want %v, %v", gotResponse, gotErr, response, failure)
		}
	}
}

type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestOAuth2OverHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range githubHeaders() {
			w.Header()[name] = values
		}
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, "bad credentials")
	}))
	m, o := testOAuth2(t)
	client := &http.Client{Transport: o.Transport("github", OAuth2ValidateToken, nil)}
	response, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if string(body) != "bad credentials" || err != nil {
		t.Errorf("got body %q, error %v, want \"bad credentials\"", body, err)
	}
	response.Body.Close()
	client.CloseIdleConnections()
	server.Close()
	if _, err := client.Get(server.URL); err == nil {
		t.Error("a request to the closed server succeeds")
	}

	m.Expect(t, `# TYPE coderd_oauth2_external_requests_total counter
coderd_oauth2_external_requests_total{name="github",source="ValidateToken",status_code="0"} 1
coderd_oauth2_external_requests_total{name="github",source="ValidateToken",status_code="401"} 1
`, instrument.OAuth2Requests)
	wantValue(t, m, `coderd_oauth2_external_requests_rate_limit_total{name="github",resource="core-unauthorized"}`, 60)
}

func TestOAuth2ClosesIdleConnections(t *testing.T) {
	_, o := testOAuth2(t)
	base := new(idle)
	client := http.Client{Transport: o.Transport("github", OAuth2Exchange, base)}
	client.CloseIdleConnections()
	if !base.closed {
		t.Error("the idle connections of the base transport are not closed")
	}
	client.Transport = o.Transport("github", OAuth2Exchange, respond(200, nil))
	client.CloseIdleConnections() // a base without the method
}

type idle struct {
	http.RoundTripper
	closed bool
}

func (i *idle) CloseIdleConnections() { i.closed = true }

func TestOAuth2IsBounded(t *testing.T) {
	log := new(log)
	m, o := testOAuth2(t, log.option())
	for _, name := range []string{"a", "b"} {
		for _, source := range oauth2Sources {
			for status := 100; status <= 999; status++ {
				if status != 401 {
					call(t, o.Transport(name, source, respond(status, nil)))
				}
			}
		}
	}
	if got := len(m.Families(t)[instrument.OAuth2Requests.String()].Metric); got != 10_000 {
		t.Errorf("got %d series, want 10000", got)
	}
	wantValue(t, m, `otelcoder_refused_total{origin="oauth2",reason="limit"}`, 6182) // 2 × 9 × 899 - 10000
	log.want(t, `level=WARN msg="left out of the metrics, and counted in otelcoder_refused_total" origin=oauth2 reason=limit total=1`)
}

func TestOAuth2AtOnce(t *testing.T) {
	m, o := testOAuth2(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			transport := o.Transport("github", OAuth2Exchange, respond(401, githubHeaders()))
			for range 100 {
				call(t, transport)
			}
		})
	}
	for range 10 {
		if text := m.Text(t, instrument.OAuth2RateLimitUsed); text != "" && !strings.HasSuffix(text, "} 1\n") {
			t.Errorf("got %s, want the value 1", text)
		}
	}
	wg.Wait()
	wantValue(t, m, `coderd_oauth2_external_requests_total{name="github",source="Exchange",status_code="401"}`, 800)
}
