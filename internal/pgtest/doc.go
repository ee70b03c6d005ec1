// Package pgtest gives tests a real PostgreSQL.
//
// The server of OTELCODER_TEST_POSTGRES_URL (a role that may create databases
// and roles) is used if that variable is set; otherwise the installed one, from
// PATH or /usr/lib/postgresql/*/bin, is started once a test binary, on a Unix
// socket in a temporary directory. Without either a test fails: what it proves
// cannot be proved without a database.
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main(m)) }
//
//	func TestIt(t *testing.T) {
//		db := pgtest.New(t)            // a fresh, empty database
//		db.Exec(t, "CREATE TABLE ...") // as its owner
//		url := db.Role(t, grants)      // a role that may do what is granted
//	}
//
// A test that stops or freezes the server starts one of its own with [Start].
package pgtest
