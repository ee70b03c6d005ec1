package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

func helpCommand() *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "show the commands, or the flags of one command",
		ArgsUsage: "[command]",
		ArgValidator: func(_ context.Context, c *cli.Command) error {
			if c.Args().Len() > 1 {
				return errors.New("otelcoder help takes one command; see otelcoder --help")
			}
			return nil
		},
		ShellComplete: func(_ context.Context, c *cli.Command) {
			fmt.Fprintln(c.Root().Writer, strings.Join(commandNames(c), "\n"))
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			name := c.Args().First()
			switch {
			case name == "":
				return cli.ShowRootCommandHelp(c.Root())
			case c.Root().Command(name) == nil:
				return misused(noSuch("command", name, commandNames(c), "otelcoder --help"))
			}
			return cli.ShowCommandHelp(ctx, c.Root(), name)
		},
	}
}

// describeIn returns the function that describes the flags of a command in --help. Where
// no flag has a group, the library indents every line of a flag but the first.
func describeIn(c *cli.Command) cli.FlagStringFunc {
	const column, library = 7, 6
	grouped := slices.ContainsFunc(c.Flags, func(f cli.Flag) bool {
		group, ok := f.(cli.CategorizableFlag)
		return ok && group.GetCategory() != ""
	})
	if grouped {
		return func(f cli.Flag) string { return describe(f, column, 0) }
	}
	return func(f cli.Flag) string { return describe(f, column, library) }
}

// describe formats a flag for --help: its name, and below it its usage at a column. The
// library itself indents each line by a part of that column.
func describe(f cli.Flag, column, library int) string {
	d := f.(cli.DocGenerationFlag)
	placeholder, usage := placeholder(d.GetUsage())
	name := "--" + f.Names()[0]
	if placeholder != "" {
		name += " " + placeholder
	}
	var after []string
	if value := defaultOf(f); value != "" {
		after = append(after, "default "+value)
	}
	for _, variable := range d.GetEnvVars() {
		after = append(after, "$"+variable)
	}
	if len(after) > 0 {
		usage += " (" + strings.Join(after, ", ") + ")"
	}
	return name + "\n" + fold(usage, column-library, 80-library)
}

// placeholder returns the backquoted word of a usage, and the usage without backquotes.
func placeholder(usage string) (word, rest string) {
	before, quoted, ok := strings.Cut(usage, "`")
	if !ok {
		return "", usage
	}
	word, after, _ := strings.Cut(quoted, "`")
	return word, before + word + after
}

// defaultOf returns a flag's default as a user would type it, and "" for no default and
// for a switch that is off.
func defaultOf(f cli.Flag) string {
	d := f.(cli.DocGenerationFlag)
	switch f := f.(type) {
	case *cli.BoolFlag:
		if f.Value {
			return "true"
		}
		return ""
	case *cli.DurationFlag:
		// 1m and not 1m0s.
		short := f.Value.String()
		if trimmed, ok := strings.CutSuffix(short, "m0s"); ok {
			short = trimmed + "m"
		}
		return short
	}
	return strings.Trim(d.GetValue(), `"`)
}

// fold breaks a text into lines of a width, each indented.
func fold(text string, indent, width int) string {
	margin := strings.Repeat(" ", indent)
	var lines []string
	line := margin
	for word := range strings.FieldsSeq(text) {
		if len(line) > indent && len(line)+1+len(word) > width {
			lines, line = append(lines, line), margin
		}
		if len(line) > indent {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}
