package meters

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func testScripts(t *testing.T, options ...Option) (*meterstest.Reader, *Scripts) {
	t.Helper()
	m, meters := newMeters(t, options...)
	return m, meters.Scripts()
}

// someScripts returns the exposition of anAgent with these counts.
func someScripts(failed, succeeded int) string {
	return fmt.Sprintf(`# TYPE agent_scripts_executed_total counter
agent_scripts_executed_total{agent_name="main",success="false",template_name="docker",username="alice",workspace_name="dev"} %d
agent_scripts_executed_total{agent_name="main",success="true",template_name="docker",username="alice",workspace_name="dev"} %d
`, failed, succeeded)
}

func TestScripts(t *testing.T) {
	m, s := testScripts(t)
	m.Expect(t, "", instrument.AgentScriptsExecuted)
	s.Executed(anAgent, true)
	m.Expect(t, someScripts(0, 1), instrument.AgentScriptsExecuted)
	s.Executed(anAgent, false)
	s.Executed(anAgent, true)
	m.Expect(t, someScripts(1, 2), instrument.AgentScriptsExecuted)

	s.Executed(ForwardingAgent{"bob", "\xff\x00", "main", "docker"}, false) // invalid UTF-8 and NUL
	m.Expect(t, `# TYPE agent_scripts_executed_total counter
agent_scripts_executed_total{agent_name="main",success="false",template_name="docker",username="alice",workspace_name="dev"} 1
agent_scripts_executed_total{agent_name="main",success="false",template_name="docker",username="bob",workspace_name="��"} 1
agent_scripts_executed_total{agent_name="main",success="true",template_name="docker",username="alice",workspace_name="dev"} 2
agent_scripts_executed_total{agent_name="main",success="true",template_name="docker",username="bob",workspace_name="��"} 0
`, instrument.AgentScriptsExecuted)
}

func TestScriptsAggregate(t *testing.T) {
	m, s := testScripts(t, WithAggregateBy(LabelUsername))
	s.Executed(anAgent, true)
	another := anAgent
	another.WorkspaceName, another.AgentName, another.TemplateName = "prod", "side", "k8s"
	s.Executed(another, true)
	s.Executed(another, false)
	another.Username = "bob"
	s.Executed(another, true)
	m.Expect(t, `# TYPE agent_scripts_executed_total counter
agent_scripts_executed_total{success="false",username="alice"} 1
agent_scripts_executed_total{success="false",username="bob"} 0
agent_scripts_executed_total{success="true",username="alice"} 2
agent_scripts_executed_total{success="true",username="bob"} 1
`, instrument.AgentScriptsExecuted)
}

func TestScriptsForgetAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := testScripts(t)
		s.Executed(anAgent, true)
		time.Sleep(23 * time.Hour)
		s.Executed(anAgent, false)
		time.Sleep(24*time.Hour - time.Nanosecond)
		m.Expect(t, someScripts(1, 1), instrument.AgentScriptsExecuted)
		time.Sleep(time.Nanosecond)
		m.Expect(t, "", instrument.AgentScriptsExecuted)
		s.Executed(anAgent, false)
		m.Expect(t, someScripts(1, 0), instrument.AgentScriptsExecuted)
		time.Sleep(24 * time.Hour) // expiry needs no timer
	})
}

func TestScriptsAnnounceChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := testScripts(t)
		for range 2 {
			s.Executed(anAgent, true)
			wantAnnounced(t, m, true)
		}
		time.Sleep(24*time.Hour - time.Nanosecond)
		wantAnnounced(t, m, false)
		time.Sleep(time.Nanosecond)
		wantAnnounced(t, m, true) // expired
	})
}

func TestScriptsAreBounded(t *testing.T) {
	log := new(log)
	m, s := testScripts(t, log.option())
	for i := range 100_002 {
		s.Executed(ForwardingAgent{AgentName: fmt.Sprint(i)}, true)
	}
	if series, _ := s.snapshot(); len(series) != 100_000 {
		t.Errorf("got %d agents of two series each, want 100000", len(series))
	}
	log.want(t, `level=WARN msg="left out of the metrics, and counted in otelcoder_refused_total" origin=scripts reason=limit total=1`)

	s.series.size = 1 // a scrape of all series takes seconds
	for range 99_999 {
		s.series.drop(s.series.order.Front())
	}
	s.Executed(anAgent, false)
	m.Expect(t, someScripts(1, 0), instrument.AgentScriptsExecuted)
	m.Expect(t, `# TYPE otelcoder_refused_total counter
otelcoder_refused_total{origin="scripts",reason="length"} 0
otelcoder_refused_total{origin="scripts",reason="limit"} 3
`, instrument.HealthRefused)
}

func TestScriptsAtOnce(t *testing.T) {
	m, s := testScripts(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 100 {
				s.Executed(anAgent, i%2 == 0)
			}
		})
	}
	for range 10 {
		m.Text(t, instrument.AgentScriptsExecuted)
	}
	wg.Wait()
	m.Expect(t, someScripts(400, 400), instrument.AgentScriptsExecuted)
}
