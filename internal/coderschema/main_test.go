package coderschema

import (
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main(m)) }

// newDatabase creates a database with Coder's tables. The returned URL connects as a role
// that has only the grants of the edition Documented.
func newDatabase(t testing.TB) (*pgtest.Database, string) {
	t.Helper()
	schema, err := os.ReadFile("../../meters/coderdb/testdata/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	db := pgtest.New(t)
	db.Exec(t, string(schema))
	return db, db.Role(t, grants)
}

func roleOf(t *testing.T, url string) string {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return config.User
}

// grants returns the grants of the edition Documented.
func grants(role string) string { return Grants(instrument.Documented, role) }
