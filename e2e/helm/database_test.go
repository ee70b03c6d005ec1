package helm_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"maps"
	"math/big"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/otelcoder/otelcoder/e2e/helm"
	"github.com/otelcoder/otelcoder/meters/coderdb"
)

// objects are Secrets and ConfigMaps by name, each with its keys.
type objects map[string]map[string]string

// pgPassword has the special characters of URLs, keyword connection strings and Kubernetes
// variables.
const pgPassword = `p@ss/w:rd%?#&= '\\$(PGHOST)$$`

// TestDatabase checks that the driver connects as the Secrets of an operator specify. It
// applies the environment and the volumes of the chart's pod, and compares the driver's
// configuration with the Secrets.
func TestDatabase(t *testing.T) {
	ca, certificate, key := newCertificate(t)
	for name, c := range map[string]struct {
		values                     string
		objects                    objects
		host, port, database, user string
		password                   string
		mode                       string // "" for no verification
		client                     bool
	}{
		"CloudNativePG": {
			values: readFile(t, "helm/otelcoder/ci/cloudnativepg-values.yaml"),
			objects: objects{
				"otelcoder-db": {"username": "otelcoder", "password": pgPassword},
				"coder-db-app": {"username": "app", "password": "app", "dbname": "app", "host": "coder-db-rw", "port": "5432", "uri": "postgresql://app:app@coder-db-rw.coder:5432/app"},
				"coder-db-ca":  {"ca.crt": ca, "ca.key": "the key that signs"},
			},
			host: "coder-db-rw", port: "5432", database: "app", user: "otelcoder", password: pgPassword, mode: "verify-full",
		},
		"every part from one Secret of CloudNativePG": {
			values: "database: {secretName: coder-db-app, keys: {host: host, port: port, database: dbname, user: username, password: password}, ca: {secretName: coder-db-ca}}",
			objects: objects{
				"coder-db-app": {"username": "app", "password": pgPassword, "dbname": "app", "host": "coder-db-rw", "port": "6432"},
				"coder-db-ca":  {"ca.crt": ca},
			},
			host: "coder-db-rw", port: "6432", database: "app", user: "app", password: pgPassword, mode: "verify-full",
		},
		"RDS": {
			values: readFile(t, "helm/otelcoder/ci/rds-values.yaml"),
			objects: objects{
				"otelcoder-db-url": {"url": "postgres://otelcoder:x%40y@coder.abc.eu-west-1.rds.amazonaws.com:5432/coder"},
				"rds-ca":           {"global-bundle.pem": ca},
			},
			host: "coder.abc.eu-west-1.rds.amazonaws.com", port: "5432", database: "coder", user: "otelcoder", password: "x@y", mode: "verify-full",
		},
		"Cloud SQL": {
			values: readFile(t, "helm/otelcoder/ci/cloudsql-values.yaml"),
			objects: objects{
				"otelcoder-db-url": {"url": "postgres://otelcoder:secret@10.1.2.3/coder"},
				"cloudsql-ca":      {"server-ca.pem": ca},
				"cloudsql-client":  {"tls.crt": certificate, "tls.key": key},
			},
			host: "10.1.2.3", port: "5432", database: "coder", user: "otelcoder", password: "secret", mode: "verify-ca", client: true,
		},
		"a URL that names the CA itself": {
			values:  "database: {ca: {secretName: ca}}",
			objects: objects{"otelcoder-db-url": {"url": "postgres://me:it@db/coder?sslmode=verify-ca"}, "ca": {"ca.crt": ca}},
			host:    "db", port: "5432", database: "coder", user: "me", password: "it", mode: "verify-ca",
		},
		"a URL alone": {
			objects: objects{"otelcoder-db-url": {"url": "postgres://me:it@db:5433/coder?sslmode=require"}},
			host:    "db", port: "5433", database: "coder", user: "me", password: "it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			pod := helm.Only[*appsv1.Deployment](t, helm.Load(t).Render(t, c.values)).Spec.Template.Spec
			url := c.objects.start(t, pod)
			config, err := pgx.ParseConfig(url)
			if err != nil {
				t.Fatal(err)
			}
			db, err := coderdb.Open(t.Context(), url)
			if err != nil {
				t.Fatalf("open the database: %v", err)
			}
			db.Close()
			got := []string{config.Host, big.NewInt(int64(config.Port)).String(), config.Database, config.User, config.Password}
			want := []string{c.host, c.port, c.database, c.user, c.password}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("got the connection\n%q\nwant\n%q", got, want)
			}
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM([]byte(ca))
			switch tls := config.TLSConfig; {
			case tls == nil:
				t.Error("the connection is not encrypted")
			case c.mode != "" && (tls.RootCAs == nil || !tls.RootCAs.Equal(roots)):
				t.Error("the trusted CA is not the one of the Secret")
			case c.mode == "verify-full" && (tls.InsecureSkipVerify || tls.ServerName != c.host):
				t.Errorf("got server name %q, verified %t, want %q and true", tls.ServerName, !tls.InsecureSkipVerify, c.host)
			case c.mode == "verify-ca" && tls.VerifyPeerCertificate == nil:
				t.Error("the certificate is not verified")
			case len(tls.Certificates) > 0 != c.client:
				t.Errorf("got %d client certificates, want one: %t", len(tls.Certificates), c.client)
			}
			if len(config.Fallbacks) > 0 {
				t.Error("the driver would fall back to another connection")
			}
		})
	}
}

// start prepares this process as Kubernetes prepares the pod. It sets the variables,
// including those from Secrets, and writes the files of the volumes below a folder of the
// test. It returns the URL of the database that the service would use.
func (o objects) start(t *testing.T, pod corev1.PodSpec) (url string) {
	t.Helper()
	root := t.TempDir()
	volumes := make(map[string]corev1.Volume)
	for _, v := range pod.Volumes {
		volumes[v.Name] = v
	}
	for _, mount := range pod.Containers[0].VolumeMounts {
		name, items := "", []corev1.KeyToPath(nil)
		switch v := volumes[mount.Name]; {
		case v.Secret != nil:
			name, items = v.Secret.SecretName, v.Secret.Items
		case v.ConfigMap != nil:
			name, items = v.ConfigMap.Name, v.ConfigMap.Items
		}
		for _, item := range items {
			file := filepath.Join(root, mount.MountPath, item.Path)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(o.value(t, name, item.Key)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	variables := make(map[string]string)
	for _, v := range pod.Containers[0].Env {
		if v.ValueFrom != nil && v.ValueFrom.SecretKeyRef != nil {
			v.Value = o.value(t, v.ValueFrom.SecretKeyRef.Name, v.ValueFrom.SecretKeyRef.Key)
		} else if path.IsAbs(v.Value) {
			v.Value = filepath.Join(root, v.Value)
		}
		variables[v.Name] = v.Value
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
	if file := variables["OTELCODER_POSTGRES_URL_FILE"]; file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	return variables["CODER_PG_CONNECTION_URL"]
}

// value returns the value of a key of an object, and fails the test if there is none.
func (o objects) value(t *testing.T, name, key string) string {
	t.Helper()
	value, ok := o[name][key]
	if !ok {
		t.Fatalf("no key %q in the object %q, which has %q", key, name, slices.Sorted(maps.Keys(o[name])))
	}
	return value
}

// newCertificate returns a self-signed certificate and its key, as PEM.
func newCertificate(t *testing.T) (ca, certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "otelcoder"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return certificate, certificate, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}
