// Package pages reads the commands on the project's pages, so that a test can run them.
package pages

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Page is a page and its commands, in their order.
type Page struct {
	Path     string // relative to the project's folder
	Commands []Command
}

// Command is a line after "$ " in a code block of the language "console", and its output,
// the lines below it.
type Command struct {
	Text   string
	Output []string
}

// Read returns the pages that have commands. root is the project's folder.
func Read(t testing.TB, root string) []Page {
	t.Helper()
	var pages []Page
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && path != root || entry.Name() == "bin" || entry.Name() == "testdata"):
			return fs.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if commands := parse(string(text)); len(commands) > 0 {
			pages = append(pages, Page{relative, commands})
		}
		return nil
	})
	if err != nil || len(pages) == 0 {
		t.Fatalf("got no pages with commands (%v)", err)
	}
	return pages
}

// parse returns the commands of a page.
func parse(page string) []Command {
	var commands []Command
	inside := false
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		switch {
		case line == "```console":
			inside = true
		case line == "```":
			inside = false
		case !inside:
		case strings.HasPrefix(line, "$ "):
			commands = append(commands, Command{Text: strings.TrimPrefix(line, "$ ")})
		case len(commands) > 0 && line != "..." && line != "":
			last := &commands[len(commands)-1]
			last.Output = append(last.Output, line)
		}
	}
	return slices.Clip(commands)
}
