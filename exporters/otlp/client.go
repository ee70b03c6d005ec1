package otlp

import (
	"crypto/tls"
	"net/http"
	"time"
)

// newClient returns an HTTP client that adds a query to each request. The exporters'
// own clients leave out the query of their endpoint.
func newClient(query string, tlsConfig *tls.Config, timeout time.Duration) *http.Client {
	return &http.Client{
		Transport: &queryTransport{
			Transport: &http.Transport{
				Proxy:               http.ProxyFromEnvironment,
				ForceAttemptHTTP2:   true,
				TLSClientConfig:     tlsConfig,
				TLSHandshakeTimeout: 10 * time.Second,
				IdleConnTimeout:     90 * time.Second,
			},
			query: query,
		},
		Timeout: timeout,
		// The error of a redirection would show its URL, query included.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// queryTransport adds a query to each request. Errors show the request's URL
// without it.
type queryTransport struct {
	*http.Transport
	query string
}

func (t *queryTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.RawQuery = t.query
	return t.Transport.RoundTrip(r)
}
