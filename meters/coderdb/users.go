package coderdb

import (
	"context"

	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/meters"
)

type users struct{ db *DB }

// usersSQL counts the users by status. System users, such as the owner of prebuilt
// workspaces, do not count.
func usersSQL(l coderschema.Lacks) string {
	return `
SELECT status::text, count(*)
FROM users
WHERE NOT deleted` + l.Unless("users", "is_system", " AND NOT is_system") + `
GROUP BY status`
}

// Users implements [meters.UsersSource].
func (u users) Users(ctx context.Context) (map[meters.UserStatus]int, error) {
	var counts map[meters.UserStatus]int
	err := u.db.read(ctx, "users", func(ctx context.Context, s snapshot) error {
		counts = make(map[meters.UserStatus]int)
		var status meters.UserStatus
		var n int
		return s.each(ctx, func() error {
			counts[status] = n
			return nil
		}, []any{&status, &n}, usersSQL(s.missing))
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}
