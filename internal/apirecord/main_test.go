package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write writes a module in a temporary directory. The arguments are the name and the content
// of each file in turn.
func write(t *testing.T, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(root, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestExported(t *testing.T) {
	root := write(t,
		"go.mod", "module example.com/m\n\ngo 1.26\n",
		"cmd/c/main.go", "package main\n\nfunc main() {}\n\nfunc Exported() {}\n",
		"docs/docs_test.go", "package docs_test\n\nfunc Exported() {}\n",
		"internal/i/i.go", "package i\n\nfunc Hidden() {}\n",
		"p/p.go", `package p

import "time"

const Limit = 3

var Err error

type Kind uint8

const First Kind = 0

func (Kind) String() string { return "" }

type base struct {
	Name  string
	state int
}

func (*base) Close() error { return nil }

type Config struct {
	base
	Labels
	Every  time.Duration
	Names  []string
	secret int
}

type Labels struct{ Owner string }

type Option func(*Config)

type Number interface{ ~int | ~float64 }

type Text interface {
	comparable
	String() string
}

type Stream interface {
	Source
	Close() error
}

type Source interface {
	Ask(at time.Time) (answer int, err error)
}

type Sealed interface{ sealed() }

type Pair[K comparable] struct{ Key K }

type Again = Config

func New(every func(attempt int) time.Duration, options ...Option) (*Config, error) { return nil, nil }

func unexported() {}
`)
	const want = `pkg p, const First Kind
pkg p, const Limit untyped int
pkg p, func New(func(int) time.Duration, ...Option) (*Config, error)
pkg p, method (*Config) Close() error
pkg p, method (Kind) String() string
pkg p, type Again = Config
pkg p, type Config struct
pkg p, type Config struct, Every time.Duration
pkg p, type Config struct, Name string
pkg p, type Config struct, Names []string
pkg p, type Config struct, embedded Labels
pkg p, type Kind uint8
pkg p, type Labels comparable struct
pkg p, type Labels struct, Owner string
pkg p, type Number interface
pkg p, type Number interface, type set ~int | ~float64
pkg p, type Option func(*Config)
pkg p, type Pair[K comparable] comparable struct
pkg p, type Pair[K comparable] struct, Key K
pkg p, type Sealed interface
pkg p, type Sealed interface, an unexported method
pkg p, type Source interface
pkg p, type Source interface, Ask(time.Time) (int, error)
pkg p, type Stream interface
pkg p, type Stream interface, Ask(time.Time) (int, error)
pkg p, type Stream interface, Close() error
pkg p, type Text interface
pkg p, type Text interface, String() string
pkg p, type Text interface, type set comparable
pkg p, var Err error
`
	lines, err := exported(root)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(lines, ""); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestRun checks that a recorded API is accepted unchanged, and that the error for a changed
// API lists the removed and added lines.
func TestRun(t *testing.T) {
	source := "package p\n\nfunc F(name string) {}\n\ntype S interface{ M() }\n\ntype A struct{ N int }\n\ntype B struct{ A }\n"
	root := write(t, "go.mod", "module example.com/m\n\ngo 1.26\n", "p/p.go", source, record, "")
	if err := run(root, false); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true); err != nil {
		t.Errorf("the unchanged API: %v", err)
	}
	for change, want := range map[[2]string]string{
		{"F(name string)", "F(other string)"}: "",
		{"F(name string)", "F(name int)"}:     "-pkg p, func F(string)\n+pkg p, func F(int)\n",
		{"M()", "M(); N()"}:                   "+pkg p, type S interface, N()\n",
		{"{ A }", "{ A A }"}:                  "-pkg p, type B struct, embedded A\n+pkg p, type B struct, A A\n",
		{"func F(name string) {}", ""}:        "-pkg p, func F(string)\n",
	} {
		if err := os.WriteFile(filepath.Join(root, "p/p.go"), []byte(strings.Replace(source, change[0], change[1], 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		err := run(root, true)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), ":\n"+want+"A line")) {
			t.Errorf("%q: got error %v\nwant\n%s", change, err, want)
		}
	}
}
