package otlp

import (
	"crypto/tls"
	"net/http"
	"time"
)

// newClient returns an HTTP client like the exporters' own.
func newClient(tlsConfig *tls.Config, timeout time.Duration) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			ForceAttemptHTTP2:   true,
			TLSClientConfig:     tlsConfig,
			TLSHandshakeTimeout: 10 * time.Second,
			IdleConnTimeout:     90 * time.Second,
		},
		Timeout: timeout,
	}
}

// withQuery returns a copy of a client that adds a query to each request, since the
// exporters drop the query of the endpoint.
func withQuery(client *http.Client, query string) *http.Client {
	c := *client
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	c.Transport = queryTransport{c.Transport, query}
	// The error of a redirect would show its URL with the query.
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// queryTransport adds a query to each request. The client's errors show the URL
// without it.
type queryTransport struct {
	http.RoundTripper
	query string
}

func (t queryTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.RawQuery = t.query
	return t.RoundTripper.RoundTrip(r)
}
