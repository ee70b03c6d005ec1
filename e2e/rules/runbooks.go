package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block matches a PromQL expression in a code block of a page.
var block = regexp.MustCompile("(?s)```promql\n(.*?)```")

// Pages returns the PromQL expressions of the runbooks and of the pages beside them, by
// page and place. root is the project's folder.
func Pages(t testing.TB, root string) map[string]string {
	t.Helper()
	var pages []string
	for _, folder := range []string{"docs/*.md", "docs/runbooks/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, folder))
		if err != nil || len(found) == 0 {
			t.Fatalf("no pages match %s in %s (%v)", folder, root, err)
		}
		pages = append(pages, found...)
	}
	found := make(map[string]string)
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, match := range block.FindAllStringSubmatch(string(text), -1) {
			found[fmt.Sprintf("%s, expression %d", filepath.Base(page), i+1)] = strings.TrimSpace(match[1])
		}
	}
	return found
}
