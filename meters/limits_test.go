package meters

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func TestLabelText(t *testing.T) {
	for _, test := range []struct {
		text, want string
		cuts       int
	}{
		{"", "", 0},
		{"0123456789", "0123456789", 0},
		{"01234567890", "0123456…", 1},
		{"a\xffb\x00cde", "a\uFFFDb…", 1}, // 11 bytes after sanitizing
		{"ééééé", "ééééé", 0},
		{"éééééé", "ééé…", 1},
		{"🦀🦀🦀", "🦀…", 1},
	} {
		cuts := 0
		text := config{maxLabelLength: 10}.labelText(func() { cuts++ })
		if got := text(test.text); got != test.want || cuts != test.cuts {
			t.Errorf("%q: got %q after %d cuts, want %q after %d", test.text, got, cuts, test.want, test.cuts)
		}
	}
}

// FuzzLabelText checks that label values are valid text within the limit, and that valid
// text within the limit is unchanged.
func FuzzLabelText(f *testing.F) {
	for _, s := range []string{"", "dev", "a\nb", "\x00", "\xff", "\xf0\x9f\xa6", "🦀🦀🦀🦀🦀", strings.Repeat("long", 10)} {
		f.Add(s, 16)
	}
	f.Add("🦀", 1)
	f.Fuzz(func(t *testing.T, s string, longest int) {
		longest = max(longest, len(ellipsis))
		cut := false
		got := config{maxLabelLength: longest}.labelText(func() { cut = true })(s)
		if !utf8.ValidString(got) || strings.Contains(got, "\x00") || len(got) > longest {
			t.Errorf("%q: got %q, want valid text of at most %d bytes", s, got, longest)
		}
		if clean := utf8.ValidString(s) && !strings.Contains(s, "\x00"); clean && len(s) <= longest && got != s {
			t.Errorf("%q: got %q, want it unchanged", s, got)
		}
		if cut != strings.HasSuffix(got, ellipsis) && !strings.Contains(s, ellipsis) {
			t.Errorf("%q: got %q, cut %v, want %v", s, got, cut, !cut)
		}
	})
}

// TestLongNames checks that label values which are equal after truncation share one series,
// and that the truncation is counted and logged.
func TestLongNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, log := meterstest.NewReader(t), new(log)
		long := strings.Repeat("x", 30)
		poll(t, m, Sources{Agents: agentsFunc(answers([]Workspace{
			{Name: long + "a", Username: "ada", Template: "docker"}, {Name: long + "b", Username: "ada", Template: "docker"},
			{Name: "dev", Username: "ada", Template: "docker"},
		}))}, WithMaxLabelLength(20), log.option())
		m.Expect(t, `# TYPE coderd_agents_up gauge
coderd_agents_up{template_name="docker",username="ada",workspace_name="dev"} 0
coderd_agents_up{template_name="docker",username="ada",workspace_name="xxxxxxxxxxxxxxxxx…"} 0
`, instrument.AgentsUp)
		wantValue(t, m, `otelcoder_refused_total{origin="source",reason="length"}`, 2)
		log.want(t, `level=WARN msg="left out of the metrics, and counted in otelcoder_refused_total" origin=source reason=length total=1`)
	})
}

// TestTooManySeries checks that beyond the limit the same series are kept each time, other
// families are complete, and the series left out are counted, and logged once an hour.
func TestTooManySeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, log := meterstest.NewReader(t), new(log)
		var workspaces []Workspace
		for i := range 5 {
			workspaces = append(workspaces, Workspace{Name: fmt.Sprint("w", i), Username: "ada", Template: "docker", Agents: []Agent{{
				Name: "main", Status: AgentConnected, Lifecycle: LifecycleReady,
				Apps: []AgentApp{{DisplayName: fmt.Sprint("app", i), Health: AppHealthy}},
			}}})
		}
		poll(t, m, Sources{Agents: agentsFunc(answers(workspaces))}, WithMaxSeries(2, instrument.AgentsApps), log.option())
		for range 60 {
			m.Expect(t, `# TYPE coderd_agents_apps gauge
coderd_agents_apps{agent_name="main",app_name="app0",health="healthy",username="ada",workspace_name="w0"} 1
coderd_agents_apps{agent_name="main",app_name="app1",health="healthy",username="ada",workspace_name="w1"} 1
`, instrument.AgentsApps)
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		wantValue(t, m, `otelcoder_source_series{source="agents"}`, 12)
		wantValue(t, m, `otelcoder_refused_total{origin="source",reason="limit"}`, 183)
		log.want(t, `level=WARN msg="left out of the metrics, and counted in otelcoder_refused_total" origin=source reason=limit total=3`,
			`level=WARN msg="left out of the metrics, and counted in otelcoder_refused_total" origin=source reason=limit total=183`)
	})
}

// FuzzAggregateBy checks that a list other than a set of documented labels returns an error
// of one line.
func FuzzAggregateBy(f *testing.F) {
	for _, s := range []string{"agent_name,template_name,username,workspace_name", "username", "", ",", "username,username", " username , agent_name ", "success", "\xff", strings.Repeat("username,", 1000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		labels, err := ParseAggregateBy(s)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "cannot aggregate by ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: unclear or multi-line error: %v", s, err)
			}
			return
		}
		if len(labels) == 0 || len(labels) > 4 {
			t.Errorf("%q: got %d labels, want 1 to 4", s, len(labels))
		}
	})
}

// TestLimitsPage compares docs/limits.md with the defaults.
func TestLimitsPage(t *testing.T) {
	page, err := os.ReadFile("../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	c, err := newConfig(instrument.Documented, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		fmt.Sprintf("| %s bytes", number(c.maxLabelLength)),
		fmt.Sprintf("| %s routes", number(c.maxPaths)),
		fmt.Sprintf("| %s series", number(c.maxSeries(instrument.WorkspaceBuilds))),
		fmt.Sprintf("| %s series of each", number(c.maxSeries(instrument.AgentScriptsExecuted))),
		fmt.Sprintf("| %s series", number(c.maxSeries(instrument.OAuth2Requests))),
		fmt.Sprintf("| %d providers, %d resources each", maxRateLimitProviders, c.maxSeries(instrument.OAuth2RateLimitTotal)/maxRateLimitProviders),
		fmt.Sprintf("| %s series", number(c.maxSeries(instrument.WorkspaceBuildsEnqueued))),
		fmt.Sprintf("| %s label sets", number(c.maxSeries(instrument.ProvisionerJobQueueWait))),
		fmt.Sprintf("| %s label sets of each", number(c.maxSeries(instrument.TemplateBuildDuration))),
		fmt.Sprintf("| %s series of each", number(c.maxSeries(instrument.AgentsUp))),
	} {
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/limits.md has no cell %q", row)
		}
	}
}

// number formats a number with commas, like docs/limits.md.
func number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
