package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	serial      int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := new(authority)
	a.certificate, a.key = a.sign(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) sign(t *testing.T, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.serial++
	template.SerialNumber = big.NewInt(a.serial)
	template.Subject = pkix.Name{CommonName: "test"}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

// issue writes a certificate and its key as PEM files, and returns both.
func (a *authority) issue(t *testing.T, dir, name string) tls.Certificate {
	t.Helper()
	certificate, key := a.sign(t, &x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, name+".crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})))
	write(t, filepath.Join(dir, name+".key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	return tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	// The rename is atomic: a reader sees either the old file or the new one.
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// writeWebConfig writes a web configuration file that requires the user's password and a client
// certificate.
func writeWebConfig(t *testing.T, dir, password string) (path string) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "web.yml")
	write(t, path, fmt.Sprintf(`tls_server_config:
  cert_file: server.crt
  key_file: server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
basic_auth_users:
  prometheus: %s
`, hash))
	return path
}

// TestWebConfig checks that TLS, client certificates and passwords refuse unauthorized
// clients, and that changes of their files apply to the next connection.
func TestWebConfig(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca := newAuthority(t)
	write(t, filepath.Join(dir, "ca.crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.certificate.Raw})))
	server := ca.issue(t, dir, "server")
	client := ca.issue(t, dir, "client")
	_, url := deployment(t, live(t))
	s := start(t, url, "--web-config-file", writeWebConfig(t, dir, "first"))

	roots := x509.NewCertPool()
	roots.AddCert(ca.certificate)
	// ask scrapes. It returns the status, or 0 if the connection fails, the server's
	// certificate, and the body or the error.
	ask := func(password string, certificates ...tls.Certificate) (status int, of *x509.Certificate, body string) {
		t.Helper()
		transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: certificates}}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.metrics+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			request.SetBasicAuth("prometheus", password)
		}
		response, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Do(request)
		if err != nil {
			return 0, nil, err.Error()
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, response.TLS.PeerCertificates[0], string(text)
	}
	for _, test := range []struct {
		name     string
		password string
		with     []tls.Certificate
		want     int
	}{
		{"no certificate", "first", nil, 0},
		{"a stranger's certificate", "first", []tls.Certificate{newAuthority(t).issue(t, t.TempDir(), "client")}, 0},
		{"no password", "", []tls.Certificate{client}, http.StatusUnauthorized},
		{"wrong password", "wrong", []tls.Certificate{client}, http.StatusUnauthorized},
		{"both", "first", []tls.Certificate{client}, http.StatusOK},
	} {
		status, _, body := ask(test.password, test.with...)
		if status != test.want || strings.Contains(body, "coderd_agents_up{") && status != http.StatusOK {
			t.Errorf("%s: status %d, want %d: %.200s", test.name, status, test.want, body)
		}
	}
	if response, err := http.Get("http://" + s.metrics + "/metrics"); err == nil {
		if response.Body.Close(); response.StatusCode == http.StatusOK {
			t.Error("a request over plain HTTP succeeds")
		}
	}
	if got := get(t, s.health+"/healthz"); got != "ok\n" {
		t.Errorf("got the health %q, want ok", got)
	}

	renewed := ca.issue(t, dir, "server")
	writeWebConfig(t, dir, "second")
	if status, of, _ := ask("second", client); status != http.StatusOK || of.SerialNumber.Cmp(leaf(t, renewed).SerialNumber) != 0 {
		t.Errorf("after the change: status %d, certificate %v, want %v, not %v", status, of.SerialNumber, leaf(t, renewed).SerialNumber, leaf(t, server).SerialNumber)
	}
	if status, _, _ := ask("first", client); status != http.StatusUnauthorized {
		t.Errorf("the old password: status %d, want 401", status)
	}
	for _, secret := range []string{"first", "second"} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log shows the password %q", secret)
		}
	}
}

func leaf(t *testing.T, c tls.Certificate) *x509.Certificate {
	t.Helper()
	certificate, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// TestWebConfigMakesNoSense checks that an invalid file stops the start with an error of one
// line that names the file.
func TestWebConfigMakesNoSense(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"an unknown key":        "tls_config:\n  cert_file: server.crt\n",
		"no YAML":               "}",
		"a missing certificate": "tls_server_config:\n  cert_file: nowhere.crt\n  key_file: nowhere.key\n",
		"a password in clear":   "basic_auth_users:\n  prometheus: hunter2\n",
		"a password elsewhere":  "basic_auth_users: hunter2\n",
		"no file":               "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "web.yml")
			if text != "" {
				write(t, path, text)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := run(ctx, []string{"otelcoder", "server", "--postgres-url", "postgres://127.0.0.1:1/coder", "--prometheus-enable",
				"--prometheus-address", "127.0.0.1:0", "--health-address", "127.0.0.1:0", "--web-config-file", path}, io.Discard, io.Discard)
			if err == nil || !strings.HasPrefix(err.Error(), "cannot use the web configuration file ") || !strings.Contains(err.Error(), path) ||
				strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("ended with %v", err)
			}
		})
	}
}
