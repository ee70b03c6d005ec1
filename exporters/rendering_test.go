package exporters

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/otelcoder/otelcoder/exporters/internal/render"
	"github.com/otelcoder/otelcoder/instrument"
)

// BenchmarkRendering measures a rendering of 50 workspaces with 20 changed series each.
func BenchmarkRendering(b *testing.B) {
	samples := make(map[instrument.Family][]instrument.Labels)
	for i := range 50 {
		add := func(f instrument.Family, m instrument.Measured) {
			samples[f] = append(samples[f], instrument.Documented.Labels(f, m))
		}
		agent := instrument.Agent{AgentName: "main", Username: fmt.Sprintf("user-%d", i/2), WorkspaceName: fmt.Sprintf("workspace-%d", i)}
		add(instrument.AgentsUp, instrument.WorkspaceAgents{TemplateName: "docker", Username: agent.Username, WorkspaceName: agent.WorkspaceName})
		add(instrument.AgentsConnections, instrument.AgentConnection{Agent: agent, LifecycleState: "ready", Status: "connected", TailnetNode: fmt.Sprintf("nodeid:%016x", i)})
		for region := range 8 {
			add(instrument.AgentsConnectionLatencies, instrument.AgentLatency{Agent: agent, DERPRegion: fmt.Sprintf("Region %d", region), Preferred: region == i%8})
		}
		add(instrument.AgentsApps, instrument.AgentApp{Agent: agent, AppName: "code-server", Health: "healthy"})
		add(instrument.AgentsApps, instrument.AgentApp{Agent: agent, AppName: "JetBrains Gateway", Health: "disabled"})
		for _, f := range []instrument.Family{
			instrument.AgentStatsRx, instrument.AgentStatsTx, instrument.AgentStatsConnections, instrument.AgentStatsMedianLatency,
			instrument.AgentStatsSessionsVSCode, instrument.AgentStatsSessionsJetBrains, instrument.AgentStatsSessionsReconnectingPTY, instrument.AgentStatsSessionsSSH,
		} {
			add(f, agent)
		}
	}
	for name, encoding := range map[string]render.Encoding{"plain": render.Plain, "gzip": render.Gzip} {
		b.Run("series=1000/encoding="+name, func(b *testing.B) {
			e, err := New()
			if err != nil {
				b.Fatal(err)
			}
			defer e.Shutdown(context.WithoutCancel(b.Context()))
			value := 0.0
			_, err = e.Providers().Observe(func(o instrument.Observer) {
				value++
				for f, series := range samples {
					for _, labels := range series {
						o.Observe(f, labels, value)
					}
				}
			}, slices.Collect(maps.Keys(samples))...)
			if err != nil {
				b.Fatal(err)
			}
			var last render.Rendering
			b.ReportAllocs()
			for b.Loop() {
				builder := render.NewBuilder(render.Of(encoding), last)
				e.deployment.encodeEach(b.Context(), map[format]*render.Builder{text: builder})
				last = builder.End()
			}
		})
	}
}
