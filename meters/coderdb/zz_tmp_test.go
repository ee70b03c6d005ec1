package coderdb

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/coderversions"
)

func TestZZ(t *testing.T) {
	d, _ := newCoder(t, coderversions.Newest(), presetSQL, agentSQL)
	d.Exec(t, `
INSERT INTO workspaces (id, owner_id, template_id, name) SELECT u(100000+n), u(1), u(11), 'w'||n FROM generate_series(1,20000) n;
INSERT INTO provisioner_jobs (id, type, provisioner, worker_id, created_at, started_at, completed_at, input, tags)
 SELECT u(1000000+n), 'workspace_build','terraform', u(1), noon(-n*30), noon(-n*30+1), noon(-n*30+60), '{"a":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}', '{"scope":"organization","owner":""}' FROM generate_series(1,500000) n;
INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, reason, initiator_id, job_id)
 SELECT u(1000000+n), noon(-n*30), u(100000+n%20000+1), u(21), 100-n/20000, CASE WHEN n%2=0 THEN 'start' ELSE 'stop' END::workspace_transition, 'initiator', u(1), u(1000000+n) FROM generate_series(1,500000) n;
INSERT INTO workspace_resources (id, job_id) SELECT u(1000000+n), u(1000000+n) FROM generate_series(2,500000,2) n;
INSERT INTO workspace_agents (id, resource_id, name, created_at, first_connected_at, ready_at, lifecycle_state) SELECT u(1000000+n), u(1000000+n), 'main', noon(-n*30+60), noon(-n*30+70), noon(-n*30+80), 'ready' FROM generate_series(2,500000,2) n;
ANALYZE`)
	conn, err := pgx.Connect(t.Context(), d.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := newOptions([]Option{WithEdition(instrument.Coder)})
	lacks := coderschema.Lacks{}
	explain := func(name, sql string, args ...any) {
		began := time.Now()
		rows, err := conn.Query(t.Context(), "EXPLAIN (ANALYZE, COSTS OFF) "+sql, args...)
		if err != nil {
			t.Fatal(name, err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		fmt.Println("=====", name, time.Since(began), err)
		for _, l := range lines {
			fmt.Println(l)
		}
	}
	after := noon.Add(-300 * time.Second)
	for range 2 {
		explain("documented", jobsSQL(lacks, true), after, []id{}, maxEvents, nil)
		explain("coder", c.jobEventsSQL(lacks, true), after, []string{}, maxEvents, nil, []id{})
	}
	explain("coder index", c.jobEventsSQL(lacks, false), after, []string{}, maxEvents, nil, []id{}, []id{})
	for range 2 {
		explain("agents", agentEventsSQL(lacks), after, []string{}, []id{}, []time.Time{}, maxEvents, nil)
	}
	explain("ready", readySQL(lacks), maxReady)
}
