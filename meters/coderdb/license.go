package coderdb

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/meters"
)

type license struct {
	db     *DB
	warned bool // of a license whose version is not licenseVersion
}

// licenseVersion is the version of the licenses whose claims are known.
const licenseVersion = 3

const licensesSQL = `SELECT jwt FROM licenses`

// licensedUsersSQL counts the users that need a license: no system users, such as the
// owner of prebuilt workspaces, and no service accounts.
func licensedUsersSQL(l coderschema.Lacks) string {
	return `
SELECT count(*)
FROM users
WHERE status = 'active' AND NOT deleted` +
		l.Unless("users", "is_system", " AND NOT is_system") +
		l.Unless("users", "is_service_account", " AND NOT is_service_account")
}

// License implements [meters.LicenseSource].
func (l *license) License(ctx context.Context) (meters.License, error) {
	var found meters.License
	err := l.db.read(ctx, "licenses", func(ctx context.Context, s snapshot) error {
		users, err := s.count(ctx, licensedUsersSQL(s.missing))
		if err != nil {
			return err
		}
		all, err := s.licenses(ctx)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(c claims) bool { return !c.limited })
		l.report(all)
		found = meters.License{ActiveUsers: users, Limit: userLimit(all, users, s.now)}
		return nil
	})
	return found, err
}

// report logs the first license of an unknown version.
func (l *license) report(all []claims) {
	i := slices.IndexFunc(all, func(c claims) bool { return c.version != licenseVersion })
	if i < 0 || l.warned {
		return
	}
	l.warned = true
	l.db.logger.Warn("a license has an unknown version; its user limit is counted nevertheless",
		"version", all[i].version, "known", licenseVersion)
}

// licenses returns the claims of the licenses.
func (s snapshot) licenses(ctx context.Context) ([]claims, error) {
	var all []claims
	var token string
	err := s.each(ctx, func() error {
		if c, ok := decodeClaims(token); ok {
			all = append(all, c)
		}
		return nil
	}, []any{&token}, licensesSQL)
	return all, err
}

// prebuildsLicensed reports whether a license in force includes prebuilt workspaces.
func (s snapshot) prebuildsLicensed(ctx context.Context) (bool, error) {
	all, err := s.licenses(ctx)
	return slices.ContainsFunc(all, func(c claims) bool { return c.prebuilds && c.inForce(s.now) }), err
}

// claims are the used claims of a license. Times are Unix seconds.
type claims struct {
	limited   bool    // the license has a limit
	limit     float64 // licensed users, a whole number
	prebuilds bool    // the license includes prebuilt workspaces
	notBefore float64 // -Inf: no limit
	expires   float64 // +Inf: no limit
	soft      float64 // license_expires, the beginning of the grace period that ends at exp
	version   float64 // 0: not a number
}

// decodeClaims decodes a license, a JSON Web Token, and reports whether it has
// license_expires. The signature is not checked: the claims are reported, not enforced.
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
		NotBefore   *float64 `json:"nbf"`
		Expires     *float64 `json:"exp"`
		Soft        *float64 `json:"license_expires"`
		Version     any      `json:"version"`
		FeatureSet  any      `json:"feature_set"`
		AllFeatures any      `json:"all_features"` // an old name of the feature set enterprise
		Features    struct {
			UserLimit *float64 `json:"user_limit"`
			Prebuilds any      `json:"workspace_prebuilds"`
		} `json:"features"`
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return claims{}, false
	}
	if c.Soft == nil {
		return claims{}, false
	}
	decoded := claims{notBefore: math.Inf(-1), expires: math.Inf(1), soft: *c.Soft, version: licenseVersion}
	if c.Features.UserLimit != nil {
		decoded.limited, decoded.limit = true, math.Trunc(*c.Features.UserLimit)
	}
	set, _ := c.FeatureSet.(string)
	set = strings.ToLower(set)
	number, _ := c.Features.Prebuilds.(float64)
	decoded.prebuilds = set == "enterprise" || set == "premium" || c.AllFeatures == true || number > 0
	if c.NotBefore != nil {
		decoded.notBefore = *c.NotBefore
	}
	if c.Expires != nil {
		decoded.expires = *c.Expires
	}
	if c.Version != nil {
		decoded.version, _ = c.Version.(float64)
	}
	return decoded, true
}

// inForce reports whether a time is within the license's validity, which includes its
// grace period.
func (c claims) inForce(at time.Time) bool {
	now := unixSeconds(at)
	return now >= c.notBefore && now < c.expires
}

func unixSeconds(at time.Time) float64 { return float64(at.UnixMicro()) / 1e6 }

// userLimit returns the limit in force at a time, that of the best license, or 0 for
// none.
func userLimit(all []claims, users int, at time.Time) int {
	now := unixSeconds(at)
	var best claims
	for _, c := range all {
		if c.limit < 1 || !c.inForce(at) {
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

// better reports whether c is preferred to another license.
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
