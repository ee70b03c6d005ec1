package main

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/otelcoder/otelcoder/meters"
)

// store is the state of the deployment, in memory. Its methods are safe for concurrent
// use and return copies.
type store struct {
	mu         sync.Mutex
	users      table[user]
	templates  table[template]
	workspaces table[workspace]
	agents     table[agent]
	usage      map[usage]map[int64]bool // the Unix minutes in which it was used
	turn       int                      // index of the next workspace to build: see nextBuild
}

type table[T any] struct {
	rows []*T
	byID map[string]*T
}

func (t *table[T]) add(id string, row *T) {
	if t.byID == nil {
		t.byID = make(map[string]*T)
	}
	t.rows, t.byID[id] = append(t.rows, row), row
}

// find returns the row with an ID.
func find[T any](s *store, t *table[T], id string) (row T, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := t.byID[id]
	if !ok {
		return row, errNotFound
	}
	return *found, nil
}

// page returns up to limit rows from offset on.
func page[T any](s *store, t *table[T], offset, limit int) []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := min(max(offset, 0), len(t.rows))
	to := min(from+max(limit, 0), len(t.rows))
	rows := make([]T, 0, to-from)
	for _, row := range t.rows[from:to] {
		rows = append(rows, *row)
	}
	return rows
}

var (
	errNotFound  = errors.New("not found")
	errBadBuild  = errors.New(`a build needs a "transition": start, stop or delete`)
	errBusy      = errors.New("a build of the workspace is under way")
	errQueueFull = errors.New("too many builds wait")
)

type user struct {
	Name     string    `json:"username"`
	Email    string    `json:"email"`
	LastSeen time.Time `json:"last_seen_at"`
}

type template struct {
	Name    string `json:"name"`
	Version int    `json:"active_version"`
	Broken  bool   `json:"-"` // its builds fail; set on the front page

	parameters []parameter
}

type parameter struct {
	name, kind string
	values     []string
}

type workspace struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Owner    string `json:"owner_name"`
	Template string `json:"template_name"`
	Latest   build  `json:"latest_build"`

	owner    *user
	template *template
	agents   []*agent
}

type build struct {
	Number     int                `json:"build_number"`
	Action     meters.BuildAction `json:"action"`
	Version    int                `json:"template_version"`
	Status     meters.JobStatus   `json:"status"`
	Created    time.Time          `json:"created_at"`
	Parameters map[string]string  `json:"parameters"` // never changed
}

// up reports whether the workspace runs, so that its latest build has agents.
func (w *workspace) up() bool {
	return w.Latest.Action == meters.BuildStart && w.Latest.Status == meters.JobSucceeded
}

// busy reports whether a build of the workspace is pending or running.
func (w *workspace) busy() bool {
	return slices.Contains([]meters.JobStatus{meters.JobPending, meters.JobRunning, meters.JobCanceling}, w.Latest.Status)
}

// agent is the record of an agent. Its slices are replaced, never modified.
type agent struct {
	ID string
	meters.Agent

	workspace  *workspace
	connection int               // number of the newest websocket, whose reports count
	stats      meters.AgentStats // since the previous collection
	reported   bool              // whether stats holds a report
}

// usage is an application that a user can spend time in.
type usage struct{ template, user, application, slug string }

// setBroken sets whether the builds of a template fail.
func (s *store) setBroken(templateName string, broken bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.templates.byID[templateName]
	if !ok {
		return errNotFound
	}
	t.Broken = broken
	return nil
}

// use records that the owner of a workspace uses an application now. s.mu must be held.
func (s *store) use(w *workspace, application, slug string) {
	w.owner.LastSeen = time.Now()
	u := usage{w.Template, w.Owner, application, slug}
	if s.usage[u] == nil {
		s.usage[u] = make(map[int64]bool)
	}
	s.usage[u][w.owner.LastSeen.Unix()/60] = true
}

// openApp records that the owner of a workspace uses one of its apps.
func (s *store) openApp(workspaceID, slug string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.workspaces.byID[workspaceID]
	i := slices.IndexFunc(apps, func(a app) bool { return a.slug == slug })
	if !ok || i < 0 || !w.up() {
		return errNotFound
	}
	s.use(w, apps[i].name, slug)
	return nil
}
