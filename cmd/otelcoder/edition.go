package main

import (
	"github.com/urfave/cli/v3"

	"github.com/otelcoder/otelcoder/instrument"
)

// The flag of the edition, and its environment variable.
const (
	editionName     = "metric-names"
	editionVariable = "OTELCODER_METRIC_NAMES"
)

// editionFlag is the flag --metric-names.
func editionFlag(category string, e *instrument.Edition) cli.Flag {
	return &cli.StringFlag{
		Category:  category,
		Name:      editionName,
		Usage:     "`EDITION` of the metrics, their names and labels: documented, as in Coder's documentation of January 2024, or coder, as Coder of August 2026 serves them",
		Sources:   variable(editionVariable),
		Value:     instrument.Documented.String(),
		Validator: func(name string) (err error) { *e, err = instrument.ParseEdition(name); return err },
	}
}

// inEdition returns a command of otelcoder with the flag of an edition, unless that is
// the default.
func inEdition(e instrument.Edition, command string) string {
	if e == instrument.Documented {
		return command
	}
	return command + " --" + editionName + " " + e.String()
}
