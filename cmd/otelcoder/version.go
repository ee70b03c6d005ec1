package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"

	"github.com/urfave/cli/v3"
)

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:   "version",
		Usage:  "print the version",
		Action: func(_ context.Context, c *cli.Command) error { return printVersion(c) },
	}
}

// printVersion prints the version of the program and that of Go.
func printVersion(c *cli.Command) error {
	version, goVersion := "(devel)", ""
	if build, ok := debug.ReadBuildInfo(); ok {
		version, goVersion = cmp.Or(build.Main.Version, version), build.GoVersion
	}
	_, err := fmt.Fprintln(c.Root().Writer, "otelcoder", version, goVersion)
	return err
}
