package main

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// load makes the requests of users and of outsiders, over loopback.
type load struct {
	apiURL     string
	perSecond  int
	workspaces []workspace
	client     *http.Client
	log        *slog.Logger
}

// requests are made in turn, with ordinary requests in between. The method WEBSOCKET
// opens a websocket for a while.
var requests = []struct{ method, path, body string }{
	{"POST", "/api/v2/workspaces/{workspace}/builds", `{"transition":"start"}`},
	{"POST", "/api/v2/workspaces/{workspace}/builds", `{"transition":`},
	{"WEBSOCKET", "/api/v2/workspaceagents/{agent}/pty", ""},
	{"WEBSOCKET", "/api/v2/workspaceagents/nobody/pty", ""},
	{"GET", "/api/v2/users/{user}", ""},
	{"GET", "/api/v2/templates", ""},
	{"GET", "/api/v2/workspaceagents/{agent}", ""},
	{"GET", "/api/v2/workspaceagents/me/external-auth", ""},
	{"GET", "/@{user}/{name}/apps/code-server/static/main.js", ""},
	{"GET", "/", ""},
	{"GET", "/wp-login.php", ""},
	{"GET", "/api/v2/wp-login.php", ""},
	{"FOO", "/api/v2/users", ""},
	{"CONNECT", "/@{user}/{name}/apps/docs/elsewhere.example:443", ""},
	{"POST", "/api/v2/debug/panic", ""},
}

// atOnce is the maximum number of concurrent requests. Further requests are skipped.
const atOnce = 64

// run makes requests until ctx ends.
func (l *load) run(ctx context.Context) {
	defer l.client.CloseIdleConnections()
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, atOnce)
	ticker := time.NewTicker(time.Second / time.Duration(l.perSecond))
	defer ticker.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			select {
			case slots <- struct{}{}:
				running.Go(func() {
					l.request(ctx, n)
					<-slots
				})
			default:
			}
		}
	}
}

// request makes the n-th request.
func (l *load) request(ctx context.Context, n int) {
	w := l.workspaces[rand.N(len(l.workspaces))]
	r := requests[n/2%len(requests)]
	if n%2 == 1 {
		r.method, r.path, r.body = "GET", "/api/v2/workspaces/{workspace}", ""
	}
	url := l.apiURL + strings.NewReplacer("{workspace}", w.ID, "{user}", w.Owner, "{name}", w.Name, "{agent}", w.agents[0].ID).Replace(r.path)
	var err error
	if r.method == "WEBSOCKET" {
		err = l.terminal(ctx, url)
	} else {
		err = l.send(ctx, r.method, url, r.body)
	}
	if err != nil {
		l.log.Debug("load has no answer", "method", r.method, "url", url, "error", err)
	}
}

func (l *load) send(ctx context.Context, method, url, body string) error {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	response, err := l.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// terminal opens a web terminal, types, and closes it after a moment.
func (l *load) terminal(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: l.client})
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	if err := conn.Write(ctx, websocket.MessageText, []byte("ls\n")); err != nil {
		return err
	}
	if _, _, err := conn.Read(ctx); err != nil {
		return err
	}
	pause(ctx, rand.N(3*time.Second))
	return conn.Close(websocket.StatusNormalClosure, "")
}
