package pgtest

import (
	"fmt"
	"os"
	"sync"
	"testing"
)

// variable is the environment variable with the URL of a server to use instead of starting one.
const variable = "OTELCODER_TEST_POSTGRES_URL"

// shared is the server that the tests of a binary share.
var shared struct {
	sync.Mutex
	server *Server
}

// New creates an empty database on the server that the tests of this binary share. The first
// call starts the server. A package that calls New calls [Main] in its TestMain.
func New(t testing.TB) *Database {
	t.Helper()
	return NewEncoded(t, utf8)
}

// NewEncoded is [New] for a database with another encoding.
func NewEncoded(t testing.TB, encoding string) *Database {
	t.Helper()
	if admin := os.Getenv(variable); admin != "" {
		return create(t, admin, encoding)
	}
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		s, err := start()
		if err != nil {
			t.Fatal(err)
		}
		shared.server = s
	}
	return create(t, shared.server.URL, encoding)
}

// Main wraps a package's tests: the server is stopped after the tests, and initdb runs only
// once.
func Main(m *testing.M) Tests { return Tests{m} }

// Tests are the tests of a package.
type Tests struct{ m *testing.M }

// Run runs the tests, stops the server and returns the exit code.
func (t Tests) Run() int {
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	blank.dir = dir
	code := t.m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.remove()
		shared.server = nil
	}
	return code
}
