package coderdb

import (
	"context"
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// TestFollowOfTheOtherEdition: a database that is read for another edition than that of
// the meters is not asked for events, and the source counts as failing.
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
		t.Errorf("up %v, asked %t; want 0", up, ok)
	}
	if n := sent.n.Load(); n > 0 {
		t.Errorf("%d queries", n)
	}
}
