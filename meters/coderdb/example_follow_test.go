package coderdb_test

import (
	"context"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel/metric/noop"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/coderdb"
)

func ExampleFollow() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	const url = "postgres://otelcoder:secret@127.0.0.1:1/coder"
	db, err := coderdb.Open(ctx, url)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	// Its method Reports is for exporters.WithReporter.
	reporter, err := coderdb.NewReporter(url)
	if err != nil {
		fmt.Println(err)
		return
	}

	// The providers are those of package exporters.
	none := noop.NewMeterProvider()
	providers := instrument.Providers{Deployment: none, Workspaces: none, Process: none}
	builds, err := meters.NewBuilds(providers)
	if err != nil {
		fmt.Println(err)
		return
	}

	var running sync.WaitGroup
	running.Go(func() { reporter.Run(ctx) })
	running.Go(func() { coderdb.Follow(ctx, db, reporter, coderdb.Recorders{Builds: builds}) })
	stop()
	running.Wait()
	fmt.Println(reporter.Reports())
	// Output: false
}
