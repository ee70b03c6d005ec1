package main

import (
	"github.com/urfave/cli/v3"

	"github.com/otelcoder/otelcoder/instrument"
)

// editionFlag is the flag --metric-names.
func editionFlag(category string, e *instrument.Edition) cli.Flag {
	return &cli.StringFlag{
		Category:  category,
		Name:      "metric-names",
		Usage:     "`EDITION` of names, labels and metrics: documented, as in Coder's documentation of January 2024, or coder, as Coder of August 2026 serves them",
		Sources:   variable("OTELCODER_METRIC_NAMES"),
		Value:     instrument.Documented.String(),
		Validator: func(name string) (err error) { *e, err = instrument.ParseEdition(name); return err },
	}
}
