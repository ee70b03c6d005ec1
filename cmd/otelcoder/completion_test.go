package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// complete returns the completions of bash for the last word of a command line.
func complete(t *testing.T, words ...string) []string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "otelcoder")
	if err := os.Symlink(program, path); err != nil {
		t.Fatal(err)
	}
	script := output(t, "completion", "bash") + `
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_otelcoder
printf '%s\n' "${COMPREPLY[@]}"`
	command := exec.Command("bash", append([]string{"--norc", "-c", script, "bash", path}, words...)...)
	command.Env = append(os.Environ(), asProgram+"=1")
	said, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return strings.Fields(string(said))
}

// TestCompletion checks that the script for bash completes commands, flags and metrics, and
// neither evaluates nor shows the command line.
func TestCompletion(t *testing.T) {
	t.Parallel()
	trap := filepath.Join(t.TempDir(), "trap")
	for _, test := range []struct {
		words []string
		want  string
	}{
		{[]string{""}, "setup server check grants status metrics version help completion"},
		{[]string{"serv"}, "server"},
		{[]string{"server", "--inter"}, "--interval"},
		{[]string{"server", "--interval", "1m", "--insi"}, "--insights-interval"},
		{[]string{"server", "--postgres-url", "postgres://u:hunter2@h/d", "--log-f"}, "--log-format"},
		{[]string{"server", "--postgres-url", "$(touch " + trap + ")", "--log-f"}, "--log-format"},
		{[]string{"server", "--interval", ""}, ""},
		{[]string{"metrics", "coderd_agents_u"}, "coderd_agents_up"},
		{[]string{"metrics", "coderd_api_total_u"}, ""},
		{[]string{"metrics", "--metric-names", "coder", "coderd_api_total_u"}, "coderd_api_total_user_count"},
		{[]string{"server", "--metric-names", ""}, "documented coder"},
		{[]string{"metrics", "--metric-names", "doc"}, "documented"},
		{[]string{"grants", "--metric-n"}, "--metric-names"},
		{[]string{"help", "ch"}, "check"},
		{[]string{"completion", ""}, "bash zsh fish powershell"},
	} {
		if got := strings.Join(complete(t, test.words...), " "); got != test.want {
			t.Errorf("%q: got %q, want %q", test.words, got, test.want)
		}
	}
	if _, err := os.Stat(trap); err == nil {
		t.Error("the script evaluates the command line")
	}
}

// TestCompletionScripts checks that each shell has a script.
func TestCompletionScripts(t *testing.T) {
	for shell, want := range map[string]string{
		"bash": "complete -o", "zsh": "#compdef otelcoder", "fish": "complete -c otelcoder",
		"powershell": "Register-ArgumentCompleter -Native -CommandName otelcoder", "pwsh": "Register-ArgumentCompleter",
	} {
		if script := output(t, "completion", shell); !strings.Contains(script, want) {
			t.Errorf("%s: no %q in\n%s", shell, want, script)
		}
	}
}
