// Package pgtest runs tests on a real PostgreSQL server.
//
// It uses the server of OTELCODER_TEST_POSTGRES_URL (a role that may create databases
// and roles) if that variable is set. Otherwise each test binary starts the installed
// PostgreSQL, from PATH or /usr/lib/postgresql/*/bin, on a Unix socket in a temporary
// directory. Without either, tests fail.
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main(m)) }
//
//	func TestIt(t *testing.T) {
//		db := pgtest.New(t)            // a fresh, empty database
//		db.Exec(t, "CREATE TABLE ...") // as its owner
//		url := db.Role(t, grants)      // a role with only these grants
//	}
//
// A test that stops or freezes the server starts its own server with [Start].
package pgtest
