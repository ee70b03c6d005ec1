package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// superuser is the role that [Server].URL connects as.
const superuser, password = "postgres", "s3cret"

const utf8 = "UTF8"

// Server is a PostgreSQL server that a test can stop, freeze and restart.
type Server struct {
	// URL connects to the database postgres as a superuser.
	URL string

	bin, dir string
	as       *syscall.Credential // nil: the user of the tests
	process  *os.Process
	exited   chan struct{}
	listen   []string // arguments of the server for TCP
}

// Start starts a server for one test, which stops when the test ends. It needs an installed
// PostgreSQL, also if OTELCODER_TEST_POSTGRES_URL is set.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.remove)
	return s
}

// Database creates an empty database on the server.
func (s *Server) Database(t testing.TB) *Database {
	t.Helper()
	return create(t, s.URL, utf8)
}

// Standby starts a hot standby of this server. It stops when the test ends.
func (s *Server) Standby(t testing.TB) *Server {
	t.Helper()
	standby := &Server{bin: s.bin, as: s.as}
	var err error
	if standby.dir, err = os.MkdirTemp("", "pgtest"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(standby.remove)
	if s.as != nil {
		if err := os.Chown(standby.dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	backup := s.command("pg_basebackup", "--pgdata="+standby.data(), "--write-recovery-conf", "--host="+s.dir, "--username="+superuser,
		"--checkpoint=fast", "--no-sync")
	backup.Env = append(backup.Env, "PGPASSWORD="+password)
	if out, err := backup.CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v: %s", err, bytes.TrimSpace(out))
	}
	standby.URL = standby.Of(t, s.URL)
	if err := standby.run(); err != nil {
		t.Fatal(err)
	}
	return standby
}

// ListenTCP restarts the server on a port of 127.0.0.1, so that it sees the addresses of its
// clients. It returns a function that converts the URL of a database of this server to TCP.
func (s *Server) ListenTCP(t testing.TB) (over func(address string) string) {
	t.Helper()
	free := Listen(t)
	host := free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(host)
	s.listen = []string{"-c", "listen_addresses=127.0.0.1", "-c", "port=" + port}
	u := parse(t, s.URL)
	u.RawQuery = url.Values{"host": {s.dir}, "port": {port}}.Encode()
	s.URL = u.String()
	s.Restart(t)
	return func(address string) string {
		u := parse(t, address)
		u.Host, u.RawQuery = host, "sslmode=disable"
		return u.String()
	}
}

// Of returns the URL of this server's copy of another server's database.
func (s *Server) Of(t testing.TB, address string) string {
	t.Helper()
	u := parse(t, address)
	u.RawQuery = url.Values{"host": {s.dir}}.Encode()
	return u.String()
}

// Exec runs SQL as a superuser.
func (s *Server) Exec(t testing.TB, sql string) {
	t.Helper()
	run(t, s.URL, sql)
}

// Stop stops the server at once, like a crash: connections are cut and new ones refused.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.thaw()
	s.stop()
}

// Restart starts the server again at the same address with the same data. It stops a running
// server first.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.thaw()
	s.stop()
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
}

// Freeze stops every process of the server with SIGSTOP: connections stay open and the kernel
// accepts new ones, but the server does not respond. Thaw and the end of the test undo it.
func (s *Server) Freeze(t testing.TB) {
	t.Helper()
	// The postmaster stops first, so that it starts no process while the others stop.
	if err := s.process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatalf("freeze PostgreSQL: %v", err)
	}
	t.Cleanup(s.thaw)
	if err := s.signalChildren(syscall.SIGSTOP); err != nil {
		t.Fatalf("freeze PostgreSQL: %v", err)
	}
}

// Thaw continues a frozen server.
func (s *Server) Thaw(t testing.TB) {
	t.Helper()
	s.thaw()
}

func (s *Server) thaw() {
	if s.process == nil {
		return
	}
	_ = s.signalChildren(syscall.SIGCONT)
	_ = s.process.Signal(syscall.SIGCONT)
}

// signalChildren signals the processes that the postmaster started. Each one has its own
// process group, so they are signaled one by one.
func (s *Server) signalChildren(sig syscall.Signal) error {
	out, err := exec.Command("ps", "-o", "pid=", "--ppid", strconv.Itoa(s.process.Pid)).Output()
	if err != nil {
		return fmt.Errorf("list its processes with ps: %w", err)
	}
	for field := range strings.FieldsSeq(string(out)) {
		if pid, err := strconv.Atoi(field); err == nil {
			_ = syscall.Kill(pid, sig)
		}
	}
	return nil
}

// start creates a data directory and runs a server on it.
func start() (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	s := &Server{bin: bin, dir: dir}
	if err := s.init(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

// binaries returns the folder of initdb and postgres: that of PATH, or else of the newest
// installed version.
func binaries() (string, error) {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(folders, func(a, b string) int { return version(b) - version(a) })
	if path, err := exec.LookPath("initdb"); err == nil {
		// PATH may have a link to initdb in a folder without the other programs.
		if target, err := filepath.EvalSymlinks(path); err == nil {
			path = target
		}
		folders = slices.Insert(folders, 0, filepath.Dir(path))
	}
	for _, folder := range folders {
		_, errInit := exec.LookPath(filepath.Join(folder, "initdb"))
		_, errServer := exec.LookPath(filepath.Join(folder, "postgres"))
		if errInit == nil && errServer == nil {
			return folder, nil
		}
	}
	return "", errors.New("no PostgreSQL to test with: install it (Debian: apt-get install postgresql) or set " + variable + " to the URL of a server")
}

func version(folder string) int {
	v, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
	return v
}

func (s *Server) init() error {
	var err error
	if s.as, err = unprivileged(); err != nil {
		return err
	}
	if err := s.makeData(); err != nil {
		return err
	}
	s.URL = (&url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, password),
		Path:     "/postgres",
		RawQuery: url.Values{"host": {s.dir}}.Encode(),
	}).String()
	if err := s.run(); err != nil {
		return err
	}
	if err := execute(s.URL, "ALTER ROLE "+superuser+" PASSWORD '"+verifier(password)+"'"); err != nil {
		s.stop()
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	return nil
}

// blank holds a copy of a data directory from before the server's first run. With [Main],
// later servers copy it instead of running initdb, which takes seconds.
var blank struct {
	sync.Mutex
	dir string // created by Main; empty without Main
}

// makeData creates the data directory.
func (s *Server) makeData() error {
	if s.as != nil {
		if err := os.Chown(s.dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return fmt.Errorf("start PostgreSQL: %w", err)
		}
	}
	blank.Lock()
	defer blank.Unlock()
	if blank.dir == "" {
		return s.initdb()
	}
	kept := filepath.Join(blank.dir, "data")
	if _, err := os.Stat(kept); err == nil {
		return copyData(kept, s.data())
	}
	if err := s.initdb(); err != nil {
		return err
	}
	return copyData(s.data(), kept)
}

// copyData copies a data directory and keeps its owner.
func copyData(from, to string) error {
	if out, err := exec.Command("cp", "-R", "-p", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy the data directory: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

func (s *Server) initdb() error {
	passwordFile := filepath.Join(s.dir, "password")
	if err := os.WriteFile(passwordFile, []byte(password+"\n"), 0o600); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	if s.as != nil {
		if err := os.Chown(passwordFile, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return fmt.Errorf("start PostgreSQL: %w", err)
		}
	}
	initdb := s.command("initdb", "--pgdata="+s.data(), "--username="+superuser, "--pwfile="+passwordFile,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// unprivileged returns the user to run servers as, since they refuse to run as root, or nil
// for the user of the tests.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if errUID == nil && errGID == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL does not run as root: add a user named postgres or nobody")
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.bin, name), args...)
	c.Dir = s.dir
	c.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	return c
}

// run starts the server and waits until it responds.
func (s *Server) run() error {
	logFile, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	defer logFile.Close()
	c := s.command("postgres", "-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "unix_socket_permissions=0777",
		"-c", "fsync=off", "-c", "full_page_writes=off",
		"-c", "max_connections=100", "-c", "shared_buffers=128MB")
	c.Args = append(c.Args, s.listen...)
	c.Stdout, c.Stderr = logFile, logFile
	// A killed test binary must not leave a server behind.
	endWithParent(c.SysProcAttr)
	if err := c.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	exited := make(chan struct{})
	s.process, s.exited = c.Process, exited
	go func() {
		defer close(exited)
		_ = c.Wait()
	}()
	const patience = time.Minute
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		select {
		case <-exited:
			return fmt.Errorf("PostgreSQL exited during its start: %s", s.log())
		default:
		}
		if answer(s.URL) == nil {
			return nil
		}
		if time.Now().After(deadline) {
			s.stop()
			return fmt.Errorf("no response from PostgreSQL within %v of its start: %s", patience, s.log())
		}
	}
}

// stop stops the server at once and waits for its exit.
func (s *Server) stop() {
	if s.process == nil {
		return
	}
	_ = s.process.Signal(syscall.SIGQUIT)
	select {
	case <-s.exited:
	case <-time.After(30 * time.Second):
		_ = s.process.Kill()
		<-s.exited
	}
	s.process = nil
}

func (s *Server) remove() {
	s.thaw()
	s.stop()
	os.RemoveAll(s.dir)
}

// log returns the end of the server's log.
func (s *Server) log() string {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if errors.Is(err, fs.ErrNotExist) {
		return "no log"
	}
	return strings.TrimSpace(string(b[max(0, len(b)-2000):]))
}

func answer(address string) error { return execute(address, "SELECT 1") }
