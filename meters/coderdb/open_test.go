package coderdb

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/internal/logged"
)

// TestOpenRefusesURL checks that the error for an invalid URL is one line and does not quote
// the URL.
func TestOpenRefusesURL(t *testing.T) {
	for _, url := range []string{
		"postgres://otelcoder:hunter2%zz@localhost/coder",
		"postgres://otelcoder:hunter2/y@localhost/coder",
		"postgres://otelcoder:hunter2?y@localhost/coder?sslmode=hunter2",
		"postgres://otelcoder:hunter2@localhost:port/coder",
		"postgres://otelcoder:hunter2@localhost/coder?sslmode=always",
		"postgres://otelcoder:hunter2@localhost/coder?pool_max_conns=hunter2",
		"host=localhost password=hunter2 port=x",
		"password='hunter2",
		"postgres://otelcoder:p@hunter2@localhost/coder",
		"postgres://otelcoder:p@hunter2@localhost,127.0.0.1/coder",
		"postgres://otelcoder:p@localhost,hunter2@127.0.0.1/coder",
		"postgres://otelcoder:12/hunter2@localhost:5432/coder",
		"postgres://otelcoder:/hunter2@localhost:5432/coder",
		"postgres://otelcoder:7/hunter2@localhost:5432/coder",
		"postgres://otelcoder:12,34/hunter2@localhost:5432/coder",
		"postgres://otelcoder:p@12/hunter2?x=y@localhost/coder",
		"postgres://otelcoder:12/x?hunter2=y@localhost/coder",
		"postgres://otelcoder:12/hunter2%40localhost/coder",
		"postgres://otelcoder%3Ahunter2%40localhost/coder",
		"postgres://otelcoder%3Ahunter2@localhost/coder",
		"postgres://localhost?password=hunter2@otelcoder",
		"postgres://otelcoder@localhost/coder&password=hunter2",
		"postgres://otelcoder@localhost/coder?user=otelcoder&password=1@hunter2",
		"mysql://otelcoder:hunter2@localhost/coder?charset=utf8",
		"jdbc:postgresql://localhost/coder?user=otelcoder&password=hunter2",
		"host=localhost password=1 hunter2=x",
		"mysql://hunter2",
		"hunter2",
	} {
		db, err := Open(t.Context(), url)
		if err == nil {
			db.Close()
			t.Errorf("%s: no error", url)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q", url, err)
		}
	}
}

// TestOpenDoesNotConnect checks that Open succeeds if the database is unreachable, and that
// the error of the collection does not show the password.
func TestOpenDoesNotConnect(t *testing.T) {
	for _, url := range []string{
		"postgres://otelcoder:hunter2@127.0.0.1:1/coder",
		"postgres://otelcoder:hunter2@/coder?host=/nowhere",
		"postgres://otelcoder:hunter2@/coder?host=/no%40where",
		"host=/no@where user=otelcoder password=hunter2",
		"host=127.0.0.1 port=1 user=otelcoder password=hunter2",
	} {
		db, err := Open(t.Context(), url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err = db.Sources().ActiveUsers.ActiveUsers(ctx)
		cancel()
		db.Close()
		switch {
		case err == nil:
			t.Errorf("%s: the collection returns no error", url)
		case !strings.HasPrefix(err.Error(), "read active users: failed to connect to"),
			strings.Contains(err.Error(), "hunter2"), strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: error %q", url, err)
		}
	}
}

// TestParametersOfOtherDrivers checks that URL parameters of other drivers are logged, and
// not sent to the server, which would refuse the connection.
func TestParametersOfOtherDrivers(t *testing.T) {
	_, url := newDatabase(t, "schema.sql")
	url = " \t" + url + "&keepalives=1&keepalives_idle=30&gssencmode=disable&load_balance_hosts=random" +
		"&fallback_application_name=coder&binary_parameters=yes&replication=false&ssl_min_protocol_version=TLSv1.2&tcp_user_timeout=1000\n"
	var log logged.Log
	db, err := Open(t.Context(), url, WithLogger(log.Logger()))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const want = `level=WARN msg="parameters of the database's URL have no effect" parameters="binary_parameters fallback_application_name ` +
		`gssencmode keepalives keepalives_idle load_balance_hosts replication ssl_min_protocol_version tcp_user_timeout"` + "\n"
	if got := log.String(); got != want {
		t.Errorf("got log %s\nwant %s", got, want)
	}
	if err := db.pool.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
