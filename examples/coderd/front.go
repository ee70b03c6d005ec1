package main

import (
	"embed"
	html "html/template"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/otelcoder/otelcoder/meters"
)

//go:embed front.html front.css front.js
var frontFiles embed.FS

// front is the front page. Its buttons change the deployment, which the metrics then
// show.
type front struct {
	database     *database
	provisioner  *provisioner
	externalAuth *externalAuth
	broken       *sync.Map // IDs of agents that do not connect
	metricsPort  string    // port of the endpoint; empty without one
	template     *html.Template

	mu      sync.Mutex
	actions []action // newest first
}

// action is the effect of a button.
type action struct {
	At     time.Time
	Text   string
	Err    error  // nil if it succeeded
	Family string // metric that shows the effect
}

const (
	shownWorkspaces = 6
	shownActions    = 5
)

func newFront(d *database, p *provisioner, e *externalAuth, broken *sync.Map, metricsPort string) *front {
	return &front{
		database: d, provisioner: p, externalAuth: e, broken: broken, metricsPort: metricsPort,
		template: html.Must(html.ParseFS(frontFiles, "front.html")),
	}
}

// ServeHTTP answers with the page, its style sheet or its script.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch r.URL.Path {
	case "/":
		f.page(w, r)
	case "/front.css", "/front.js":
		http.ServeFileFS(w, r, frontFiles, r.URL.Path[1:])
	default:
		http.NotFound(w, r)
	}
}

func (f *front) page(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "+
		"img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "same-origin") // no-referrer would make the Origin of forms null
	f.template.Execute(w, f.view(r))             // the client notices an error
}

// frontView is the input of the template.
type frontView struct {
	Metrics      string // URL of the endpoint; empty without one
	Interval     int    // seconds between two collections
	Withdrawn    int    // seconds until series of a source that fails are withdrawn
	Disconnected int    // seconds until the metrics show a broken agent
	Down         bool   // whether the database is down
	Broken       int    // number of broken agents
	Failing      int    // number of templates whose builds fail
	Templates    []template
	Workspaces   []frontWorkspace
	Actions      []action
}

// frontWorkspace is a workspace with its first agent.
type frontWorkspace struct {
	ID, State, Tone, Mark string
	Up                    bool
	Agent                 agent
	Broken                bool // whether the agent is broken
}

func (f *front) view(r *http.Request) frontView {
	v := frontView{
		Interval:     int(interval.Seconds()),
		Withdrawn:    int(5 * interval.Seconds()),
		Disconnected: int((reportInterval + interval).Seconds()),
		Down:         f.database.down.Load(),
	}
	if f.metricsPort != "" {
		here := url.URL{Host: r.Host}
		v.Metrics = "http://" + net.JoinHostPort(here.Hostname(), f.metricsPort) + "/"
	}
	f.broken.Range(func(any, any) bool { v.Broken++; return true })
	s := f.database.store
	v.Templates = page(s, &s.templates, 0, 100)
	for _, t := range v.Templates {
		if t.Broken {
			v.Failing++
		}
	}
	for _, w := range page(s, &s.workspaces, 0, shownWorkspaces) {
		row := frontWorkspace{ID: w.ID, Up: w.up()}
		row.State, row.Tone, row.Mark = w.state()
		row.Agent, _ = find(s, &s.agents, w.agents[0].ID)
		_, row.Broken = f.broken.Load(row.Agent.ID)
		v.Workspaces = append(v.Workspaces, row)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	v.Actions = f.actions // replaced, never changed
	return v
}

// state describes the workspace.
func (w *workspace) state() (text, tone, mark string) {
	switch {
	case w.up():
		return "running", "ok", "●"
	case w.busy():
		return "building", "info", "◐"
	case w.Latest.Status == meters.JobSucceeded:
		return "stopped", "quiet", "○"
	}
	return strings.ToLower(string(w.Latest.Action)) + " " + string(w.Latest.Status), "bad", "✗"
}

// routes are the routes of the buttons.
func (f *front) routes(r chi.Router) {
	r.Post("/workspaces/{workspace}/start", f.build("Start", meters.BuildStart))
	r.Post("/workspaces/{workspace}/stop", f.build("Stop", meters.BuildStop))
	r.Post("/agents/{agent}/break", f.setBroken("Break", true))
	r.Post("/agents/{agent}/repair", f.setBroken("Repair", false))
	r.Post("/templates/{template}/break", f.setTemplate("Break", true))
	r.Post("/templates/{template}/repair", f.setTemplate("Repair", false))
	r.Post("/oauth2/use-up", f.useUp)
	r.Post("/database/stop", f.setDown("Stop", true))
	r.Post("/database/start", f.setDown("Start", false))
}

// build queues a build, as a request to the API does.
func (f *front) build(verb string, transition meters.BuildAction) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, id := f.database.store, chi.URLParam(r, "workspace")
		if _, err := find(s, &s.workspaces, id); err != nil {
			writeError(w, err)
			return
		}
		err := f.database.ping()
		if err == nil {
			_, err = f.provisioner.enqueue(id, transition)
		}
		f.done(w, r, action{Text: verb + " " + id, Err: err, Family: "coderd_workspace_builds_total"})
	}
}

// setBroken makes an agent close its websocket and stay disconnected, or reconnect.
func (f *front) setBroken(verb string, broken bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, id := f.database.store, chi.URLParam(r, "agent")
		if _, err := find(s, &s.agents, id); err != nil {
			writeError(w, err)
			return
		}
		if broken {
			f.broken.Store(id, true)
		} else {
			f.broken.Delete(id)
		}
		f.done(w, r, action{Text: verb + " agent " + id, Family: "coderd_agents_connections"})
	}
}

// setTemplate sets whether the builds of a template fail.
func (f *front) setTemplate(verb string, broken bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := chi.URLParam(r, "template")
		if err := f.database.store.setBroken(name, broken); err != nil {
			writeError(w, err)
			return
		}
		f.done(w, r, action{Text: verb + " template " + name, Family: "coderd_workspace_builds_total"})
	}
}

// useUp uses up the rate limit of the OAuth2 provider.
func (f *front) useUp(w http.ResponseWriter, r *http.Request) {
	f.externalAuth.useUp(r.Context())
	f.done(w, r, action{Text: "Use up the rate limit", Family: "coderd_oauth2_external_requests_rate_limit_remaining"})
}

func (f *front) setDown(verb string, down bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f.database.down.Store(down)
		f.done(w, r, action{Text: verb + " the database", Family: "otelcoder_source_up"})
	}
}

// done records an action and redirects to the page.
func (f *front) done(w http.ResponseWriter, r *http.Request, a action) {
	a.At = time.Now()
	f.mu.Lock()
	f.actions = append([]action{a}, f.actions[:min(len(f.actions), shownActions-1)]...)
	f.mu.Unlock()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
