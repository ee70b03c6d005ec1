package coderdb

import (
	"context"
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// TestFollowOfTheOtherEdition checks that Follow sends no queries, and reports the source of
// events as failing, if the editions of the database and the meters differ.
func TestFollowOfTheOtherEdition(t *testing.T) {
	var l log
	var sent queries
	m := meterstest.NewReaderOf(t, instrument.Coder)
	_, url := newDatabase(t, "schema.sql")
	db := open(t, url, l.option(), traced(&sent))
	meters := newMeters(t, m.Providers())
	meters.Go(func(ctx context.Context) { Follow(ctx, db, Alone{}, meters) })
	l.await(t, `msg="the events cannot be followed" error="the database is read for the edition documented, and the meter providers are of the edition coder: `+
		`pass coderdb.WithEdition and exporters.WithEdition the same edition"`)
	if up, ok := m.Samples(t)[`otelcoder_source_up{source="events"}`]; up != 0 || !ok {
		t.Errorf("got up %v, exists %t; want 0, true", up, ok)
	}
	if n := sent.n.Load(); n > 0 {
		t.Errorf("got %d queries, want 0", n)
	}
}

// TestLatestBuildsOfEditions checks that both editions count the same workspaces, also if
// the rows of their templates, versions or owners are missing.
func TestLatestBuildsOfEditions(t *testing.T) {
	d, url := newDatabaseOf(t, instrument.Coder, "schema.sql", "fleet.sql", "coder.sql")
	count := func(e instrument.Edition) (workspaces int) {
		t.Helper()
		rows, err := open(t, url, WithEdition(e)).Sources().LatestBuilds.LatestBuilds(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			workspaces += row.Workspaces
		}
		return workspaces
	}
	for _, table := range []string{"template_versions", "templates", "users"} {
		d.Exec(t, "DELETE FROM "+table)
		if documented, coder := count(instrument.Documented), count(instrument.Coder); coder != documented || coder == 0 {
			t.Errorf("without %s: got %d workspaces in the edition Coder, want %d as in Documented", table, coder, documented)
		}
	}
}
