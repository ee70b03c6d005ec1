package coderdb_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/metric/noop"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/coderdb"
)

func ExampleFollow() {
	ctx := context.Background()
	const url = "postgres://otelcoder:secret@127.0.0.1:1/coder"
	db, err := coderdb.Open(ctx, url)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	// Pass the method reporter.Reports to exporters.WithReporter.
	reporter, err := coderdb.NewReporter(url)
	if err != nil {
		fmt.Println(err)
		return
	}

	// In a program, the providers come from package exporters.
	none := noop.NewMeterProvider()
	providers := instrument.Providers{Deployment: none, Workspaces: none, Process: none}
	m, err := meters.New(providers)
	if err != nil {
		fmt.Println(err)
		return
	}
	m.Go(reporter.Run)
	m.Go(func(ctx context.Context) { coderdb.Follow(ctx, db, reporter, m) })
	if err := m.Shutdown(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println(reporter.Reports())
	// Output: false
}
