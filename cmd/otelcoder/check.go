package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/urfave/cli/v3"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
)

func checkCommand(stderr io.Writer) *cli.Command {
	var o databaseOptions
	var collection collectionOptions
	var p printOptions
	return &cli.Command{
		Name:  "check",
		Usage: "read everything once, and print each problem with the command that solves it",
		Description: `Each line is the result of one check: ✓ for success, ! for a warning, ✗ for a
failure. A command below a line solves the problem; OWNER_URL is the URL by which
the owner of the database connects. The exit code is 1 if a check failed.`,
		Flags: slices.Concat(o.flags(), collection.intervalFlags(), []cli.Flag{editionFlag(groupPrometheus, &o.edition), collection.aggregateFlag()}, p.flags()),
		Action: func(ctx context.Context, c *cli.Command) error {
			log := slog.New(slog.DiscardHandler)
			if p.verbose {
				log = slog.New(slog.NewTextHandler(stderr, nil))
			}
			d, err := diagnose(ctx, o, collection, log)
			if err != nil {
				return err
			}
			if err := p.print(c.Root().Writer, d); err != nil {
				return err
			}
			return d.err()
		},
	}
}

// printOptions are the flags for the output of a diagnosis.
type printOptions struct {
	output  string
	verbose bool
}

func (o *printOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name:        "output",
			Usage:       "output `FORMAT`: text or json",
			Value:       "text",
			Validator:   validFormat,
			Destination: &o.output,
		},
		&cli.BoolFlag{
			Name:        "verbose",
			Usage:       "also print the number of series of each metric, and the log on standard error",
			Destination: &o.verbose,
		},
	}
}

func (o *printOptions) print(w io.Writer, d *diagnosis) error {
	if o.output == "json" {
		return printJSON(w, d)
	}
	if d.unreachable != nil {
		return nil // main prints the error
	}
	if o.verbose && d.answers != nil {
		io.WriteString(w, tableText(d.edition, []string{"SERIES", "TOOK"}, func(r row) []string { return found(d.answers, d.unserved, r) })+"\n")
	}
	return printFindings(w, d.findings)
}

// marks begin the lines of findings.
var marks = map[state]struct{ mark, colour string }{
	stateOK:      {"✓", "\x1b[32m"},
	stateWarning: {"!", "\x1b[33m"},
	stateFailed:  {"✗", "\x1b[31m"},
}

// printFindings prints a line for each finding, and below it the command that
// solves the problem. Marks are coloured on a terminal, unless NO_COLOR is set.
func printFindings(w io.Writer, findings []finding) error {
	coloured := colours(w)
	width := 0
	for _, f := range findings {
		width = max(width, len(f.title))
	}
	var text strings.Builder
	for _, f := range findings {
		mark := marks[f.state].mark
		if coloured {
			mark = marks[f.state].colour + mark + "\x1b[0m"
		}
		fmt.Fprintf(&text, "%s %-*s  %s\n", mark, width, f.title, printable(f.detail))
		if f.command != "" {
			fmt.Fprintf(&text, "    %s\n", printable(f.command))
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// colours reports whether w is a terminal that shows colours.
func colours(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// printable replaces characters that could control a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// The JSON of a diagnosis. docs/check.md documents the keys.
type (
	diagnosisJSON struct {
		Healthy  bool              `json:"healthy"`
		Findings []findingJSON     `json:"findings"`
		Sources  []sourceJSON      `json:"sources"`
		Unserved map[string]string `json:"unserved"`
	}
	findingJSON struct {
		Check   string `json:"check"`
		State   state  `json:"state"`
		Detail  string `json:"detail"`
		Command string `json:"command,omitempty"`
	}
	sourceJSON struct {
		Source          string         `json:"source"`
		DurationSeconds float64        `json:"duration_seconds"`
		Error           string         `json:"error,omitempty"`
		Series          map[string]int `json:"series"`
	}
)

func printJSON(w io.Writer, d *diagnosis) error {
	printed := diagnosisJSON{Healthy: d.err() == nil, Findings: []findingJSON{}, Sources: []sourceJSON{}, Unserved: map[string]string{}}
	check := strings.NewReplacer(" ", "_", "-", "_")
	for _, f := range d.findings {
		printed.Findings = append(printed.Findings, findingJSON{check.Replace(strings.ToLower(f.title)), f.state, f.detail, f.command})
	}
	for _, a := range d.answers {
		s := sourceJSON{Source: a.source, DurationSeconds: a.took.Seconds(), Series: make(map[string]int)}
		if a.err != nil {
			s.Error = a.err.Error()
		}
		for f, n := range a.series {
			s.Series[d.edition.Name(f)] = n
		}
		printed.Sources = append(printed.Sources, s)
	}
	for f, why := range d.unserved {
		printed.Unserved[d.edition.Name(f)] = string(why)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(printed)
}

// found returns the cells of the columns SERIES and TOOK for a row.
func found(answers []answer, unserved map[instrument.Family]coderschema.Reason, r row) []string {
	family := r.families[0]
	why := unserved[family]
	if why == coderschema.Off {
		return []string{string(why)}
	}
	for _, a := range answers {
		series, ok := a.series[family]
		if !ok {
			continue
		}
		cell := strconv.Itoa(series)
		switch {
		case a.err != nil:
			cell = "failed"
		case why != "":
			return []string{string(why)}
		case a.source == eventSource:
			cell = "from 0"
		}
		return []string{cell, a.took.Round(100 * time.Microsecond).String()}
	}
	return nil
}
