package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLogDurations checks that a duration has its unit in both formats.
func TestLogDurations(t *testing.T) {
	for format, want := range map[string]string{"text": " in=1.5s\n", "json": `"in":"1.5s"}` + "\n"} {
		var log bytes.Buffer
		o := logOptions{format: format, level: slog.LevelInfo}
		o.logger(&log).Info("reporting", "in", 1500*time.Millisecond)
		if !strings.HasSuffix(log.String(), want) {
			t.Errorf("%s: got %q, want the end %q", format, &log, want)
		}
	}
}

// TestRunbooks checks that lines which need action name their runbook, also after With,
// and that other lines do not.
func TestRunbooks(t *testing.T) {
	var text bytes.Buffer
	o := logOptions{format: "json", level: slog.LevelInfo}
	log := o.logger(&text).With("source", "agents")
	log.Warn("source fails", "error", "permission denied")
	log.Info("source recovered")
	failed, recovered, _ := strings.Cut(text.String(), "\n")
	if !strings.HasSuffix(failed, `"msg":"source fails","source":"agents","error":"permission denied","runbook":"OtelcoderSourceDown"}`) {
		t.Errorf("the line lacks its runbook: %s", failed)
	}
	if strings.Contains(recovered, "runbook") {
		t.Errorf("the line names a runbook: %s", recovered)
	}
}

// TestRunbookOfOutage checks that lines about an unreachable database name the runbook of the
// alert for the database, and lines about one failing source the runbook of the alert for it.
func TestRunbookOfOutage(t *testing.T) {
	for message, want := range map[string]string{
		"the database is unreachable":                              "OtelcoderDatabaseDown",
		"the database is still unreachable":                        "OtelcoderDatabaseDown",
		"cannot reconnect to the database: its URL cannot be used": "OtelcoderDatabaseDown",
		"source fails":               "OtelcoderSourceDown",
		"series of source withdrawn": "OtelcoderSourceDown",
	} {
		var text bytes.Buffer
		o := logOptions{format: "text", level: slog.LevelInfo}
		o.logger(&text).Warn(message)
		if !strings.HasSuffix(text.String(), " runbook="+want+"\n") {
			t.Errorf("got the line %swant the runbook %s", &text, want)
		}
	}
}

// withoutRunbook lists the messages at level WARN or above without a runbook. They are
// logged once and name the remedy themselves.
var withoutRunbook = []string{
	"tailnet_peers has no connected agent: Coder fills it only with its high-availability license",
	"a standby cannot read an unlogged table",
	"the database lacks a table that other versions of Coder have",
	"the database lacks columns that other versions of Coder have",
	"row-level security applies to the role: what its policies hide is not counted",
	"a license has an unknown version; its user limit is counted nevertheless",
	"parameters of the database's URL have no effect",
	"metrics are pushed with cumulative temporality",
	"a part of the resource attributes is left out: check OTEL_RESOURCE_ATTRIBUTES",
	"traces are not pushed", // of an import; the service has no traces
	"the SDK folded series into one with the attribute otel.metric.overflow: the stream has more than the cardinality limit",
	"cannot stop cleanly",
	"OpenTelemetry: error", "OpenTelemetry: *", "gRPC: *",
}

// TestLogsAreDocumented finds the log calls in the program's source, and checks that
// docs/logs.md lists each key, and each message that needs action with its runbook.
func TestLogsAreDocumented(t *testing.T) {
	calls := logCalls(t)
	page := read(t, "../../docs/logs.md")

	var documented []string
	for _, match := range regexp.MustCompile("(?m)^\\| `(\\w+)` +\\|").FindAllStringSubmatch(page, -1) {
		documented = append(documented, match[1])
	}
	used := []string{"time", "level", "msg", "runbook", "address", "http2"} // the last two are exporter-toolkit's
	var serious []string
	for _, c := range calls {
		used = append(used, c.keys...)
		if c.level >= slog.LevelWarn {
			serious = append(serious, c.message)
		}
	}
	for _, set := range []*[]string{&used, &documented, &serious} {
		slices.Sort(*set)
		*set = slices.Compact(*set)
	}
	if !slices.Equal(documented, used) {
		t.Errorf("docs/logs.md has the keys\n%q\nthe code has\n%q", documented, used)
	}

	known := slices.Clone(withoutRunbook)
	for message, runbook := range runbooks {
		known = append(known, message)
		if !regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(message) + "` +\\| \\[" + runbook + "\\]\\(runbooks/" + runbook + "\\.md\\) +\\|$").MatchString(page) {
			t.Errorf("docs/logs.md has no row for %q with the runbook %s", message, runbook)
		}
		read(t, "../../docs/runbooks/"+runbook+".md")
	}
	like := func(pattern, message string) bool {
		return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".+") + "$").MatchString(message)
	}
	for _, message := range serious {
		if !slices.ContainsFunc(known, func(k string) bool { return k == message || like(message, k) }) {
			t.Errorf("the line %q has neither a runbook nor a place in withoutRunbook", message)
		}
	}
	for _, message := range known {
		if !slices.ContainsFunc(serious, func(s string) bool { return s == message || like(s, message) }) {
			t.Errorf("no log call has the message %q", message)
		}
	}
}

// logCall is a log call. A * in its message stands for a part that is not a literal.
type logCall struct {
	level   slog.Level
	message string
	keys    []string
}

// logCalls returns the log calls of the packages that the program links.
func logCalls(t *testing.T) []logCall {
	t.Helper()
	var calls []logCall
	for _, dir := range []string{".", "../../meters", "../../exporters", "../../httpmw", "../../instrument", "../../internal"} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			w := logWalker{t: t, path: path, lists: make(map[string][]ast.Expr)}
			ast.Inspect(file, w.list)
			ast.Inspect(file, w.call)
			calls = append(calls, w.calls...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(calls) < 40 {
		t.Fatalf("found %d log calls, want at least 40", len(calls))
	}
	return calls
}

// logWalker finds the log calls of a file.
type logWalker struct {
	t     *testing.T
	path  string
	lists map[string][]ast.Expr // elements of variables, by name
	calls []logCall
}

// list notes the elements of a variable that may be a list of attributes.
func (w *logWalker) list(n ast.Node) bool {
	assign, ok := n.(*ast.AssignStmt)
	if !ok || len(assign.Lhs) != 1 {
		return true
	}
	name, ok := assign.Lhs[0].(*ast.Ident)
	if !ok {
		return true
	}
	switch value := assign.Rhs[0].(type) {
	case *ast.CompositeLit:
		if array, ok := value.Type.(*ast.ArrayType); ok && isAny(array.Elt) {
			w.lists[name.Name] = append(w.lists[name.Name], value.Elts...)
		}
	case *ast.CallExpr:
		if function, ok := value.Fun.(*ast.Ident); ok && function.Name == "append" {
			w.lists[name.Name] = append(w.lists[name.Name], value.Args[1:]...)
		}
	}
	return true
}

func isAny(e ast.Expr) bool {
	name, ok := e.(*ast.Ident)
	return ok && name.Name == "any"
}

// call notes a log call.
func (w *logWalker) call(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.KeyValueExpr: // of outage.Messages
		if key, ok := n.Key.(*ast.Ident); ok && (key.Name == "Begins" || key.Name == "Lasts") {
			w.calls = append(w.calls, logCall{slog.LevelWarn, text(n.Value), nil})
		}
	case *ast.CallExpr:
		selector, ok := n.Fun.(*ast.SelectorExpr)
		if !ok || !isLog(selector.X) {
			return true
		}
		levels := map[string]slog.Level{"Debug": slog.LevelDebug, "Info": slog.LevelInfo, "Warn": slog.LevelWarn, "Error": slog.LevelError}
		level, ok := levels[selector.Sel.Name]
		switch {
		case ok && text(n.Args[0]) != "*": // the messages of package outage are arguments
			w.calls = append(w.calls, logCall{level, text(n.Args[0]), w.attributes(n, 1)})
		case ok:
			w.calls = append(w.calls, logCall{slog.LevelDebug, "", w.attributes(n, 1)})
		case selector.Sel.Name == "With":
			w.calls = append(w.calls, logCall{slog.LevelDebug, "", w.attributes(n, 0)})
		case selector.Sel.Name == "change": // of coderdb's log of the role
			w.calls = append(w.calls, logCall{slog.LevelInfo, text(n.Args[1]), w.attributes(n, 2)})
		}
	}
	return true
}

// isLog reports whether an expression is a logger, by its name.
func isLog(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "log" || e.Name == "logger" || e.Name == "slog"
	case *ast.SelectorExpr:
		return isLog(e.Sel)
	}
	return false
}

// text returns a message, with * for each part that is not a literal.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		unquoted, _ := strconv.Unquote(e.Value)
		return unquoted
	case *ast.BinaryExpr:
		return text(e.X) + text(e.Y)
	}
	return "*"
}

// attributes returns the keys of a call's attributes, which begin at argument first.
func (w *logWalker) attributes(call *ast.CallExpr, first int) []string {
	if !call.Ellipsis.IsValid() {
		return w.keys(call.Args[first:])
	}
	name, ok := call.Args[first].(*ast.Ident)
	if !ok {
		w.t.Errorf("%s: the attributes are not a variable", w.path)
		return nil
	}
	return w.keys(w.lists[name.Name])
}

// keys returns the keys of attributes.
func (w *logWalker) keys(attributes []ast.Expr) []string {
	var keys []string
	for i := 0; i < len(attributes); i += 2 {
		key := text(attributes[i])
		if key == "*" || strings.Contains(key, " ") {
			w.t.Errorf("%s: the key of an attribute is not a literal word: %s", w.path, key)
		}
		keys = append(keys, key)
	}
	return keys
}
