package coderdb_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/metric/noop"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/coderdb"
)

func Example() {
	ctx := context.Background()

	// The database need not be reachable: without it the series are missing, and the
	// health families report the failure.
	db, err := coderdb.Open(ctx, "postgres://otelcoder:secret@127.0.0.1:1/coder",
		coderdb.WithRegionNames(map[int]string{1: "Frankfurt"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	// In a program, the providers come from package exporters.
	none := noop.NewMeterProvider()
	providers := instrument.Providers{Deployment: none, Workspaces: none, Process: none}
	m, err := meters.New(providers)
	if err != nil {
		fmt.Println(err)
		return
	}
	m.Poll(db.Sources())
	if err := m.Shutdown(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
}
