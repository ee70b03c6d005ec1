package coderdb_test

import (
	"context"
	"fmt"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/coderdb"
)

// A control plane serves the state of its database in the edition Coder: one option sets
// the edition of the database and the reporter, the other the edition of the endpoint.
func ExampleWithEdition() {
	ctx := context.Background()
	const url = "postgres://otelcoder:secret@127.0.0.1:1/coder"
	edition := coderdb.WithEdition(instrument.Coder)
	db, err := coderdb.Open(ctx, url, edition)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	reporter, err := coderdb.NewReporter(url, edition)
	if err != nil {
		fmt.Println(err)
		return
	}
	exporter, err := exporters.New(exporters.WithEdition(instrument.Coder), exporters.WithReporter(reporter.Reports))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer exporter.Shutdown(ctx)
	m, err := meters.New(exporter.Providers())
	if err != nil {
		fmt.Println(err)
		return
	}
	m.Poll(db.Sources())
	m.Go(reporter.Run)
	m.Go(func(ctx context.Context) { coderdb.Follow(ctx, db, reporter, m) })
	if err := m.Shutdown(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println(exporter.Providers().Edition)
	// Output: coder
}
