package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/otelcoder/otelcoder/instrument"
)

// ofTailnet lists the families that need tailnet_peers.
var ofTailnet = []instrument.Family{instrument.AgentsConnectionLatencies, instrument.AgentsConnections}

// ofBoth returns the families of an edition that both the service and Coder's own
// endpoint can serve.
func ofBoth(e instrument.Edition) []instrument.Family {
	var families []instrument.Family
	for f := range e.All() {
		if info := e.Info(f); info.Origin == instrument.OTel && !info.ImportOnly {
			families = append(families, f)
		}
	}
	return families
}

// relabelling names the keys of a configuration that drops series by name.
type relabelling struct{ rules, sourceLabels string }

var (
	ofPrometheus = relabelling{"metric_relabel_configs", "source_labels"} // a scrape job
	ofOperator   = relabelling{"metricRelabelings", "sourceLabels"}       // an endpoint of a ServiceMonitor
)

// drop returns the configuration that drops families under their names in every edition:
// Coder's own endpoint serves the names of its own version, whichever edition the service
// serves.
func (r relabelling) drop(families []instrument.Family) string {
	var names []string
	for _, f := range families {
		for e := range instrument.Editions() {
			name := e.Name(f)
			if f.Type() == instrument.Histogram {
				name += "(_bucket|_count|_sum)?"
			}
			if e.Has(f) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return r.rules + `:
  - ` + r.sourceLabels + `: [__name__]
    action: drop
    regex: "` + strings.Join(names, "|\\\n      ") + `"
`
}

// drops lists the families to drop from each scrape job, so that Prometheus has each
// family once.
type drops struct {
	coder []instrument.Family // dropped from the job of Coder's own endpoint
	own   []instrument.Family // dropped from the jobs of the service
	kept  []string            // kept by Coder's own endpoint, each with the reason
}

// newDrops returns the families to drop for a deployment. While no agent is connected,
// the database does not show whether Coder fills tailnet_peers; the families that need
// it are then kept from Coder's own endpoint.
func newDrops(d *diagnosis) drops {
	var result drops
	without := withoutTailnet(d)
	for _, f := range ofBoth(d.edition) {
		reason := string(d.unserved[f])
		if reason == "" && slices.Contains(ofTailnet, f) && without != "" {
			reason = without
			if f == instrument.AgentsConnections || d.fleet.connected == 0 {
				result.own = append(result.own, f)
			}
		}
		if reason == "" {
			result.coder = append(result.coder, f)
		} else {
			result.kept = append(result.kept, d.edition.Name(f)+": "+reason)
		}
	}
	return result
}

// withoutTailnet returns the reason why the database lacks the tailnet of agents, or ""
// if it has it.
func withoutTailnet(d *diagnosis) string {
	_, missing := d.unserved[instrument.AgentsConnectionLatencies]
	switch {
	case d.fleet.nodes > 0:
		return ""
	case missing:
		return "tailnet_peers is missing"
	case d.fleet.connected == 0:
		return "no agent is connected, so high availability is unknown"
	}
	return "no high-availability licence"
}

// printDrops reads a deployment once, and prints the relabelling of the scrape jobs.
func printDrops(ctx context.Context, o databaseOptions, r relabelling, w io.Writer) error {
	d, err := diagnose(ctx, o, defaultCollection(), slog.New(slog.DiscardHandler))
	switch {
	case err != nil:
		return err
	case d.unreachable != nil:
		return d.unreachable
	case d.fleet == nil:
		return errors.New("this is not the database of a Coder deployment: see otelcoder check")
	}
	for _, a := range d.answers {
		if a.err != nil {
			return fmt.Errorf("the source %s fails, so its metrics are unknown: see otelcoder check", a.source)
		}
	}
	found := newDrops(d)
	text := "# For the scrape job of Coder's own endpoint: drops the metrics that otelcoder serves.\n"
	if found.kept != nil {
		text += "# It keeps\n#   " + strings.Join(found.kept, "\n#   ") + "\n"
	}
	text += r.drop(found.coder)
	if found.own != nil {
		text += "---\n# For the scrape jobs of otelcoder: drops the metrics that Coder's own endpoint keeps.\n" + r.drop(found.own)
	}
	_, err = io.WriteString(w, text)
	return err
}
