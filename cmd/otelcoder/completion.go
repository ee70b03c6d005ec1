package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/otelcoder/otelcoder/instrument"
)

// completion configures the library's completion command, which prints a script for
// each shell. The scripts for zsh and fish are the library's. Its bash script
// evaluates the command line and needs the package bash-completion; its PowerShell
// script works only from a file, and passes only the last word. Both are replaced.
func completion(c *cli.Command) {
	c.Hidden = false
	c.Usage = "print a script that completes commands and flags in a shell"
	c.Description = `Load the script when a shell starts:

source <(otelcoder completion bash)                               # ~/.bashrc
source <(otelcoder completion zsh)                                # ~/.zshrc, after compinit
otelcoder completion fish | source                                # ~/.config/fish/config.fish
otelcoder completion powershell | Out-String | Invoke-Expression  # $PROFILE`
	c.Action = func(_ context.Context, c *cli.Command) error {
		var shells []string
		for _, shell := range c.Commands {
			shells = append(shells, shell.Name)
		}
		if c.Args().Present() {
			return misused(noSuch("shell", c.Args().First(), shells, "otelcoder completion --help"))
		}
		return cli.ShowSubcommandHelp(c)
	}
	c.OnUsageError = usageError
	for _, shell := range c.Commands {
		shell.OnUsageError, shell.ArgValidator = usageError, noArguments
		switch shell.Name {
		case "bash":
			shell.Action = printing(bashScript)
		case "pwsh":
			shell.Name, shell.Aliases = "powershell", []string{"pwsh"}
			shell.Action = printing(powershellScript)
		}
		shell.Usage = "print the script for " + shell.Name
	}
}

// suggestFlags prints the flags and subcommands that complete a command line, without
// the backquotes that mark placeholders, and the editions after their flag.
func suggestFlags(ctx context.Context, c *cli.Command) {
	root := c.Root()
	if given := c.Args().Slice(); len(given) > 0 && given[len(given)-1] == "--"+editionName {
		for e := range instrument.Editions() {
			fmt.Fprintln(root.Writer, e)
		}
		return
	}
	to, offered := root.Writer, new(strings.Builder)
	root.Writer = offered
	cli.DefaultCompleteWithFlags(ctx, c)
	root.Writer = to
	io.WriteString(to, strings.ReplaceAll(offered.String(), "`", ""))
}

// printing returns an action that prints a text.
func printing(text string) cli.ActionFunc {
	return func(_ context.Context, c *cli.Command) error {
		_, err := io.WriteString(c.Root().Writer, text)
		return err
	}
}

// The scripts run the program with the words before the cursor, and with the word at
// the cursor if it starts with a hyphen. Each line of the output is a word, or a word,
// a colon and a description.

const bashScript = `# bash completion of otelcoder
_otelcoder() {
	local IFS=$'\n' current=${COMP_WORDS[COMP_CWORD]} answer
	local program=${COMP_WORDS[0]/#\~/$HOME} words=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
	[[ $current == -* ]] && words+=("$current")
	answer=$("$program" "${words[@]}" --generate-shell-completion 2>/dev/null | cut -d: -f1)
	COMPREPLY=($(compgen -W "$answer" -- "$current"))
}
complete -o bashdefault -o default -F _otelcoder otelcoder
`

const powershellScript = `# PowerShell completion of otelcoder
Register-ArgumentCompleter -Native -CommandName otelcoder -ScriptBlock {
	param($current, $line, $cursor)
	$program = $line.CommandElements[0].Extent.Text
	$words = @($line.CommandElements | Select-Object -Skip 1 |
		Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { $_.Extent.Text })
	if ($current.StartsWith('-')) { $words += $current }
	& $program @words --generate-shell-completion 2>$null | ForEach-Object {
		$word, $help = $_ -split ':', 2
		if (-not $help) { $help = $word }
		if ($word.StartsWith($current)) {
			[System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $help)
		}
	}
}
`
