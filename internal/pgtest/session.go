package pgtest

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// session is a connection of a database's owner that the calls of a test share, since
// connecting takes longer than most statements.
type session struct {
	mu   sync.Mutex
	conn *pgx.Conn // nil before the first call
}

// do calls f with the connection, without the settings of earlier calls. It connects again if
// the test has cut the connection. A concurrent call gets its own connection.
func (s *session) do(address string, f func(context.Context, *pgx.Conn) error) error {
	if !s.mu.TryLock() {
		return connect(address, f)
	}
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if s.conn != nil {
		if _, err := s.conn.Exec(ctx, "DISCARD ALL"); err != nil {
			s.disconnect(ctx)
		}
	}
	if s.conn == nil {
		conn, err := dial(ctx, address)
		if err != nil {
			return err
		}
		s.conn = conn
	}
	err := f(ctx, s.conn)
	if s.conn.PgConn().TxStatus() != 'I' { // f did not end its transaction
		s.disconnect(ctx)
	}
	return err
}

func (s *session) disconnect(ctx context.Context) {
	s.conn.Close(ctx)
	s.conn = nil
}

func (s *session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		s.disconnect(ctx)
	}
}

// timeout is the time limit of a call. Calls do not use the contexts of tests, which are
// canceled before databases are dropped.
const timeout = 5 * time.Minute

// dial connects. Statements are described at each execution, since a test may change their
// tables.
func dial(ctx context.Context, address string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	return pgx.ConnectConfig(ctx, config)
}

// connect calls f with a new connection.
func connect(address string, f func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	c, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	return f(ctx, c)
}

func execute(address, sql string, args ...any) error {
	return connect(address, statement(sql, args...))
}

func statement(sql string, args ...any) func(context.Context, *pgx.Conn) error {
	return func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, sql, args...)
		return err
	}
}

func run(t testing.TB, address, sql string, args ...any) {
	t.Helper()
	must(t, sql, execute(address, sql, args...))
}

func must(t testing.TB, sql string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%.200s: %v", sql, err)
	}
}

// verifier returns the SCRAM verifier of a password. It uses one iteration of the hash instead
// of PostgreSQL's 4096, which take 10 ms per connection with the race detector.
func verifier(password string) string {
	salt := []byte("salt of pgtest")
	salted, err := pbkdf2.Key(sha256.New, password, salt, 1, sha256.Size)
	if err != nil {
		panic(err) // only in FIPS mode, which the tests do not run in
	}
	sign := func(text string) []byte {
		mac := hmac.New(sha256.New, salted)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	stored := sha256.Sum256(sign("Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$1:%s$%s:%s", encode(salt), encode(stored[:]), encode(sign("Server Key")))
}
