package pgtest

import (
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Proxy is a TCP proxy of a database.
type Proxy struct {
	URL string // of the database, through the proxy

	network, address string       // of the database
	gate             sync.RWMutex // locked while the proxy is silent

	mu    sync.Mutex
	conns map[net.Conn]bool // nil after the proxy has stopped
}

// NewProxy starts a proxy to the database of a URL. It stops when the test ends.
func NewProxy(t testing.TB, address string) *Proxy {
	t.Helper()
	config, err := pgconn.ParseConfig(address)
	if err != nil {
		t.Fatal("the URL of the test database cannot be parsed")
	}
	listener := Listen(t)
	p := &Proxy{URL: Through(t, address, listener), conns: make(map[net.Conn]bool)}
	p.network, p.address = pgconn.NetworkAddress(config.Host, config.Port)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(p.network, p.address)
			if err != nil {
				client.Close()
				continue
			}
			p.keep(client, server)
			running.Go(func() { p.pump(client, server) })
			running.Go(func() { p.pump(server, client) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		p.Cut()
		p.mu.Lock()
		p.conns = nil
		p.mu.Unlock()
		running.Wait()
	})
	return p
}

// Listen listens on a free port of this host.
func Listen(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// Through returns the URL of the same database through a listener.
func Through(t testing.TB, address string, listener net.Listener) string {
	t.Helper()
	u := parse(t, address)
	u.Host, u.RawQuery = listener.Addr().String(), "sslmode=disable"
	return u.String()
}

// Silence makes the proxy forward nothing and close nothing until speak is called; it still
// accepts connections. To the process this looks like a cut network, to the database like a
// frozen process.
func (p *Proxy) Silence() (speak func()) {
	p.gate.Lock()
	return sync.OnceFunc(p.gate.Unlock)
}

// Cut closes the open connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

func (p *Proxy) keep(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.conns == nil {
			c.Close()
			continue
		}
		p.conns[c] = true
	}
}

func (p *Proxy) pump(from, to net.Conn) {
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
