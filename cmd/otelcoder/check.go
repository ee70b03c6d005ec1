package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/coderdb"
)

func checkCommand(stderr io.Writer) *cli.Command {
	var o databaseOptions
	return &cli.Command{
		Name:  "check",
		Usage: "read everything once, and tell what is there or what is wrong",
		Description: `It prints how many series of each metric the database tells, and how long that
took to read; or what is wrong and how to mend it, a GRANT for what the role may
not read. Its exit code is 1 if something is wrong.`,
		Flags: o.flags(),
		Action: func(ctx context.Context, c *cli.Command) error {
			return check(ctx, o, c.Root().Writer, stderr)
		},
	}
}

// check reads everything once and prints what it finds.
func check(ctx context.Context, o databaseOptions, stdout, stderr io.Writer) error {
	url, options, err := o.options(ctx, slog.New(slog.NewTextHandler(stderr, nil)))
	if err != nil {
		return misused(err)
	}
	reporter, err := coderdb.NewReporter(url, options...)
	if err != nil {
		return misused(err)
	}
	db, err := coderdb.Open(ctx, url, options...)
	if err != nil {
		return misused(err)
	}
	defer db.Close()

	var problems []error
	if err := reporter.Check(ctx); errors.Is(err, coderdb.ErrTransactionPooler) {
		problems = append(problems, err)
	} else if err != nil {
		return err // then nothing can be read either
	}
	answers, err := meters.Ask(ctx, db.Sources())
	if err != nil {
		return err
	}
	answers = append(answers, askEvents(ctx, db, o.collectAgentStats))
	for _, a := range answers {
		if a.Err != nil {
			problems = append(problems, a.Err)
		}
	}
	return report(stdout, answers, problems)
}

// eventSource is what the events are called beside the sources of state.
const eventSource = "events"

// askEvents asks for the events once. Their families are counted from then on.
func askEvents(ctx context.Context, db *coderdb.DB, scripts bool) meters.Answer {
	series := map[instrument.Family]int{instrument.ProvisionerdJobTimings: 0, instrument.WorkspaceBuilds: 0}
	if scripts {
		series[instrument.AgentScriptsExecuted] = 0
	}
	began := time.Now()
	_, err := db.Events().Next(ctx)
	return meters.Answer{Source: eventSource, Series: series, Took: time.Since(began), Err: err}
}

// report prints the table of what is served with what was found, and then what
// is wrong. Its error says that something is.
func report(w io.Writer, answers []meters.Answer, problems []error) error {
	io.WriteString(w, tableText([]string{"SERIES", "TOOK"}, func(r row) []string { return found(answers, r) }))
	if len(problems) == 0 {
		_, err := fmt.Fprintln(w, "\neverything can be read, and no transaction pooler is in between")
		return err
	}
	fmt.Fprintln(w, "\nwrong:")
	for _, problem := range problems {
		fmt.Fprintln(w, "-", problem)
	}
	return fmt.Errorf("not in order: %d of %d checks failed, see above", len(problems), len(answers)+1)
}

// found are the cells of a row that the check fills.
func found(answers []meters.Answer, r row) []string {
	family := r.families[0]
	for _, a := range answers {
		series, ok := a.Series[family]
		if !ok {
			continue
		}
		cell := strconv.Itoa(series)
		switch {
		case a.Err != nil:
			cell = "failed"
		case a.Source == eventSource:
			cell = "from 0"
		}
		return []string{cell, a.Took.Round(100 * time.Microsecond).String()}
	}
	if r.service() == "yes" && family != instrument.CollectorAgentsExecution { // which is the service's own work
		return []string{"off"}
	}
	return nil
}
