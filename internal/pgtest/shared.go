package pgtest

import (
	"fmt"
	"os"
	"sync"
	"testing"
)

// variable is the environment variable that names a server to use instead of starting one.
const variable = "OTELCODER_TEST_POSTGRES_URL"

// shared is the server that the tests of a binary use together.
var shared struct {
	sync.Mutex
	server *Server
}

// New makes a fresh database on the server that the tests of this binary
// share, which is started first if need be. A package that calls New calls
// [Main] in its TestMain.
func New(t testing.TB) *Database {
	t.Helper()
	return NewEncoded(t, utf8)
}

// NewEncoded is [New] for a database of another encoding.
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

// Main wraps a package's tests: the server is stopped when they have run, and initdb
// runs only once.
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
