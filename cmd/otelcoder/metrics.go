package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/otelcoder/otelcoder/instrument"
)

func metricsCommand() *cli.Command {
	var o databaseOptions
	var drop, operator bool
	return &cli.Command{
		Name:      "metrics",
		Usage:     "list the metrics, explain one, or print relabelling for Coder's own endpoint",
		ArgsUsage: "[name]",
		Description: `A control plane that imports otelcoder serves every metric that Coder documents.
The service serves those that it can read from the database; the others exist only
inside a control plane. --metric-names chooses the edition.

With --drop-from-coder it reads the database once and prints metric_relabel_configs
for Prometheus, so that scrapes of both Coder's own endpoint and the service give
each metric once. Use the same database flags as for the server. With --operator it
prints metricRelabelings for a ServiceMonitor, and for serviceMonitor in the values of
the chart. Without --drop-from-coder the flags of the database have no effect.`,
		Flags: slices.Concat([]cli.Flag{&cli.BoolFlag{
			Category:    groupPrometheus,
			Name:        "drop-from-coder",
			Usage:       "print metric_relabel_configs for the scrape job of Coder's own endpoint",
			Destination: &drop,
		}, &cli.BoolFlag{
			Category:    groupPrometheus,
			Name:        "operator",
			Usage:       "with --drop-from-coder, print metricRelabelings for the Prometheus operator",
			Destination: &operator,
		}, editionFlag(groupPrometheus, &o.edition)}, o.flags()),
		ArgValidator: func(_ context.Context, c *cli.Command) error {
			switch n := c.Args().Len(); {
			case n > 1:
				return errors.New("otelcoder metrics takes one name; see otelcoder metrics --help")
			case n > 0 && drop:
				return misused(errors.New("--drop-from-coder takes no name; see otelcoder metrics --help"))
			}
			return nil
		},
		ShellComplete: func(ctx context.Context, c *cli.Command) {
			suggestFlags(ctx, c)
			if !strings.HasPrefix(c.Args().First(), "-") {
				fmt.Fprintln(c.Root().Writer, strings.Join(familyNames(o.edition), "\n"))
			}
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			if drop {
				form := ofPrometheus
				if operator {
					form = ofOperator
				}
				return printDrops(ctx, o, form, c.Root().Writer)
			}
			text := tableText(o.edition, nil, func(row) []string { return nil })
			if name := c.Args().First(); name != "" {
				f, ok := o.edition.Lookup(name)
				if !ok {
					return misused(noSuchMetric(o.edition, name))
				}
				text = explain(o.edition, f)
			}
			_, err := io.WriteString(c.Root().Writer, text)
			return err
		},
	}
}

func familyNames(e instrument.Edition) []string {
	var names []string
	for f := range e.All() {
		names = append(names, e.Name(f))
	}
	return names
}

// noSuchMetric returns the error for a name that an edition lacks. It names the edition
// that has it.
func noSuchMetric(e instrument.Edition, name string) error {
	for other := range instrument.Editions() {
		f, ok := other.Lookup(name)
		switch {
		case ok && e.Has(f):
			return fmt.Errorf("%s is %s in --%s %s; see otelcoder metrics --%s %s %s", name, e.Name(f), editionName, e, editionName, other, name)
		case ok:
			return fmt.Errorf("%s is only in --%s %s; see otelcoder metrics --%s %s %s", name, editionName, other, editionName, other, name)
		}
	}
	return noSuch("metric", name, familyNames(e), inEdition(e, "otelcoder metrics"))
}

// explain describes a family of an edition for a terminal.
func explain(e instrument.Edition, f instrument.Family) string {
	info := e.Info(f)
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\n", info.Name)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&text, "%-9s %s\n", name, strings.TrimLeft(fold(strings.ReplaceAll(value, "`", ""), 10, 80), " "))
		}
	}
	line("help", info.Help)
	line("type", info.Type.String())
	labels := strings.Join(info.Labels, ", ")
	if labels == "" {
		labels = "none"
	}
	line("labels", labels)
	if info.Buckets != nil {
		line("buckets", strings.Trim(fmt.Sprint(info.Buckets), "[]"))
	}
	fact := factOf(e, f)
	line("from", origin(info, fact))
	line("differs", fact.differs)
	line("note", fact.note)
	return text.String()
}

// origin returns the source of a family's values, for a terminal.
func origin(info instrument.Info, fact fact) string {
	switch {
	case info.Origin == instrument.Health:
		return "otelcoder itself; not a metric of Coder"
	case info.Origin == instrument.Runtime, fact.tables == "" && !info.ImportOnly:
		return "the serving process itself"
	case fact.tables == "":
		return "a control plane that imports otelcoder; the service does not serve it"
	default:
		return "service: the tables " + fact.tables
	}
}
