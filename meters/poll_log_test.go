package meters

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// failing returns err if it is set, otherwise 7 users, after 250 ms.
type failing struct{ err variable[error] }

func (f *failing) ActiveUsers(context.Context) (int, error) {
	time.Sleep(250 * time.Millisecond)
	return 7, f.err.get()
}

// fleet is an AgentsSource that returns itself.
type fleet []Workspace

func (f fleet) Agents(context.Context) ([]Workspace, error) { return f, nil }

// TestPollLogsCollections checks that each collection is logged at level DEBUG.
func TestPollLogsCollections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		var users failing
		region := RegionLatency{Region: "Oslo", Seconds: 0.1}
		workspace := Workspace{Name: "dev", Agents: []Agent{
			{Name: "main", Status: AgentConnected, Lifecycle: LifecycleReady, Latencies: []RegionLatency{region, region}},
		}}
		poll(t, meterstest.NewReader(t), Sources{
			ActiveUsers: &users,
			Agents:      fleet{workspace},
		}, WithLogger(l.LoggerAt(slog.LevelDebug)))
		time.Sleep(30 * time.Second)
		l.want(t,
			`level=DEBUG msg=collected source=agents rows=4 series=3 duration=0s`,
			`level=DEBUG msg=collected source=active_users rows=1 series=1 duration=250ms`,
		)
		users.err.set(errors.New("connection refused"))
		time.Sleep(time.Minute)
		l.want(t,
			`level=DEBUG msg=collected source=agents rows=4 series=3 duration=0s`,
			`level=DEBUG msg="not collected" source=active_users error="connection refused" duration=250ms`,
			`level=WARN msg="source fails" source=active_users error="connection refused"`,
			`level=DEBUG msg="not collected" source=active_users error="connection refused" duration=250ms`,
			`level=DEBUG msg="not collected" source=active_users error="connection refused" duration=250ms`,
			`level=DEBUG msg="not collected" source=active_users error="connection refused" duration=250ms`,
			`level=DEBUG msg="not collected" source=active_users error="connection refused" duration=250ms`,
		)
	})
}

// TestPollLogsAnotherError checks that a different error of a failing source is logged, at a
// limited rate.
func TestPollLogsAnotherError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		var users failing
		poll(t, meterstest.NewReader(t), Sources{ActiveUsers: &users}, WithInterval(time.Second), l.option())
		for _, cause := range []string{"connection refused", "starting up", "connection refused"} {
			users.err.set(errors.New(cause))
			time.Sleep(10 * time.Second)
		}
		users.err.set(nil)
		time.Sleep(10 * time.Second)
		l.want(t,
			`level=WARN msg="source fails" source=active_users error="connection refused"`,
			`level=WARN msg="source fails" source=active_users error="starting up"`,
			`level=INFO msg="source recovered" source=active_users`,
		)
	})
}

// TestPollLoggedError checks that failures which the source has already logged are logged
// only at level DEBUG.
func TestPollLoggedError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		var users failing
		m := meterstest.NewReader(t)
		poll(t, m, Sources{ActiveUsers: &users}, l.option())
		users.err.set(fmt.Errorf("read active users: %w", &LoggedError{errors.New("connection refused")}))
		time.Sleep(2 * time.Minute)
		wantValue(t, m, `otelcoder_source_up{source="active_users"}`, 0)
		l.want(t)
		users.err.set(fmt.Errorf("read active users: permission denied"))
		time.Sleep(2 * time.Minute)
		l.want(t, `level=WARN msg="source fails" source=active_users error="read active users: permission denied"`)
		users.err.set(nil)
		time.Sleep(2 * time.Minute)
		l.want(t, `level=INFO msg="source recovered" source=active_users`)
	})
}
