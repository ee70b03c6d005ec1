package coderdb

import (
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// proxy stands between a process and the database, and can freeze: it forwards
// nothing then, in neither direction, and closes nothing. To the database that
// is a process that is frozen, to the process a network that is cut.
type proxy struct {
	URL string

	network, address string       // of the database
	gate             sync.RWMutex // locked while it is frozen

	mu     sync.Mutex
	conns  []net.Conn
	closed bool
}

func newProxy(t *testing.T, address string) *proxy {
	t.Helper()
	config, err := parseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	p := new(proxy)
	p.network, p.address = pgconn.NetworkAddress(config.Host, config.Port)
	l := listen(t)
	p.URL = through(t, address, l)
	var pumps sync.WaitGroup
	pumps.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(p.network, p.address)
			if err != nil {
				client.Close()
				continue
			}
			p.keep(client, server)
			pumps.Go(func() { p.pump(client, server) })
			pumps.Go(func() { p.pump(server, client) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		p.closed = true
		for _, c := range p.conns {
			c.Close()
		}
		p.mu.Unlock()
		pumps.Wait()
	})
	return p
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// through is the URL of the same database through what listens.
func through(t *testing.T, address string, l net.Listener) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Host, u.RawQuery = l.Addr().String(), "sslmode=disable"
	return u.String()
}

func (p *proxy) keep(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, conns...)
	if p.closed {
		for _, c := range conns {
			c.Close()
		}
	}
}

func (p *proxy) pump(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		p.gate.RLock()
		if err == nil {
			_, err = to.Write(b[:n])
		}
		p.gate.RUnlock()
		if err != nil {
			return
		}
	}
}

// freeze freezes the proxy until thaw is called.
func (p *proxy) freeze() (thaw func()) {
	p.gate.Lock()
	return sync.OnceFunc(p.gate.Unlock)
}
