package pages_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/e2e/process"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// notRun are the commands in the text of runbooks that no test runs, by how they
// begin, with the reason.
var notRun = map[string]string{
	"kubectl ":                     "there is no cluster; TestKubectl compares the names with the chart's",
	"coder ":                       "it needs a Coder server and a login",
	"curl -sv ":                    "the host is the reader's",
	"pg_isready ":                  "the host is the reader's",
	"journalctl ":                  "the kernel's log is the reader's",
	"otelcoder ":                   "TestCommands types it, on other pages",
	"SELECT pg_terminate_backend(": "the process is the reader's",
}

// TestRunbookCommands runs the SQL in the text of the runbooks on PostgreSQL, and checks
// that every other command is one of notRun.
func TestRunbookCommands(t *testing.T) {
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	runbooks, err := filepath.Glob(filepath.Join(root, "docs/runbooks/*.md"))
	if err != nil || len(runbooks) == 0 {
		t.Fatalf("%d runbooks: %v", len(runbooks), err)
	}
	conn, err := pgx.Connect(t.Context(), pgtest.Start(t).Database(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	blocks, code := regexp.MustCompile("(?s)```.*?```"), regexp.MustCompile("`([^`]+)`")
	command := regexp.MustCompile(`^([a-z_]+ (-|<|https?:|[a-z]+$|[a-z]+ )|SELECT )`)
	left := maps.Clone(notRun)
	queries := 0
	for _, path := range runbooks {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range code.FindAllStringSubmatch(blocks.ReplaceAllString(string(page), ""), -1) {
			text := strings.Join(strings.Fields(match[1]), " ")
			if !command.MatchString(text) || slices.Contains([]string{"path limit", "server role"}, text) { // a reason, a finding
				continue
			}
			skipped := false
			for prefix := range notRun {
				if strings.HasPrefix(text, prefix) {
					skipped = true
					delete(left, prefix)
				}
			}
			switch {
			case skipped:
			case strings.HasPrefix(text, "SELECT "):
				queries++
				if _, err := conn.Exec(t.Context(), text); err != nil {
					t.Errorf("%s: %s: %v", filepath.Base(path), text, err)
				}
			default:
				t.Errorf("%s: no test runs %q, and notRun has no reason", filepath.Base(path), text)
			}
		}
	}
	if queries == 0 {
		t.Error("no runbook has SQL")
	}
	for prefix := range left {
		t.Errorf("no runbook has %q any more: remove it from notRun", prefix)
	}
}
