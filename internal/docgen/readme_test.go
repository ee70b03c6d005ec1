package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeShowsTheExample: the program in the README is the one in the tree.
func TestReadmeShowsTheExample(t *testing.T) {
	program := "```go\n" + read(t, "examples/embed/main.go") + "```\n"
	if !strings.Contains(read(t, "README.md"), program) {
		t.Error("README.md does not hold examples/embed/main.go as it is: copy it there")
	}
}

// TestReadmeFlags: the README's table has the flags of examples/coderd, with
// their variables and defaults.
func TestReadmeFlags(t *testing.T) {
	type flag struct{ name, variable, value string }
	var want, got []flag
	source := regexp.MustCompile(`(?s)&cli\.(\w+)Flag\{(.*?)\n\t\t\t\}`)
	field := func(body, pattern string) string {
		if match := regexp.MustCompile(pattern).FindStringSubmatch(body); match != nil {
			return match[1]
		}
		return ""
	}
	for _, match := range source.FindAllStringSubmatch(read(t, "examples/coderd/main.go"), -1) {
		kind, body := match[1], match[2]
		f := flag{field(body, `\bName:\s+"(.*?)"`), field(body, `EnvVars\("(.*?)"\)`), field(body, `\bValue:\s+"?([^",]*)`)}
		if kind == "Bool" && f.value == "" {
			f.value = "false"
		}
		want = append(want, f)
	}
	row := regexp.MustCompile("(?m)^\\| `--([a-z-]+)[^`]*` +\\| `?(\\w*)`? +\\| `?(.*?)`? +\\|")
	for _, match := range row.FindAllStringSubmatch(read(t, "README.md"), -1) {
		got = append(got, flag{match[1], match[2], match[3]})
	}
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("README.md has the flags\n%q\nexamples/coderd has\n%q", got, want)
	}
}

// TestLinks: what the pages link to in the tree is there.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)]+)\)`)
	for _, page := range []string{"README.md", "CHANGELOG.md", "docs/admin/prometheus.md", "docs/service.md"} {
		for _, match := range link.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			path, _, _ := strings.Cut(match[1], "#")
			if path == "" {
				continue // on the page itself
			}
			if _, err := os.Stat(filepath.Join("../..", filepath.Dir(page), path)); err != nil {
				t.Errorf("%s links to %s: %v", page, match[1], err)
			}
		}
	}
}
