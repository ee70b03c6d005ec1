package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a PromQL expression in a list of a page.
var block = regexp.MustCompile("(?s)```promql\n(.*?)```")

// Runbooks returns the PromQL expressions of the runbooks, by page and place. root
// is the project's folder.
func Runbooks(t testing.TB, root string) map[string]string {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(root, "docs/runbooks/*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no runbooks in %s (%v)", root, err)
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
