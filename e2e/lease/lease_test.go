package lease_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	coordination "k8s.io/api/coordination/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	kubetest "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/otelcoder/otelcoder/e2e/lease"
	"github.com/otelcoder/otelcoder/e2e/process"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/coderdb"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main(m)) }

// patience limits a takeover followed by a scan for events. Scans are rare on a loaded
// machine, where each takes long.
const patience = 3 * time.Minute

// replica follows the events of a database while it holds the lease.
type replica struct {
	*lease.Role
	meter *meterstest.Reader
	stop  func()
}

func start(t *testing.T, client kubernetes.Interface, name, url string) *replica {
	t.Helper()
	role, err := lease.New(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  meta.ObjectMeta{Namespace: "coder", Name: "otelcoder"},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: name},
		},
		LeaseDuration:   6 * time.Second,
		RenewDeadline:   4 * time.Second,
		RetryPeriod:     200 * time.Millisecond,
		ReleaseOnCancel: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	db, err := coderdb.Open(t.Context(), url, coderdb.WithFollowInterval(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{Role: role, meter: meterstest.NewReader(t)}
	m, err := meters.New(r.meter.Providers())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { role.Run(ctx) })
	running.Go(func() { coderdb.Follow(ctx, db, role, m) })
	r.stop = func() {
		cancel()
		running.Wait()
		db.Close()
	}
	t.Cleanup(r.stop)
	return r
}

// counted returns the replica's count of each build, by number.
func (r *replica) counted(t *testing.T) map[int]int {
	t.Helper()
	counts := make(map[int]int)
	for _, m := range r.meter.Families(t)["coderd_workspace_builds_total"].GetMetric() {
		for _, l := range m.GetLabel() {
			if number, ok := strings.CutPrefix(l.GetValue(), "e"); ok && l.GetName() == "template_version" && m.GetCounter().GetValue() > 0 {
				n, err := strconv.Atoi(number)
				if err != nil {
					t.Fatal(err)
				}
				counts[n] += int(m.GetCounter().GetValue())
			}
		}
	}
	return counts
}

// deployment is a database to which ended builds are added, each with its own template
// version.
type deployment struct {
	*pgtest.Database
	last int // number of the last build that has ended
}

const endedBuild = `
WITH version AS (INSERT INTO template_versions (id, name) VALUES (u(10000 + $1::int), 'e' || $1::int)),
	job AS (INSERT INTO provisioner_jobs (id, started_at, completed_at)
		VALUES (u(10000 + $1::int), clock_timestamp() - interval '1 second', clock_timestamp()))
INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id)
	VALUES (u(10000 + $1::int), now(), u(31), u(10000 + $1::int), 10000 + $1::int, 'start', u(10000 + $1::int))`

func (d *deployment) end(t *testing.T) {
	t.Helper()
	d.last++
	d.Exec(t, endedBuild, d.last)
}

// follow adds builds until a replica counts one of them. The replica must also count the
// builds that it then adds with stay.
func (d *deployment) follow(t *testing.T, r *replica) {
	t.Helper()
	before := d.last
	await(t, "the replica counts a build", func() bool {
		d.end(t)
		for n := range r.counted(t) {
			if n > before {
				return true
			}
		}
		return false
	})
	d.stay(t, r)
}

// stay adds ten builds, and waits until the replica that holds the lease has counted them.
func (d *deployment) stay(t *testing.T, r *replica) {
	t.Helper()
	before := d.last
	for range 10 {
		d.end(t)
	}
	await(t, "the replica counts all builds", func() bool {
		counts := r.counted(t)
		for n := before + 1; n <= d.last; n++ {
			if counts[n] == 0 {
				return false
			}
		}
		return true
	})
}

func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for began := time.Now(); !condition(); time.Sleep(200 * time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// neverBoth fails the test if two replicas report at the same time, until stop is called.
func neverBoth(t *testing.T, one, two *replica) (stop func()) {
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
			before, reports := one.Term()
			if !reports || !two.Reports() {
				continue
			}
			if after, still := one.Term(); still && after == before {
				t.Error("both replicas report at the same time")
				return
			}
		}
	})
	return func() { close(done); watching.Wait() }
}

// TestOneReports checks that only one of two replicas reports at a time, and that each
// build is counted once, both when the lease cannot be renewed and when it is released.
func TestOneReports(t *testing.T) {
	d := &deployment{Database: pgtest.New(t)}
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"schema.sql", "fleet.sql"} {
		script, err := os.ReadFile(filepath.Join(root, "meters/coderdb/testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		d.Exec(t, string(script))
	}
	url := d.Role(t, func(role string) string { return coderschema.Grants(instrument.Documented, role) })
	client := fake.NewClientset()
	var cutOff atomic.Bool // whether writes of replica one fail
	client.PrependReactor("update", "leases", func(action kubetest.Action) (bool, runtime.Object, error) {
		written, ok := action.(kubetest.UpdateAction).GetObject().(*coordination.Lease)
		if ok && cutOff.Load() && *written.Spec.HolderIdentity == "one" {
			return true, nil, errors.New("the API server cannot be reached")
		}
		return false, nil, nil
	})

	one := start(t, client, "one", url)
	d.follow(t, one)
	two := start(t, client, "two", url)
	stop := neverBoth(t, one, two)
	d.stay(t, one)
	if two.Reports() {
		t.Error("the second replica reports while the first holds the lease")
	}

	cutOff.Store(true)
	d.follow(t, two)
	if one.Reports() {
		t.Error("the first replica reports although it cannot renew the lease")
	}
	cutOff.Store(false)
	two.stop()
	d.follow(t, one)
	stop()

	total := one.counted(t)
	for n, count := range two.counted(t) {
		total[n] += count
	}
	for n, count := range total {
		if count != 1 {
			t.Errorf("build %d: got %d counts, want 1", n, count)
		}
	}
	t.Logf("%d of %d builds ended while a replica reported, and were counted", len(total), d.last)
}
