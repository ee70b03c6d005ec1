package coderdb

import "context"

type daemons struct{ db *DB }

// daemonsSQL counts the provisioner daemons that were seen in the past 90 seconds: a
// daemon is seen every 60 seconds. $1: now.
const daemonsSQL = `
SELECT count(*)
FROM provisioner_daemons
WHERE last_seen_at >= $1::timestamptz - interval '90 seconds'`

// Daemons implements [meters.DaemonsSource].
func (d daemons) Daemons(ctx context.Context) (alive int, err error) {
	err = d.db.read(ctx, "provisioner daemons", func(ctx context.Context, s snapshot) error {
		alive, err = s.count(ctx, daemonsSQL, s.now)
		return err
	})
	return alive, err
}
