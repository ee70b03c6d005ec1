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
	appsv1 "k8s.io/api/apps/v1"

	"github.com/otelcoder/otelcoder/e2e/helm"
	"github.com/otelcoder/otelcoder/e2e/process"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// notRun are the commands in the text of runbooks that the test does not run, by prefix,
// with the reason.
var notRun = map[string]string{
	"kubectl ":                     "there is no cluster; TestRunbookKubectl checks its form and names",
	"coder ":                       "it needs a Coder server and a login",
	"curl -sv ":                    "the host is the reader's",
	"pg_isready ":                  "the host is the reader's",
	"journalctl ":                  "the kernel's log is the reader's",
	"otelcoder ":                   "TestCommands types it, on other pages",
	"SELECT pg_terminate_backend(": "the process is the reader's",
}

// TestRunbookCommands runs the SQL of the runbooks on PostgreSQL, and checks that every
// other command is in notRun.
func TestRunbookCommands(t *testing.T) {
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	runbooks, err := filepath.Glob(filepath.Join(root, "docs/runbooks/*.md"))
	if err != nil || len(runbooks) == 0 {
		t.Fatalf("got %d runbooks, want some (%v)", len(runbooks), err)
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
	run := func(path, text string) {
		queries++
		if _, err := conn.Exec(t.Context(), text); err != nil {
			t.Errorf("%s: %s: %v", filepath.Base(path), text, err)
		}
	}
	for _, path := range runbooks {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
			run(path, match[1])
		}
		for _, match := range code.FindAllStringSubmatch(blocks.ReplaceAllString(string(page), ""), -1) {
			text := strings.Join(strings.Fields(match[1]), " ")
			if !command.MatchString(text) || slices.Contains([]string{"path limit", "server role"}, text) { // not commands
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
				run(path, text)
			default:
				t.Errorf("%s: %q is neither run nor in notRun", filepath.Base(path), text)
			}
		}
	}
	if queries < 4 {
		t.Errorf("got %d SQL statements in the runbooks, want at least 4", queries)
	}
	for prefix := range left {
		t.Errorf("no runbook has %q: remove it from notRun", prefix)
	}
}

// TestRunbookKubectl checks the kubectl commands of the runbooks as far as possible without
// a cluster: "kubectl debug" needs a pod and -it, "kubectl logs" of a Deployment reads only
// one pod, and the names must be the chart's.
func TestRunbookKubectl(t *testing.T) {
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	runbooks, err := filepath.Glob(filepath.Join(root, "docs/runbooks/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	deployment := helm.Only[*appsv1.Deployment](t, helm.Load(t).Render(t, ""))
	name := deployment.Spec.Template.Labels["app.kubernetes.io/name"]
	form := regexp.MustCompile(`^kubectl (-n [a-z<>-]+ )?(get|logs|debug|describe|rollout) `)
	found := 0
	for _, path := range runbooks {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile("`(kubectl [^`]+)`").FindAllStringSubmatch(string(page), -1) {
			found++
			command := strings.Join(strings.Fields(match[1]), " ")
			wrong := func(why string) { t.Errorf("%s: %s: %s", filepath.Base(path), command, why) }
			parts := form.FindStringSubmatch(command)
			if parts == nil {
				wrong("not a form that is checked")
				continue
			}
			verb, rest := parts[2], command[len(parts[0]):]
			deploy := regexp.MustCompile(`\bdeploy[/ ](\S+)`).FindStringSubmatch(rest)
			switch {
			case verb == "debug" && (!strings.Contains(rest, "<pod>") || !strings.Contains(rest, "-it ")):
				wrong("kubectl debug needs -it and a pod")
			case verb == "logs" && deploy != nil:
				wrong("kubectl logs of a Deployment reads one pod")
			case verb == "logs" && strings.Contains(rest, "-l ") && !strings.Contains(rest, "--tail=-1"):
				wrong("kubectl logs by labels reads 10 lines a pod")
			case deploy != nil && deploy[1] != deployment.Name:
				wrong("the chart's Deployment is " + deployment.Name)
			case strings.Contains(rest, "name=otel") && !strings.Contains(rest, "-l app.kubernetes.io/name="+name):
				wrong("the chart's pods have the name " + name)
			case parts[1] == "-n "+deployment.Namespace+" " && verb == "rollout" && !strings.HasPrefix(rest, "restart deploy/"):
				wrong("not a form that is checked")
			}
		}
	}
	if found < 10 {
		t.Errorf("got %d kubectl commands in the runbooks, want at least 10", found)
	}
}
