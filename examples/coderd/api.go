package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/go-chi/chi/v5"

	"github.com/otelcoder/otelcoder/meters"
)

// api is the HTTP API: some of Coder's routes.
type api struct {
	store        *store
	database     *database
	provisioner  *provisioner
	externalAuth *externalAuth
	forwarded    *meters.Forwarded
	front        *front
	log          *slog.Logger
	handlers     sync.RWMutex // read-locked by every handler that runs
}

// handler returns the API behind the middleware that measures it.
func (a *api) handler(measure func(http.Handler) http.Handler) http.Handler {
	s := a.store
	r := chi.NewRouter()
	r.Use(a.running, forgive, measure, http.NewCrossOriginProtection().Handler)
	r.NotFound(a.site)
	r.Route("/front", a.front.routes)
	r.Get("/healthz", answer("OK"))
	r.Route("/api/v2", func(r chi.Router) {
		r.Get("/buildinfo", answer(map[string]string{"version": "v0.0.0-example"}))
		r.Post("/debug/panic", func(http.ResponseWriter, *http.Request) { panic(errOnPurpose) })
		r = r.With(a.database.required)
		r.Get("/users", list(s, &s.users))
		r.Get("/users/{user}", get(s, &s.users, "user"))
		r.Get("/templates", list(s, &s.templates))
		r.Route("/workspaces", func(r chi.Router) {
			r.Get("/", list(s, &s.workspaces))
			r.Get("/{workspace}", get(s, &s.workspaces, "workspace"))
			r.Get("/{workspace}/watch", a.watchWorkspace)
			r.Post("/{workspace}/builds", a.postBuild)
		})
		r.Route("/workspaceagents", func(r chi.Router) {
			r.Get("/me/external-auth", a.agentExternalAuth)
			r.Get("/{agent}", get(s, &s.agents, "agent"))
			r.Get("/{agent}/rpc", a.agentRPC)
			r.Get("/{agent}/pty", a.agentPTY)
		})
	})
	// An app of a workspace answers every request.
	r.With(a.database.required).HandleFunc("/@{user}/{workspace}/apps/{app}/*", a.workspaceApp)
	return r
}

func (a *api) running(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.handlers.RLock()
		defer a.handlers.RUnlock()
		next.ServeHTTP(w, r)
	})
}

var errOnPurpose = errors.New("panicked on purpose")

// forgive answers 500 for an intentional panic, after the inner middleware has measured
// it. Other panics reach http.Server, which logs them.
func forgive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch reason := recover(); reason {
			case nil:
			case errOnPurpose:
				writeError(w, errOnPurpose)
			default:
				panic(reason)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// answer returns a handler with a constant response.
func answer(body any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, body) }
}

// list answers with a page of a table, at most 100 rows.
func list[T any](s *store, t *table[T]) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		limit, err := strconv.Atoi(r.FormValue("limit"))
		if err != nil {
			limit = 25
		}
		offset, _ := strconv.Atoi(r.FormValue("offset"))
		writeJSON(w, http.StatusOK, page(s, t, offset, min(limit, 100)))
	}
}

// get answers with the row whose ID is a parameter of the route.
func get[T any](s *store, t *table[T], parameter string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		row, err := find(s, t, chi.URLParam(r, parameter))
		if err != nil {
			writeError(w, err)
			return
		}
		writeJSON(w, http.StatusOK, row)
	}
}

// watchWorkspace streams the workspace as server-sent events, one each second, until the
// client disconnects.
func (a *api) watchWorkspace(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		workspace, err := find(a.store, &a.store.workspaces, chi.URLParam(r, "workspace"))
		if err != nil {
			writeError(w, err)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "event: data\ndata: ")
		json.NewEncoder(w).Encode(workspace)
		io.WriteString(w, "\n")
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		pause(r.Context(), time.Second)
	}
}

// actions lists the valid actions of a build.
var actions = map[string]meters.BuildAction{
	"start": meters.BuildStart, "stop": meters.BuildStop, "delete": meters.BuildDestroy,
}

// postBuild queues a build for the provisioner.
func (a *api) postBuild(w http.ResponseWriter, r *http.Request) {
	var body struct{ Transition string }
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&body)
	action, known := actions[body.Transition]
	if err != nil || !known {
		writeError(w, errBadBuild)
		return
	}
	build, err := a.provisioner.enqueue(chi.URLParam(r, "workspace"), action)
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusCreated, build)
}

// agentExternalAuth asks the OAuth2 provider whether a user's token is valid.
func (a *api) agentExternalAuth(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]bool{"authenticated": a.externalAuth.valid(r.Context())})
}

// agentPTY is a web terminal that echoes its input.
func (a *api) agentPTY(w http.ResponseWriter, r *http.Request) {
	if _, err := find(a.store, &a.store.agents, chi.URLParam(r, "agent")); err != nil {
		writeError(w, err)
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has written the response
	}
	defer conn.CloseNow()
	for {
		kind, typed, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		if err := conn.Write(r.Context(), kind, typed); err != nil {
			return
		}
	}
}

func (a *api) workspaceApp(w http.ResponseWriter, r *http.Request) {
	id := chi.URLParam(r, "workspace") + "." + chi.URLParam(r, "user")
	if err := a.store.openApp(id, chi.URLParam(r, "app")); err != nil {
		writeError(w, err)
		return
	}
	fmt.Fprintf(w, "%s of %s\n", chi.URLParam(r, "app"), id)
}

// site answers requests without a route: with an error below /api, and otherwise with
// the files of the front page.
func (a *api) site(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		writeError(w, errNotFound)
		return
	}
	a.front.ServeHTTP(w, r)
}

func writeError(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	switch err {
	case errNotFound:
		code = http.StatusNotFound
	case errBadBuild:
		code = http.StatusBadRequest
	case errBusy:
		code = http.StatusConflict
	case errQueueFull, errDown:
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, map[string]string{"message": err.Error()})
}

func writeJSON(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(body) // the client notices an error
}
