package coderdb

import "context"

type activeUsers struct{ db *DB }

// activeUsersSQL counts the users who used an API key in the past hour. $1: now.
const activeUsersSQL = `
SELECT count(DISTINCT user_id)
FROM api_keys
WHERE last_used >= $1::timestamptz - interval '1 hour'`

// ActiveUsers implements [meters.ActiveUsersSource].
func (a activeUsers) ActiveUsers(ctx context.Context) (users int, err error) {
	err = a.db.read(ctx, "active users", func(ctx context.Context, s snapshot) error {
		users, err = s.count(ctx, activeUsersSQL, s.now)
		return err
	})
	return users, err
}
