package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// NewPgBouncer starts PgBouncer in front of the database of a URL, with at most size server
// connections. The mode is session, transaction or statement. It returns the URL of the
// database through PgBouncer, which stops when the test ends.
func NewPgBouncer(t testing.TB, address, mode string, size int) (through string) {
	t.Helper()
	program, err := pgbouncer()
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgconn.ParseConfig(address)
	if err != nil {
		t.Fatal("the URL of the test database cannot be parsed")
	}
	dir, err := os.MkdirTemp("", "pgbouncer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	free := Listen(t)
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	users := filepath.Join(dir, "users")
	files := map[string]string{
		users: fmt.Sprintf("\"%s\" \"%s\"\n", config.User, config.Password),
		filepath.Join(dir, "pgbouncer.ini"): fmt.Sprintf(`[databases]
* = host=%s port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = scram-sha-256
auth_file = %s
pool_mode = %s
default_pool_size = %d
`, config.Host, config.Port, port, users, mode, size),
	}
	as, err := unprivileged()
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range files {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if as != nil {
		for _, path := range []string{dir, users, filepath.Join(dir, "pgbouncer.ini")} {
			if err := os.Chown(path, int(as.Uid), int(as.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	var said bytes.Buffer
	c := exec.Command(program, "pgbouncer.ini")
	c.Dir = dir
	c.Stdout, c.Stderr = &said, &said
	c.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	endWithParent(c.SysProcAttr)
	if err := c.Start(); err != nil {
		t.Fatalf("start PgBouncer: %v", err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = c.Wait()
	}()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		<-exited
	})
	u := parse(t, address)
	u.Host, u.RawQuery = net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), "sslmode=disable"
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		err := answer(u.String())
		if err == nil {
			return u.String()
		}
		select {
		case <-exited:
			t.Fatalf("PgBouncer exited during its start: %s", strings.TrimSpace(said.String()))
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("no response from PgBouncer within 1m: %v", err)
		}
	}
}

func pgbouncer() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no PgBouncer to test with: install it (Debian: apt-get install pgbouncer)")
}
