package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/internal/postgres"
)

// TestConnect checks that errors of Connect distinguish an invalid URL from an unreachable
// server, and have one line without the password.
func TestConnect(t *testing.T) {
	conn, err := postgres.Connect(t.Context(), pgtest.New(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close(t.Context())
	for url, unreachable := range map[string]bool{
		"postgres://o:hunter2@127.0.0.1:1/coder":             true,
		"postgres://o:hunter2@127.0.0.1:1,localhost:1/coder": true,
		"postgres://o:hunter2@127.0.0.1:1/coder?sslmode=x":   false,
		"postgres://o:hunter2@h@127.0.0.1:1/coder":           false,
		"mysql://hunter2": false,
	} {
		_, err := postgres.Connect(t.Context(), url)
		_, connect := errors.AsType[*pgconn.ConnectError](err)
		if err == nil || connect != unreachable || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got error %v, a ConnectError %t, want %t", url, err, connect, unreachable)
		}
	}
}
