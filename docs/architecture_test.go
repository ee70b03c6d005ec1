package docs_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRooms checks that packages import only what the table of rooms in
// ARCHITECTURE.md allows.
func TestRooms(t *testing.T) {
	const module = "github.com/otelcoder/otelcoder/"
	allowed := make(map[string][]string)
	row := regexp.MustCompile("(?m)^\\| `([a-z/]+)` +\\|[^|]*\\|([^|]*)\\|$")
	for _, match := range row.FindAllStringSubmatch(read(t, "ARCHITECTURE.md"), -1) {
		allowed[match[1]] = strings.FieldsFunc(match[2], func(r rune) bool { return r == '`' || r == ' ' })
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %v", list, err)
	}
	if len(allowed) < 5 || bytes.Count(out, []byte("\n")) < 20 {
		t.Fatalf("%d rooms, packages\n%s", len(allowed), out)
	}
	for line := range strings.Lines(string(out)) {
		packages := strings.Fields(line)
		from, _ := strings.CutPrefix(packages[0], module)
		room := roomOf(allowed, from)
		if room == "" {
			t.Errorf("ARCHITECTURE.md has no room for the package %s", from)
		}
		for _, imported := range packages[1:] {
			path, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			if to := roomOf(allowed, path); to != room && !slices.ContainsFunc(allowed[room], func(a string) bool { return to == a || strings.HasPrefix(to, a+"/") }) {
				t.Errorf("%s imports %s, which ARCHITECTURE.md does not allow", from, path)
			}
		}
	}
}

// roomOf returns the room that a package is in: the longest one that is its path, or
// a folder of it.
func roomOf(rooms map[string][]string, path string) (longest string) {
	for room := range rooms {
		if (path == room || strings.HasPrefix(path, room+"/")) && len(room) > len(longest) {
			longest = room
		}
	}
	return longest
}

// TestNamedCode checks that files declare the identifiers that pages link to them by.
func TestNamedCode(t *testing.T) {
	link := regexp.MustCompile("\\[`(\\w+)`\\]\\(([^)]+\\.go)\\)")
	found := 0
	for _, page := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(read(t, page), -1) {
			found++
			declared := regexp.MustCompile(`(?m)^(func(?: \([^)]*\))? |type )` + match[1] + `\b`)
			if !declared.MatchString(read(t, filepath.Join(filepath.Dir(page), match[2]))) {
				t.Errorf("%s: %s does not declare %s", page, match[2], match[1])
			}
		}
	}
	if found == 0 {
		t.Error("no page names code")
	}
}
