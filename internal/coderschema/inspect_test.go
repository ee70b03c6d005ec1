package coderschema

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/internal/postgres"
)

func inspect(t *testing.T, url string) *Inspection {
	t.Helper()
	conn, err := postgres.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	i, err := Inspect(t.Context(), conn, instrument.Documented, nil)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestInspect(t *testing.T) {
	d, url := newDatabase(t)
	role := roleOf(t, url)
	i := inspect(t, url)
	if i.Server == "" || !i.Supported || i.Standby || i.TLS != "" || !i.Local || i.Database != d.Name() || i.Role != role || i.ConnectionLimit != -1 || i.Heartbeat != nil {
		t.Errorf("got %+v", i)
	}
	if i.Schema != "public" || !i.Usage || i.Absent != nil || i.Denied != nil || i.Lacks != nil || i.Hidden != nil || i.Filtered != nil || i.AllowRows != "" {
		t.Errorf("got %+v", i)
	}

	d.Exec(t, "REVOKE SELECT (jwt) ON licenses FROM "+role+"; REVOKE SELECT (email, status) ON users FROM "+role)
	d.Exec(t, "ALTER TABLE workspaces DROP COLUMN name; DROP TABLE tailnet_peers; ALTER TABLE users DROP COLUMN is_system")
	d.Exec(t, "ALTER TABLE templates ENABLE ROW LEVEL SECURITY; ALTER TABLE licenses ENABLE ROW LEVEL SECURITY; ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON api_keys USING (false)")
	d.Exec(t, "ALTER ROLE "+role+" CONNECTION LIMIT 2; INSERT INTO workspace_agents (id, resource_id, name, created_at, last_connected_at) VALUES (u(1), u(1), 'a', now(), now() + interval '1 minute')")
	i = inspect(t, url)
	for _, c := range []struct{ got, want any }{
		{i.Denied, []Table{{Name: "users", Columns: []string{"status", "email"}}, {Name: "licenses", Columns: []string{"jwt"}}}},
		{i.Absent, []Table{{Name: "workspaces", Columns: []string{"name"}}}},
		{i.Lacks, []Lack{
			{"users", []string{"is_system"}, "system users count as users", false},
			{"tailnet_peers", nil, "tailnet nodes and connection latencies of agents are unknown", false},
		}},
		{slices.Sorted(slices.Values(i.Hidden)), []string{"licenses", "templates"}},
		{i.Filtered, []string{"api_keys"}},
		{i.BypassRows, `ALTER ROLE "` + role + `" BYPASSRLS`},
		{i.ConnectionLimit, 2},
		{i.RaiseLimit, `ALTER ROLE "` + role + `" CONNECTION LIMIT 3`},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("got %+v, want %+v", c.got, c.want)
		}
	}
	if i.Heartbeat == nil || *i.Heartbeat > 0 || *i.Heartbeat < -time.Minute {
		t.Errorf("got heartbeat %v, want -1m to 0s", i.Heartbeat)
	}
	d.Exec(t, i.AllowRows+";"+i.RaiseLimit)
	if i = inspect(t, url); i.Hidden != nil || i.AllowRows != "" || i.RaiseLimit != "" || i.ConnectionLimit != 3 {
		t.Errorf("after AllowRows and RaiseLimit: got %+v", i)
	}
}

// TestInspectWithoutUsage checks that one inspection finds all missing grants, though the
// role cannot see the tables.
func TestInspectWithoutUsage(t *testing.T) {
	d, url := newDatabase(t)
	role := roleOf(t, url)
	d.Exec(t, "DROP OWNED BY "+role+"; ALTER SCHEMA public RENAME TO coder; REVOKE USAGE ON SCHEMA coder FROM PUBLIC; ALTER TABLE coder.users ENABLE ROW LEVEL SECURITY")
	i := inspect(t, url)
	if i.Schema != "coder" || i.Usage || i.Absent != nil || i.Lacks != nil || len(i.Denied) != len(Tables(instrument.Documented)) || !slices.Equal(i.Hidden, []string{"users"}) {
		t.Errorf("got %+v", i)
	}
	d.Exec(t, GrantsIn(instrument.Documented, "coder", role)+i.AllowRows)
	i = inspect(t, url)
	if !i.Usage || i.Denied != nil || i.Hidden != nil {
		t.Errorf("after the grants and AllowRows: got %+v", i)
	}
}

// TestInspectTLS checks connections with TLS through a proxy that terminates it, since the
// server of the tests has no TLS.
func TestInspectTLS(t *testing.T) {
	_, url := newDatabase(t)
	https := httptest.NewTLSServer(nil) // has a certificate for 127.0.0.1
	defer https.Close()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	pem := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: https.Certificate().Raw})
	if err := os.WriteFile(authority, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	through := terminateTLS(t, url, https.TLS)
	for mode, verified := range map[string]bool{"require": false, "verify-ca&sslrootcert=" + authority: true, "verify-full&sslrootcert=" + authority: true} {
		i := inspect(t, strings.Replace(through, "sslmode=disable", "sslmode="+mode, 1))
		if i.TLS != "TLS 1.3" || i.Verified != verified || !i.Local {
			t.Errorf("%s: got %q, verified %v, local %v; want TLS 1.3, %v, true", mode, i.TLS, i.Verified, i.Local, verified)
		}
	}
}

// terminateTLS starts a proxy that accepts TLS in front of the server of a URL, and returns
// the URL of the proxy.
func terminateTLS(t *testing.T, url string, config *tls.Config) (through string) {
	to, err := postgres.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	network, address := pgconn.NetworkAddress(to.Host, to.Port)
	l := pgtest.Listen(t)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			plain, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer plain.Close()
				var request [8]byte // the SSLRequest message
				if _, err := io.ReadFull(plain, request[:]); err != nil {
					return
				}
				if _, err := plain.Write([]byte("S")); err != nil {
					return
				}
				server, err := net.Dial(network, address)
				if err != nil {
					return
				}
				defer server.Close()
				client := tls.Server(plain, config)
				serving.Go(func() {
					defer client.Close()
					io.Copy(client, server)
				})
				io.Copy(server, client)
			})
		}
	})
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { l.Close() })
	return pgtest.Through(t, url, l)
}

func TestInspectEmptyDatabase(t *testing.T) {
	d := pgtest.New(t)
	if i := inspect(t, d.URL); i.Schema != "" || i.Database != d.Name() {
		t.Errorf("got %+v, want no schema in the database %s", i, d.Name())
	}
}
