package coderdb

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/internal/reporterlock"
)

// TestSlowSources checks that sources which use up their time limit do not fail the others.
func TestSlowSources(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	locks, err := pgx.Connect(t.Context(), d.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer locks.Close(context.Background())
	if _, err := locks.Exec(t.Context(), "BEGIN; LOCK TABLE licenses, api_keys"); err != nil {
		t.Fatal(err)
	}
	db := open(t, url)
	for range 2 { // slow for the first time, then marked as slow
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		sources := db.Sources()
		slow := make(map[string]error)
		var mu sync.Mutex
		var asked sync.WaitGroup
		began := time.Now()
		for _, c := range collections {
			asked.Go(func() {
				_, err := c.collect(ctx, db, sources)
				mu.Lock()
				defer mu.Unlock()
				if c.name == "license" || c.name == "activeusers" {
					slow[c.name] = err
				} else if took := time.Since(began); err != nil || took > 6*time.Second {
					t.Errorf("%s: got error %v after %v, want nil within 6s", c.name, err, took)
				}
			})
		}
		asked.Wait()
		cancel()
		if slow["license"] == nil || slow["activeusers"] == nil {
			t.Fatalf("got errors %v, want two", slow)
		}
		all := slow["license"].Error() + "\n" + slow["activeusers"].Error()
		if strings.Count(all, "other collections take too long") != 1 {
			t.Errorf("got errors\n%s\nwant \"other collections take too long\" in exactly one", all)
		}
	}
	if _, err := locks.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := readAll(t.Context(), db); err != nil {
			t.Error(err)
		}
	}
	if db.lanes.isSlow("licenses") || db.lanes.isSlow("active users") {
		t.Error("a collection is still marked as slow")
	}
}

// TestThreeConnections checks that a process never needs more than three connections, and
// that the check fails if fewer are allowed.
func TestThreeConnections(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	role := roleOf(t, url)
	for _, limit := range []string{"ROLE " + role, "DATABASE " + d.Name()} {
		d.Exec(t, "ALTER "+limit+" CONNECTION LIMIT 2")
		d.CloseOwner()
		err := checkLock(t, url)
		what, name, _ := strings.Cut(limit, " ")
		if want := "too few connections are allowed: 2, and each process needs 3: run ALTER " + what + ` "` + name + `" CONNECTION LIMIT 3`; !errors.Is(err, reporterlock.ErrConnectionLimit) || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %s", err, want)
		}
		d.Exec(t, "ALTER "+limit+" CONNECTION LIMIT -1")
	}

	d.Exec(t, "ALTER ROLE "+role+" CONNECTION LIMIT 3")
	log := new(log)
	db := open(t, url)
	r := newReporter(t, url, WithDatabase(db), log.option())
	ctx, cancel := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	for range 4 {
		reading.Go(func() {
			for ctx.Err() == nil {
				if err := readAll(ctx, db); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	await(t, "the pool has two connections", func() bool { return db.pool.Stat().TotalConns() == 2 })
	stop := compete(t, r)
	for range 3 {
		_, term := awaitOne(t, r)
		endHolder(t, d)
		await(t, "the lost session is noticed", func() bool { return r.held() != term })
	}
	awaitOne(t, r)
	cancel()
	reading.Wait()
	stop()

	if _, err := pgx.Connect(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	d.Exec(t, "ALTER ROLE "+role+" CONNECTION LIMIT 0")
	d.Disconnect(t)
	wantRecoveryOf(t, db, "each process has 3 connections, see the CONNECTION LIMIT of the role and the database")
}
