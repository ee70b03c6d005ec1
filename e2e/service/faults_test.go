package service_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/answer"
	"github.com/otelcoder/otelcoder/e2e/invariant"
	"github.com/otelcoder/otelcoder/e2e/service"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// faultTime limits the time until a fault shows and until it is over. It is long enough
// for a loaded machine.
const faultTime = time.Minute

// watched is a service that is scraped continuously. The scrapes are timed.
type watched struct {
	*service.Service
	t     *testing.T
	timer answer.Timer

	mu    sync.Mutex
	last  string   // the newest response
	wrong []string // failures of scrapes
}

func watch(t *testing.T, s *service.Service) *watched {
	w := &watched{Service: s, t: t}
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				w.scrape()
			}
		}
	})
	t.Cleanup(func() {
		close(stop)
		watching.Wait()
		t.Log(&w.timer)
		for _, wrong := range w.wrong {
			t.Error(wrong)
		}
	})
	return w
}

// scrape scrapes once and keeps the response.
func (w *watched) scrape() {
	a, err := w.timer.Get(w.Metrics + "metrics")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = string(a.Body)
	switch {
	case err != nil:
		w.wrong = append(w.wrong, err.Error())
	case !w.has("go_goroutines "):
		w.wrong = append(w.wrong, "no go_goroutines in the scrape: "+w.last)
	}
}

// has reports whether the newest response has a line that begins with the text.
func (w *watched) has(line string) bool { return strings.Contains(w.last, "\n"+line) }

// until waits until each of the texts begins a line of the newest response. A text after
// "no " must not begin a line.
func (w *watched) until(what string, lines ...string) {
	w.t.Helper()
	missing := ""
	for deadline := time.Now().Add(faultTime); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		missing = ""
		w.mu.Lock()
		for _, line := range lines {
			if unwanted, no := strings.CutPrefix(line, "no "); w.has(unwanted) == no {
				missing = line
			}
		}
		w.mu.Unlock()
		if missing == "" {
			return
		}
	}
	w.t.Fatalf("%s: not served within %v: %s", what, faultTime, missing)
}

// logs waits until the log has a text after its first n bytes.
func (w *watched) logs(n int, text string) {
	w.t.Helper()
	for deadline := time.Now().Add(faultTime); !strings.Contains(w.Log()[n:], text); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("no %q in the log within %v", text, faultTime)
		}
	}
}

// alive are lines of a service that reads the deployment and reports it.
var alive = []string{`coderd_agents_up{`, `coderd_api_active_users_duration_hour 1`, `otelcoder_source_up{source="agents"} 1`, `otelcoder_reporter 1`}

// withdrawn are lines of a service that has not read the deployment for long.
var withdrawn = []string{`no coderd_agents_up{`, `no coderd_api_active_users_duration_hour`, `otelcoder_source_up{source="agents"} 0`,
	`otelcoder_source_series{source="agents"} 0`, `otelcoder_reporter 0`}

// TestFaults puts a database through faults, one after the other. Throughout, each scrape
// gets a response in time and the health endpoint returns 200. The log reports each
// fault, its series are withdrawn, and the service recovers automatically. The test does
// not run in parallel, because it measures times.
func TestFaults(t *testing.T) {
	server := pgtest.Start(t)
	db := server.Database(t)
	service.Deployment(t, db)
	address := db.Role(t, grants)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	role := u.User.Username()
	password, _ := u.User.Password()

	server.Stop(t)
	w := watch(t, otelcoder.Start(t, address, "--interval", "1s", "--insights-interval", "1s"))
	t.Cleanup(func() {
		if log := w.Log(); strings.Contains(log, password) || strings.Contains(log, url.QueryEscape(password)) {
			t.Error("the log shows the password")
		}
	})
	var sound *invariant.Scrape
	for _, fault := range []struct {
		name   string
		begin  func()
		shows  []string
		says   string
		remedy func()
	}{
		{
			name: "refusing at the start", begin: func() {}, remedy: func() { server.Restart(t) },
			shows: []string{`otelcoder_source_up{source="agents"} 0`, `otelcoder_reporter 0`}, says: "failed to connect",
		},
		{
			name: "frozen", begin: func() { server.Freeze(t) }, remedy: func() { server.Thaw(t) },
			shows: withdrawn, says: "the database has not answered within 1s",
		},
		{
			name: "stopped", begin: func() { server.Stop(t) }, remedy: func() { server.Restart(t) },
			shows: withdrawn, says: "failed to connect",
		},
		{
			name:  "replaced by an empty one",
			begin: func() { db.Empty(t) },
			remedy: func() {
				service.Deployment(t, db)
				db.Exec(t, coderschema.Grants(instrument.Documented, role))
			},
			shows: []string{`no coderd_agents_up{`, `otelcoder_source_up{source="agents"} 0`, `otelcoder_source_series{source="agents"} 0`},
			says:  "is this the database of a Coder deployment",
		},
		{
			name: "wrong password",
			begin: func() {
				db.Exec(t, "ALTER ROLE "+role+" PASSWORD 'another'")
				db.Disconnect(t)
			},
			remedy: func() { db.Exec(t, "ALTER ROLE "+role+" PASSWORD '"+password+"'") },
			shows:  withdrawn, says: "password authentication failed",
		},
		{
			name:   "missing table",
			begin:  func() { db.Exec(t, "ALTER TABLE api_keys RENAME TO elsewhere") },
			remedy: func() { db.Exec(t, "ALTER TABLE elsewhere RENAME TO api_keys") },
			shows: []string{`coderd_agents_up{`, `no coderd_api_active_users_duration_hour`, `otelcoder_source_up{source="agents"} 1`,
				`otelcoder_source_up{source="active_users"} 0`, `otelcoder_reporter 1`},
			says: `relation \"api_keys\" does not exist`,
		},
	} {
		logged := len(w.Log())
		began := time.Now()
		fault.begin()
		w.until(fault.name, fault.shows...)
		if fault.name != "refusing at the start" {
			w.logs(logged, fault.says)
		} else {
			w.logs(0, fault.says)
		}
		response, err := once.Get(w.Health)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: got health status %s, want 200", fault.name, response.Status)
		}
		sound = w.checked("the begin of "+fault.name, sound)
		shown := time.Since(began)
		fault.remedy()
		w.until("after: "+fault.name, alive...)
		sound = w.checked(fault.name, sound)
		t.Logf("%s: shown after %.1f s, over after %.1f s", fault.name, shown.Seconds(), time.Since(began).Seconds()-shown.Seconds())
	}
}

// checked returns the newest response after checking it, also against an earlier one
// if that is not nil.
func (w *watched) checked(after string, earlier *invariant.Scrape) *invariant.Scrape {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	scrape, err := invariant.Parse("text/plain; version=0.0.4", []byte(w.last))
	if err != nil {
		w.t.Fatalf("after: %s: %v", after, err)
	}
	if err := scrape.Check(e2e.Served()); err != nil {
		w.t.Errorf("after: %s: %v", after, err)
	}
	if earlier != nil {
		if err := scrape.CheckSince(earlier, e2e.Served()); err != nil {
			w.t.Errorf("after: %s: %v", after, err)
		}
	}
	return scrape
}

// TestSilentDatabase starts the service at a database that accepts connections but sends
// no response.
func TestSilentDatabase(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	db := server.Database(t)
	service.Deployment(t, db)
	proxy := pgtest.NewProxy(t, db.Role(t, grants))
	speak := proxy.Silence()
	t.Cleanup(speak)
	w := watch(t, otelcoder.Start(t, proxy.URL, "--interval", "1s"))
	w.logs(0, "the database has not answered within 1s")
	w.until("silent", `otelcoder_source_up{source="agents"} 0`, `no coderd_agents_up{`, `otelcoder_reporter 0`)
	speak()
	w.until("it speaks", alive...)
}
