package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/otelcoder/otelcoder/meters"
)

// Tokens of users, by the provider's response.
const (
	goodToken    = "good"
	expiredToken = "expired"
	lostToken    = "lost" // the provider closes the connection
)

// rateLimit is the number of requests that unauthenticated callers may make in an hour.
const rateLimit = 60

// oauth2Provider behaves as GitHub does: the headers of its 401 responses report the rate
// limit.
type oauth2Provider struct {
	unknown atomic.Int64 // number of unauthenticated calls
	started time.Time
}

func (p *oauth2Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Header.Get("Authorization") {
	case "Bearer " + goodToken:
		io.WriteString(w, `{"login":"ada"}`)
	case "Bearer " + lostToken:
		panic(http.ErrAbortHandler)
	default:
		used := min(p.unknown.Add(1), rateLimit)
		reset := p.started.Add(time.Since(p.started).Truncate(time.Hour) + time.Hour)
		w.Header().Set("X-RateLimit-Limit", strconv.Itoa(rateLimit))
		w.Header().Set("X-RateLimit-Used", strconv.FormatInt(used, 10))
		w.Header().Set("X-RateLimit-Remaining", strconv.FormatInt(rateLimit-used, 10))
		w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
		w.Header().Set("X-RateLimit-Resource", "core")
		http.Error(w, "bad credentials", http.StatusUnauthorized)
	}
}

// externalAuth calls the provider. Each kind of call has its own client, with a
// transport that measures it.
type externalAuth struct {
	url                              string
	log                              *slog.Logger
	validateToken, exchange, refresh *http.Client
}

func newExternalAuth(o *meters.OAuth2, url string, log *slog.Logger) *externalAuth {
	base := &http.Transport{}
	client := func(source meters.OAuth2Source) *http.Client {
		return &http.Client{Transport: o.Transport("github", source, base), Timeout: 10 * time.Second}
	}
	return &externalAuth{url, log, client(meters.OAuth2ValidateToken), client(meters.OAuth2Exchange), client(meters.OAuth2TokenSource)}
}

// run validates the users' tokens until ctx ends. It refreshes invalid tokens, and now
// and then signs in a user.
func (e *externalAuth) run(ctx context.Context) {
	defer e.validateToken.CloseIdleConnections() // closes those of all three clients
	for n := 0; ctx.Err() == nil; n++ {
		switch n % 10 {
		case 0:
			e.call(ctx, e.validateToken, "/user", expiredToken)
			e.call(ctx, e.refresh, "/login/oauth/access_token", goodToken)
		case 3:
			e.call(ctx, e.exchange, "/login/oauth/access_token", goodToken)
		case 7:
			e.call(ctx, e.validateToken, "/user", lostToken)
		default:
			e.valid(ctx)
		}
		pause(ctx, time.Second)
	}
}

// useUp makes calls until the rate limit is used up.
func (e *externalAuth) useUp(ctx context.Context) {
	for range rateLimit {
		e.call(ctx, e.validateToken, "/user", expiredToken)
	}
}

// valid reports whether the provider accepts a user's token.
func (e *externalAuth) valid(ctx context.Context) bool {
	return e.call(ctx, e.validateToken, "/user", goodToken)
}

func (e *externalAuth) call(ctx context.Context, client *http.Client, path, token string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url+path, http.NoBody)
	if err != nil {
		e.log.Error("cannot call the OAuth2 provider", "error", err)
		return false
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		e.log.Debug("the OAuth2 provider does not answer", "error", err)
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}
