// Package docs_test checks the pages: links, the index, and code that they show.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeShowsTheExample compares the program in the README with the one in the tree.
func TestReadmeShowsTheExample(t *testing.T) {
	program := "```go\n" + read(t, "examples/embed/main.go") + "```\n"
	if !strings.Contains(read(t, "README.md"), program) {
		t.Error("README.md does not show examples/embed/main.go unchanged: copy it there")
	}
}

// pages returns the Markdown files of the tree.
func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "bin" || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			path, err = filepath.Rel("..", path)
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestLinks checks that the files and headings that the pages link to exist.
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
			if _, err := os.Stat(filepath.Join("..", target)); err != nil {
				t.Errorf("%s links to %s: %v", page, match[1], err)
				continue
			}
			if heading != "" && !slices.Contains(headings(read(t, target)), heading) {
				t.Errorf("%s links to %s, which does not have that heading", page, match[1])
			}
		}
	}
}

// headings returns the anchors of a page's headings.
func headings(page string) []string {
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		name := regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(match[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// TestIndex checks that the index of the documentation links to every page.
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

// TestObjects compares the objects that the page shows with those of
// examples/prometheus, which have a comment at the head.
func TestObjects(t *testing.T) {
	page := read(t, "docs/admin/prometheus.md")
	for _, name := range []string{"service.yaml", "servicemonitor.yaml"} {
		object := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(read(t, "examples/prometheus/embed/"+name), "")
		if !strings.Contains(page, "```yaml\n"+object+"```\n") {
			t.Errorf("docs/admin/prometheus.md does not show examples/prometheus/embed/%s unchanged", name)
		}
	}
}
