package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
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

// pages are the markdown files of the tree.
func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "bin" || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			path, err = filepath.Rel("../..", path)
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestLinks: what the pages link to in the tree is there, the heading too.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)]+)\)`)
	for _, page := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			path, heading, _ := strings.Cut(match[1], "#")
			target := filepath.Join(filepath.Dir(page), path)
			if path == "" {
				target = page
			}
			if _, err := os.Stat(filepath.Join("../..", target)); err != nil {
				t.Errorf("%s links to %s: %v", page, match[1], err)
				continue
			}
			if heading != "" && !slices.Contains(headings(read(t, target)), heading) {
				t.Errorf("%s links to %s, which has no such heading", page, match[1])
			}
		}
	}
}

// headings are those of a page, as links name them.
func headings(page string) []string {
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		name := regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(match[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// TestIndex: the documentation's index has all of its pages.
func TestIndex(t *testing.T) {
	index := read(t, "docs/README.md")
	for _, page := range pages(t) {
		path, ok := strings.CutPrefix(page, "docs/")
		if !ok || path == "README.md" || strings.HasPrefix(path, "runbooks/") {
			continue
		}
		if !strings.Contains(index, "]("+path+")") {
			t.Errorf("docs/README.md does not name %s", page)
		}
	}
}

// TestEveryDifference: the page about Coder's own endpoint says of each family,
// in the order of the documentation, what differs.
func TestEveryDifference(t *testing.T) {
	var want, got []string
	for f := range instrument.All() {
		if f.Info().Origin == instrument.OTel {
			want = append(want, f.String())
		}
	}
	row := regexp.MustCompile("(?m)^\\| `(\\w+)` +\\| (\\S.*?) +\\|")
	for _, match := range row.FindAllStringSubmatch(read(t, "docs/coder-endpoint.md"), -1) {
		got = append(got, match[1])
	}
	if !slices.Equal(got, want) {
		t.Errorf("the page has %q\nwant %q", got, want)
	}
}

// TestObjects: the page has the objects of examples/prometheus as they are, but
// for the comment at their head.
func TestObjects(t *testing.T) {
	page := read(t, "docs/admin/prometheus.md")
	for _, name := range []string{"service.yaml", "servicemonitor.yaml"} {
		object := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(read(t, "examples/prometheus/embed/"+name), "")
		if !strings.Contains(page, "```yaml\n"+object+"```\n") {
			t.Errorf("docs/admin/prometheus.md does not hold examples/prometheus/embed/%s as it is", name)
		}
	}
}
