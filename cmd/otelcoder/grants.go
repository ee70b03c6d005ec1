package main

import (
	"cmp"
	"context"
	"io"

	"github.com/urfave/cli/v3"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
)

func grantsCommand() *cli.Command {
	var edition instrument.Edition
	return &cli.Command{
		Name:  "grants",
		Usage: "print the SQL script that grants a role the required columns, and nothing else",
		Description: `"otelcoder setup" creates the role and runs the script. To run it yourself, as the
owner of the database, and again after an upgrade of Coder:

psql "$OWNER_URL" -c "CREATE ROLE otelcoder LOGIN PASSWORD '...'"
otelcoder grants | psql "$OWNER_URL"`,
		Flags: []cli.Flag{
			&cli.StringFlag{
				Name:  "role",
				Usage: "`NAME` of the role",
				Value: "otelcoder",
			},
			&cli.StringFlag{
				Name:  "schema",
				Usage: "`NAME` of the schema of Coder's tables",
				Value: "public",
			},
			editionFlag("", &edition),
		},
		Action: func(_ context.Context, c *cli.Command) error {
			schema, role := c.String("schema"), c.String("role")
			if err := cmp.Or(validName("--role", role), validName("--schema", schema)); err != nil {
				return misused(err)
			}
			_, err := io.WriteString(c.Root().Writer, coderschema.GrantsIn(edition, schema, role))
			return err
		},
	}
}
