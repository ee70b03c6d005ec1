package main

import (
	"strings"
	"testing"
)

// TestUsageErrors checks that the exit code is 2 if the command line, a variable or a file is
// invalid, and 1 if the command itself fails.
func TestUsageErrors(t *testing.T) {
	t.Parallel()
	const absent = "CODER_PG_CONNECTION_URL=postgres://otelcoder:hunter2@127.0.0.1:1/coder"
	busy := taken(t)
	for name, test := range map[string]struct {
		args []string
		env  []string
		code string
		says string // the start of the error
	}{
		"a value":         {[]string{"server", "--interval", "soon"}, nil, "exit status 2", `invalid value "soon" for --interval: give a time, such as 30s or 5m` + "\n"},
		"a flag":          {[]string{"check", "--prometheus-enable"}, nil, "exit status 2", "unknown flag; see otelcoder check --help\n"},
		"an argument":     {[]string{"check", "postgres://u:hunter2@h/d"}, nil, "exit status 2", "otelcoder check takes flags only; see otelcoder check --help\n"},
		"a command":       {[]string{"chek"}, nil, "exit status 2", "unknown command; did you mean check? See otelcoder --help\n"},
		"a variable":      {[]string{"server"}, []string{"OTELCODER_INTERVAL=1h1"}, "exit status 2", `invalid value "1h1" for OTELCODER_INTERVAL (--interval): give a time, such as 30s or 5m` + "\n"},
		"a switch":        {[]string{"server", "--prometheus-enable=maybe"}, nil, "exit status 2", `invalid value "maybe" for --prometheus-enable: give true or false` + "\n"},
		"its variable":    {[]string{"server"}, []string{"CODER_PROMETHEUS_ENABLE=maybe"}, "exit status 2", `invalid value "maybe" for CODER_PROMETHEUS_ENABLE (--prometheus-enable): give true or false` + "\n"},
		"nothing enabled": {[]string{"server"}, []string{absent}, "exit status 2", "nothing to do: "},
		"no URL":          {[]string{"check"}, nil, "exit status 2", "no URL of the database: "},
		"a bad URL":       {[]string{"check"}, []string{"CODER_PG_CONNECTION_URL=mysql://hunter2"}, "exit status 2", "the URL of the database cannot be parsed"},
		"no file":         {[]string{"check", "--postgres-url-file", "/nowhere"}, nil, "exit status 2", "cannot read the URL of the database (--postgres-url-file): open /nowhere: "},
		"a URL as file":   {[]string{"check", "--postgres-url-file", "postgres://u:hunter2@h/d"}, nil, "exit status 2", "cannot read the URL of the database (--postgres-url-file): no such file or directory\n"},
		"no role":         {[]string{"grants", "--role", ""}, nil, "exit status 2", "invalid value for --role: a name has 1 to 63 bytes\n"},
		"no schema":       {[]string{"grants", "--schema="}, nil, "exit status 2", "invalid value for --schema: a name has 1 to 63 bytes\n"},
		"no web file":     {[]string{"server", "--prometheus-enable", "--web-config-file", "/nowhere"}, []string{absent}, "exit status 2", "cannot use the web configuration file "},
		"a topic":         {[]string{"help", "postgres://u:hunter2@h/d"}, nil, "exit status 2", "unknown command; see otelcoder --help\n"},
		"a metric":        {[]string{"metrics", "coderd_agent_up"}, nil, "exit status 2", "unknown metric; did you mean coderd_agents_up? See otelcoder metrics\n"},
		"a shell":         {[]string{"completion", "tcsh"}, nil, "exit status 2", "unknown shell; see otelcoder completion --help\n"},
		"a finding":       {[]string{"check"}, []string{absent}, "exit status 1", "connect to the database: "},
		"a busy address":  {[]string{"server", "--prometheus-enable", "--prometheus-address", busy, "--health-address", "127.0.0.1:0"}, []string{absent}, "exit status 1", "cannot serve metrics on " + busy + ": "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command, log := startProcess(t, append([]string{"CODER_PG_CONNECTION_URL="}, test.env...), test.args...)
			if err := command.Wait(); err == nil || err.Error() != test.code {
				t.Errorf("ended with %v, want %s", err, test.code)
			}
			if said := log.String(); !strings.HasPrefix(said, "otelcoder: "+test.says) || strings.Count(said, "\n") != 1 || strings.Contains(said, "hunter2") {
				t.Errorf("got %q, want one line with the error %q", said, test.says)
			}
		})
	}
}

func TestNearest(t *testing.T) {
	known := []string{"server", "check", "grants", "help"}
	for name, want := range map[string]string{
		"serve": "server", "sevrer": "server", "chekc": "check", "grant": "grants", "hlep": "help",
		"": "", "x": "", "postgres://u:hunter2@h/d": "", "database": "", strings.Repeat("server", 100): "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
