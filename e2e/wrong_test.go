package e2e_test

import (
	"io"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/coderd"
	"github.com/otelcoder/otelcoder/e2e/process"
	"github.com/otelcoder/otelcoder/e2e/prometheus"
)

// TestWrong breaks a part of the example, and checks that exactly the matching alert of
// the shipped rules fires, and that exactly the matching panels in the first row of the
// shipped dashboards change their colour.
func TestWrong(t *testing.T) {
	for name, test := range map[string]struct {
		breaks, repairs string   // buttons of the front page
		during          string   // button that is pressed in each step while the part is broken
		alert           string   // the only alert that fires
		panels          []string // panels of the first row that are orange or red
		also            []string // panels that may be orange or red
		within          int      // steps until the alert fires
	}{
		"an agent is killed": {
			"agents/main.dev.ada/break", "", "", "CoderAgentsLost", []string{"Alerts", "Agents lost"}, []string{"Share disconnected"}, 40,
		},
		"the database is stopped": {
			"database/stop", "database/start", "", "OtelcoderDatabaseDown", []string{"Alerts", "API errors", "Failing sources"}, []string{"Oldest data"}, 40,
		},
		"a template is broken": {
			// Builds are paced in real time: without the button, a simulated hour can have
			// too few of them.
			"templates/gpu/break", "", "workspaces/dev.dara/start", "CoderBuildsFailing", []string{"Alerts", "Failing templates, 1 h"}, nil, 40,
		},
		"a provider limits the rate": {
			"oauth2/use-up", "", "", "CoderOAuth2RateLimit", []string{"Alerts", "OAuth2 calls left"}, nil, 40,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, err := process.Root()
			if err != nil {
				t.Fatal(err)
			}
			// Every 25th workspace has a hostile agent, so that 24 have none.
			c := program.Start(t, "--load", "0", "--workspaces", "24")
			lapse := prometheus.StartLapse(t, c.Metrics+"metrics", filepath.Join(root, "examples/prometheus/rules/*.yaml"))
			row := firstRow(t, root)
			step := func() []string {
				t.Helper()
				for range 5 {
					press(t, http.MethodGet, c.API+"api/v2/users", c)
				}
				return lapse.Step(t)
			}

			for range 20 {
				if firing := step(); len(firing) > 0 {
					t.Fatalf("before the failure: got firing alerts %q, want none", firing)
				}
			}
			if bad := coloured(t, lapse, row); len(bad) > 0 {
				t.Errorf("before the failure: got orange or red panels %q, want none", bad)
			}

			press(t, http.MethodPost, c.API+"front/"+test.breaks, c)
			only := func(firing []string) bool {
				t.Helper()
				if len(firing) > 0 && !slices.Equal(firing, []string{test.alert}) {
					t.Fatalf("got firing alerts %q, want only %s", firing, test.alert)
				}
				return len(firing) > 0
			}
			broken := func() []string {
				t.Helper()
				if test.during != "" {
					press(t, http.MethodPost, c.API+"front/"+test.during, c)
				}
				return step()
			}
			fired := 0
			for n := 0; fired == 0; n++ {
				if n == test.within {
					t.Fatalf("%s does not fire within %v\n%v", test.alert, time.Duration(test.within)*prometheus.LapseStep, lapse.Query(t, `ALERTS`))
				}
				if only(broken()) {
					fired = n
				}
			}
			for range 20 {
				only(broken())
			}
			bad := coloured(t, lapse, row)
			for _, panel := range test.panels {
				if !slices.Contains(bad, panel) {
					t.Errorf("panel %s is not orange or red", panel)
				}
			}
			for _, panel := range bad {
				if !slices.Contains(append(test.panels, test.also...), panel) {
					t.Errorf("panel %s is orange or red", panel)
				}
			}
			if got := lapse.Query(t, `count(ALERTS{alertstate="firing",alertname="`+test.alert+`"})`); len(got) != 1 || got[0].F != 1 {
				t.Errorf("alert %s: got %v, want one series", test.alert, got)
			}
			if test.repairs == "" {
				return
			}

			press(t, http.MethodPost, c.API+"front/"+test.repairs, c)
			for n := 0; only(step()); n++ {
				if n == test.within {
					t.Fatalf("%s still fires", test.alert)
				}
			}
			for range 30 {
				if firing := step(); len(firing) > 0 {
					t.Fatalf("after the repair: got firing alerts %q, want none", firing)
				}
			}
			if bad := coloured(t, lapse, row); len(bad) > 0 {
				t.Errorf("after the repair: got orange or red panels %q, want none", bad)
			}
		})
	}
}

// press makes a request to the example, as a button of its front page does.
func press(t *testing.T, method, url string, c *coderd.Coderd) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", strings.TrimSuffix(c.API, "/"))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode >= 400 && method == http.MethodPost {
		t.Fatalf("%s: status %d: %v", url, response.StatusCode, err)
	}
}

// firstRow returns the queries of the first rows of all dashboards. They differ only in
// their filters.
func firstRow(t *testing.T, root string) []e2e.Query {
	t.Helper()
	row := slices.DeleteFunc(e2e.Queries(t, root), func(q e2e.Query) bool { return !q.First })
	if len(row) < 30 {
		t.Fatalf("got %d queries in the first rows, want at least 30", len(row))
	}
	return row
}

// coloured returns the titles of the panels that are orange or red, each once. It fails
// the test if the table of alerts does not list every firing alert.
func coloured(t *testing.T, lapse *prometheus.Lapse, row []e2e.Query) (titles []string) {
	t.Helper()
	for _, q := range row {
		expression := variables.Replace(q.Expr)
		result := lapse.Query(t, expression)
		if q.Panel == "Firing alerts" {
			if firing := lapse.Query(t, `ALERTS{alertstate="firing"}`); len(result) != len(firing) {
				t.Errorf("%s: got %d listed alerts, want %d", q.Dashboard, len(result), len(firing))
			}
		}
		for _, s := range result {
			if colour := q.Colour(s.F); !math.IsNaN(s.F) && (colour == "orange" || colour == "red") && !slices.Contains(titles, q.Panel) {
				titles = append(titles, q.Panel)
				t.Logf("%s is %s: %s is %v", q.Panel, colour, expression, s.F)
			}
		}
	}
	return titles
}
