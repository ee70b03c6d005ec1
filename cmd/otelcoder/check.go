package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/coderdb"
)

func checkCommand(stderr io.Writer) *cli.Command {
	var o databaseOptions
	var collection collectionOptions
	return &cli.Command{
		Name:  "check",
		Usage: "read everything once, and tell what is there or what is wrong",
		Description: `It prints how many series of each metric the database tells, and how long that
took to read; or what is wrong and how to mend it, a GRANT for what the role may
not read. Its exit code is 1 if something is wrong.`,
		Flags: slices.Concat(o.flags(), collection.intervalFlags(), []cli.Flag{collection.aggregateFlag()}),
		Action: func(ctx context.Context, c *cli.Command) error {
			return check(ctx, o, collection, c.Root().Writer, stderr)
		},
	}
}

// check reads everything once and prints what it finds.
func check(ctx context.Context, o databaseOptions, collection collectionOptions, stdout, stderr io.Writer) error {
	url, options, err := o.options(ctx, slog.New(slog.NewTextHandler(stderr, nil)))
	if err != nil {
		return misused(err)
	}
	db, err := coderdb.Open(ctx, url, append(slices.Clip(options), coderdb.WithInterval(collection.interval))...)
	if err != nil {
		return misused(err)
	}
	defer db.Close()
	reporter, err := o.reporter(db, url, options)
	if err != nil {
		return misused(err)
	}

	var problems []error
	if err := reporter.Check(ctx); err != nil {
		if o.reporterURL == "" && !onlyOfReporter(err) {
			return err // then nothing can be read either
		}
		problems = append(problems, err)
	}
	answers, err := meters.Ask(ctx, db.Sources(), collection.options()...)
	if err != nil {
		return err
	}
	answers = append(answers, askEvents(ctx, db))
	unserved, err := db.Unserved(ctx)
	if err != nil {
		return err
	}
	for _, a := range answers {
		if a.Err != nil {
			problems = append(problems, a.Err)
		}
	}
	return report(stdout, answers, unserved, problems)
}

// onlyOfReporter reports whether an error of the reporter's connection leaves the
// rest of the database readable.
func onlyOfReporter(err error) bool {
	for _, reason := range []error{coderdb.ErrTransactionPooler, coderdb.ErrStandby, coderdb.ErrConnectionLimit} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

// eventSource is what the events are called beside the sources of state.
const eventSource = "events"

// askEvents asks for the events once. Their families are counted from then on.
func askEvents(ctx context.Context, db *coderdb.DB) meters.Answer {
	series := map[instrument.Family]int{
		instrument.AgentScriptsExecuted:   0,
		instrument.ProvisionerdJobTimings: 0,
		instrument.WorkspaceBuilds:        0,
	}
	began := time.Now()
	_, err := db.Events().Next(ctx)
	return meters.Answer{Source: eventSource, Series: series, Took: time.Since(began), Err: err}
}

// report prints the table of the families with what was found, and then what is
// wrong. Its error tells whether anything is.
func report(w io.Writer, answers []meters.Answer, unserved map[instrument.Family]coderdb.Reason, problems []error) error {
	io.WriteString(w, tableText([]string{"SERIES", "TOOK"}, func(r row) []string { return found(answers, unserved, r) }))
	if len(problems) == 0 {
		everything := "everything"
		if slices.Contains(slices.Collect(maps.Values(unserved)), coderdb.Missing) {
			everything += " that this version of Coder has"
		}
		_, err := fmt.Fprintf(w, "\n%s can be read, and no transaction pooler is in between\n", everything)
		return err
	}
	fmt.Fprintln(w, "\nwrong:")
	for _, problem := range problems {
		fmt.Fprintln(w, "-", problem)
	}
	return fmt.Errorf("not in order: %d of %d checks failed, see above", len(problems), len(answers)+1)
}

// found returns the cells of a row that the check fills.
func found(answers []meters.Answer, unserved map[instrument.Family]coderdb.Reason, r row) []string {
	family := r.families[0]
	why := unserved[family]
	if why == coderdb.Off {
		return []string{string(why)}
	}
	for _, a := range answers {
		series, ok := a.Series[family]
		if !ok {
			continue
		}
		cell := strconv.Itoa(series)
		switch {
		case a.Err != nil:
			cell = "failed"
		case why != "":
			return []string{string(why)}
		case a.Source == eventSource:
			cell = "from 0"
		}
		return []string{cell, a.Took.Round(100 * time.Microsecond).String()}
	}
	return nil
}
