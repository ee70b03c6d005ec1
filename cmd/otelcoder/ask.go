package main

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/coderdb"
)

// answer is the outcome of one collection of a source.
type answer struct {
	source string                    // the value of the label source
	series map[instrument.Family]int // number of series of every family of the source
	took   time.Duration
	err    error
}

// ask polls each source once, one after the other. It returns an error if an option is
// invalid or ctx has ended.
func ask(ctx context.Context, s meters.Sources, options []meters.Option) ([]answer, error) {
	var answers []answer
	for _, one := range []meters.Sources{
		{ActiveUsers: s.ActiveUsers},
		{LatestBuilds: s.LatestBuilds},
		{Agents: s.Agents},
		{AgentStats: s.AgentStats},
		{Insights: s.Insights},
		{License: s.License},
		{Jobs: s.Jobs},
		{Users: s.Users},
		{Daemons: s.Daemons},
		{Prebuilds: s.Prebuilds},
		{Creations: s.Creations},
	} {
		if one == (meters.Sources{}) {
			continue
		}
		one.Edition = s.Edition
		a, err := askOne(ctx, one, options)
		if err != nil {
			return nil, err
		}
		answers = append(answers, a)
	}
	return answers, nil
}

func askOne(ctx context.Context, one meters.Sources, options []meters.Option) (answer, error) {
	first := make(chan answer, 1)
	collected := func(source string, series map[instrument.Family]int, took time.Duration, err error) {
		select {
		case first <- answer{source, series, took, err}:
		default: // a retry after a failure
		}
	}
	m, err := meters.New(instrument.Providers{Edition: one.Edition}, append(slices.Clip(options), meters.WithCollected(collected))...)
	if err != nil {
		return answer{}, err
	}
	defer m.Shutdown(ctx)
	m.Poll(one)
	select {
	case a := <-first:
		return a, nil
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
}

// eventSource is the name of the events in the list of sources.
const eventSource = "events"

// askEvents reads the events once. It reports 0 series for each of their families that
// the edition has, since counters start when a process begins to report.
func askEvents(ctx context.Context, e instrument.Edition, db *coderdb.DB) answer {
	series := map[instrument.Family]int{
		instrument.AgentScriptsExecuted:           0,
		instrument.AgentsFirstConnection:          0,
		instrument.PrebuiltWorkspaceClaimDuration: 0,
		instrument.ProvisionerJobQueueWait:        0,
		instrument.ProvisionerdJobTimings:         0,
		instrument.TemplateBuildDuration:          0,
		instrument.WorkspaceBuildTimings:          0,
		instrument.WorkspaceBuilds:                0,
		instrument.WorkspaceBuildsEnqueued:        0,
		instrument.WorkspaceCreationDuration:      0,
	}
	maps.DeleteFunc(series, func(f instrument.Family, _ int) bool { return !e.Has(f) })
	began := time.Now()
	err := db.CheckEvents(ctx)
	return answer{eventSource, series, time.Since(began), err}
}
