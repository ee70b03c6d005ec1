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

// session is a connection of the owner of a database that the calls of a test
// share: connecting takes longer than most statements.
type session struct {
	mu   sync.Mutex
	conn *pgx.Conn // nil before the first call
}

// do gives f the connection, without settings of earlier calls, and connects again if
// the test has cut it. A call during another one gets a connection of its own.
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
	if s.conn.PgConn().TxStatus() != 'I' { // the script did not end its transaction
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

// timeout limits a call. The tests' contexts are not used: they have ended when
// databases are dropped.
const timeout = 5 * time.Minute

// dial connects. Statements are described each time: a test may change the tables
// that they name.
func dial(ctx context.Context, address string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	return pgx.ConnectConfig(ctx, config)
}

// connect gives f a connection of its own.
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

// verifier is the SCRAM verifier of a password. It takes one round of hashing, and
// not the 4096 of PostgreSQL's own: with the race detector each connection would
// spend 10 ms on them.
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
