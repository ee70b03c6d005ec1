package service

import (
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
)

// Proxy stands between a service and the database.
type Proxy struct {
	URL string // of the database, through the proxy

	socket string       // of the database
	gate   sync.RWMutex // locked while it is silent

	mu    sync.Mutex
	conns map[net.Conn]bool // nil once it has ended
}

// NewProxy starts a proxy to the database of a URL that names the folder of its
// Unix socket. It ends with the test.
func NewProxy(t testing.TB, address string) *Proxy {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{socket: filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432"), conns: make(map[net.Conn]bool)}
	u.Host, u.RawQuery = listener.Addr().String(), "sslmode=disable"
	p.URL = u.String()
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("unix", p.socket)
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

// Silence makes the proxy forward nothing, in neither direction, and close
// nothing, as a network does that is cut: connections are accepted still. Speak
// undoes it.
func (p *Proxy) Silence() { p.gate.Lock() }

// Speak undoes Silence.
func (p *Proxy) Speak() { p.gate.Unlock() }

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
