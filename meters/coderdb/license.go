package coderdb

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/otelcoder/otelcoder/meters"
)

type license struct{ db *DB }

const licensesSQL = `SELECT jwt FROM licenses`

// licensedUsersSQL counts the users that a license is for: neither system users,
// like the owner of prebuilt workspaces, nor service accounts.
func licensedUsersSQL(l lacks) string {
	return `
SELECT count(*)
FROM users
WHERE status = 'active' AND NOT deleted` +
		l.unless("users", "is_system", " AND NOT is_system") +
		l.unless("users", "is_service_account", " AND NOT is_service_account")
}

// License implements [meters.LicenseSource].
func (l license) License(ctx context.Context) (meters.License, error) {
	var inForce meters.License
	err := l.db.read(ctx, "licenses", func(ctx context.Context, s snapshot) error {
		users, err := s.count(ctx, licensedUsersSQL(s.lacks))
		if err != nil {
			return err
		}
		var all []claims
		var token string
		err = s.each(ctx, func() error {
			if c, ok := decodeClaims(token); ok {
				all = append(all, c)
			}
			return nil
		}, []any{&token}, licensesSQL)
		if err != nil {
			return err
		}
		inForce = meters.License{}
		if limit := userLimit(all, users, s.now); limit > 0 {
			inForce = meters.License{ActiveUsers: users, Limit: limit}
		}
		return nil
	})
	return inForce, err
}

// claims are those of a license that are used. Times are Unix seconds.
type claims struct {
	limit                    float64 // licensed users
	notBefore, expires, soft float64 // soft: license_expires, after which a grace period runs until exp
}

// decodeClaims decodes a license, which is a JSON Web Token, and says whether it
// is one with all claims. Its signature is not checked: the limit is reported,
// not enforced.
func decodeClaims(token string) (claims, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return claims{}, false
	}
	var c struct {
		NotBefore *float64 `json:"nbf"`
		Expires   *float64 `json:"exp"`
		Soft      *float64 `json:"license_expires"`
		Features  struct {
			UserLimit *float64 `json:"user_limit"`
		} `json:"features"`
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return claims{}, false
	}
	if c.NotBefore == nil || c.Expires == nil || c.Soft == nil || c.Features.UserLimit == nil {
		return claims{}, false
	}
	return claims{limit: *c.Features.UserLimit, notBefore: *c.NotBefore, expires: *c.Expires, soft: *c.Soft}, true
}

// userLimit is the limit in force at a time, 0 if none is. Limits are never
// added up.
func userLimit(all []claims, users int, at time.Time) int {
	now := float64(at.UnixMicro()) / 1e6
	var best claims
	for _, c := range all {
		if c.limit < 1 || now < c.notBefore || now >= c.expires {
			continue
		}
		if best.limit == 0 || c.better(best, users, now) {
			best = c
		}
	}
	if best.limit >= math.MaxInt {
		return math.MaxInt
	}
	return int(best.limit)
}

// better says whether a license is to be preferred to another.
func (c claims) better(other claims, users int, now float64) bool {
	covers, otherCovers := c.limit >= float64(users), other.limit >= float64(users)
	if covers != otherCovers {
		return covers
	}
	current, otherCurrent := now < c.soft, now < other.soft
	if current != otherCurrent {
		return current
	}
	return c.limit > other.limit
}
