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
inside a control plane.

With --drop-from-coder it reads the database once and prints metric_relabel_configs
for Prometheus, so that scrapes of both Coder's own endpoint and the service give
each metric once. Use the same database flags as for the server. With --operator it
prints metricRelabelings for a ServiceMonitor, and for serviceMonitor in the values of
the chart. Without --drop-from-coder the other flags have no effect.`,
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
		}}, o.flags()),
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
				for f := range instrument.Documented.All() {
					fmt.Fprintln(c.Root().Writer, f)
				}
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
			text := tableText(nil, func(row) []string { return nil })
			if name := c.Args().First(); name != "" {
				f, ok := instrument.Documented.Lookup(name)
				if !ok {
					return misused(noSuch("metric", name, familyNames(), "otelcoder metrics"))
				}
				text = explain(f)
			}
			_, err := io.WriteString(c.Root().Writer, text)
			return err
		},
	}
}

func familyNames() []string {
	var names []string
	for f := range instrument.Documented.All() {
		names = append(names, f.String())
	}
	return names
}

// explain describes a family for a terminal.
func explain(f instrument.Family) string {
	info := instrument.Documented.Info(f)
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
	line("from", origin(f))
	fact := facts()[f]
	line("differs", fact.differs)
	line("note", fact.note)
	return text.String()
}

// origin returns the source of a family's values, for a terminal.
func origin(f instrument.Family) string {
	switch fact := facts()[f]; {
	case instrument.Documented.Info(f).Origin == instrument.Health:
		return "otelcoder itself; not a metric of Coder"
	case instrument.Documented.Info(f).Origin == instrument.Runtime, fact.tables == "" && served(f):
		return "the serving process itself"
	case fact.tables == "":
		return "a control plane that imports otelcoder; the service does not serve it"
	default:
		return "service: the tables " + fact.tables
	}
}
