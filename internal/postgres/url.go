package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// ApplicationName is the name of the connections in pg_stat_activity.
	ApplicationName = "otelcoder"
	// ConnectTimeout is the default of connect_timeout. It leaves a collection time
	// for a second attempt.
	ConnectTimeout = 5 * time.Second
	// maxConnectTimeout is the time limit of a collection.
	maxConnectTimeout = 30 * time.Second
)

// The errors of a URL quote nothing of it: a password that is not percent-encoded may
// end up in any part of it.
var (
	errURL = errors.New("the URL of the database cannot be parsed: use postgres://user:password@host:port/database?sslmode=..., " +
		"with special characters of the password percent-encoded")
	errParameter = errors.New("the URL of the database has an unknown parameter: " +
		"leave it out, or give a setting of the session as options=-c%20name%3Dvalue")
)

// ParseConfig parses the URL of the database for a single connection.
func ParseConfig(url string) (*pgx.ConnConfig, error) {
	pool, err := ParsePool(url, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	return pool.ConnConfig, nil
}

// ParsePool parses the URL of the database for a pool of connections. It logs
// parameters that have no effect.
//
// A URL that can be read in two ways is an error, since the errors of connections
// contain the user, the hosts, the ports and the database.
func ParsePool(url string, log *slog.Logger) (*pgxpool.Config, error) {
	url = strings.TrimSpace(url)
	if ambiguous(url) {
		return nil, errURL
	}
	// Unknown parameters are refused before any file is read.
	allowed := pgconn.ParseConfigOptions{ConnStringAllowedKeys: slices.Concat(driverParameters, sessionSettings, withoutEffect)}
	if _, err := pgconn.ParseConfigWithOptions(url, allowed); err != nil {
		return nil, explainParseError(err)
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, explainParseError(err)
	}
	conn := config.ConnConfig
	if !showable(conn) {
		return nil, errURL
	}
	if err := dropParameters(conn.RuntimeParams, log); err != nil {
		return nil, err
	}
	conn.RuntimeParams["application_name"] = ApplicationName
	if conn.ConnectTimeout <= 0 || conn.ConnectTimeout > maxConnectTimeout {
		conn.ConnectTimeout = ConnectTimeout
	}
	// No statement is cached, since DISCARD ALL, a changed schema or a pooler would
	// make it stale.
	conn.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	conn.StatementCacheCapacity, conn.DescriptionCacheCapacity = 0, 0
	return config, nil
}

// ambiguous reports whether a URL has more than one @, or an @ after a slash: the
// password may then continue after the first @ or slash. A string of keywords and
// values is not ambiguous.
func ambiguous(url string) bool {
	rest, ok := strings.CutPrefix(url, "postgresql://")
	if !ok {
		rest, ok = strings.CutPrefix(url, "postgres://")
	}
	_, path, _ := strings.Cut(rest, "/")
	return ok && (strings.Count(rest, "@") > 1 || strings.Contains(path, "@"))
}

// showable reports whether no part of a connection that errors contain can be a part
// of a password.
func showable(conn *pgx.ConnConfig) bool {
	return hostname(conn.Host) &&
		!slices.ContainsFunc(conn.Fallbacks, func(f *pgconn.FallbackConfig) bool { return !hostname(f.Host) }) &&
		!strings.ContainsAny(conn.User, ":?&=") &&
		!strings.ContainsAny(conn.Database, ":?&=@")
}

// hostname reports whether a host is a directory of sockets, an address or a name.
func hostname(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil || strings.HasPrefix(host, "/") {
		return true
	}
	return !strings.ContainsFunc(host, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._", c)
	})
}

// driverParameters are the parameters of pgx itself.
var driverParameters = []string{
	"host", "port", "dbname", "user", "password", "passfile", "service", "servicefile",
	"connect_timeout", "target_session_attrs", "channel_binding", "require_auth", "krbspn", "krbsrvname",
	"min_protocol_version", "max_protocol_version",
	"sslmode", "sslkey", "sslcert", "sslcertmode", "sslrootcert", "sslnegotiation", "sslpassword", "sslsni",
	"pool_max_conns", "pool_min_conns", "pool_min_idle_conns", "pool_max_conn_lifetime", "pool_max_conn_lifetime_jitter",
	"pool_max_conn_idle_time", "pool_health_check_period", "pool_ping_timeout",
	"default_query_exec_mode", "statement_cache_capacity", "description_cache_capacity",
}

// sessionSettings are parameters that are sent to the server, whose errors may quote
// them.
var sessionSettings = []string{
	"options", "search_path", "role", "application_name", "client_encoding", "client_min_messages",
	"timezone", "TimeZone", "datestyle", "DateStyle", "intervalstyle", "IntervalStyle", "bytea_output",
	"extra_float_digits", "standard_conforming_strings",
	"statement_timeout", "lock_timeout", "transaction_timeout", "idle_session_timeout", "idle_in_transaction_session_timeout",
	"default_transaction_isolation", "default_transaction_read_only", "default_transaction_deferrable",
	"jit", "row_security", "work_mem",
}

// withoutEffect are the parameters of libpq and lib/pq that pgx does not know and
// would send to the server as settings.
var withoutEffect = []string{
	"authtype", "binary_parameters", "disable_prepared_binary_result", "fallback_application_name",
	"gssdelegation", "gssencmode", "gsslib", "hostaddr",
	"keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "load_balance_hosts",
	"oauth_client_id", "oauth_client_secret", "oauth_issuer", "oauth_scope",
	"replication", "requirepeer", "requiressl", "scram_client_key", "scram_server_key",
	"ssl", "ssl_max_protocol_version", "ssl_min_protocol_version", "sslcompression", "sslcrl", "sslcrldir", "sslkeylogfile",
	"tcp_user_timeout", "tty",
}

// dropParameters removes the parameters without effect, and logs their names. It
// returns an error for unknown parameters, which a service file may have.
func dropParameters(parameters map[string]string, log *slog.Logger) error {
	var dropped []string
	for name := range parameters {
		switch {
		case slices.Contains(withoutEffect, name):
			dropped = append(dropped, name)
			delete(parameters, name)
		case !slices.Contains(sessionSettings, name):
			return errParameter
		}
	}
	if dropped != nil {
		slices.Sort(dropped)
		log.Warn("parameters of the database's URL have no effect", "parameters", strings.Join(dropped, " "))
	}
	return nil
}

// parseErrors has the beginnings of pgx's messages, each with an explanation of the
// setting that is wrong.
var parseErrors = []struct{ message, explained string }{
	{"connection string key", ""},
	{"invalid connect_timeout", "connect_timeout must be a number of seconds"},
	{"unknown target_session_attrs", "target_session_attrs must be any, read-write, read-only, primary, standby or prefer-standby"},
	{"failed to read service (failed to read service file", "service is given, but the service file (PGSERVICEFILE, or .pg_service.conf) cannot be read"},
	{"failed to read service (unable to find service", "service is not in the service file (PGSERVICEFILE, or .pg_service.conf)"},
	{"could not match", "give one port, or one for each host"},
	{"unknown channel_binding", "channel_binding must be disable, prefer or require"},
	{"invalid require_auth", "require_auth must be a list of password, md5, gss, sspi, scram-sha-256, oauth or none"},
	{"invalid min_protocol_version", "min_protocol_version must be 3.0, 3.2 or latest"},
	{"invalid max_protocol_version", "max_protocol_version must be 3.0, 3.2 or latest"},
	{"min_protocol_version cannot", "min_protocol_version must not be above max_protocol_version"},
	{"invalid sslcertmode", "sslcertmode must be disable, allow or require"},
	{"failed to configure TLS (sslmode is invalid", "sslmode must be disable, allow, prefer, require, verify-ca or verify-full"},
	{"failed to configure TLS (unable to read CA file", "the file of sslrootcert cannot be read"},
	{"failed to configure TLS (unable to add CA", "the file of sslrootcert has no certificate"},
	{"failed to configure TLS (both", "sslcert and sslkey must be given together"},
	{"failed to configure TLS (unable to read sslkey", "the file of sslkey cannot be read"},
	{"failed to configure TLS (failed to decode sslkey", "the file of sslkey has no key"},
	{"failed to configure TLS (unable to find sslpassword", "the file of sslkey is encrypted: give sslpassword"},
	{"failed to configure TLS (unable to decrypt key", "the file of sslkey cannot be decrypted by sslpassword"},
	{"failed to configure TLS (unable to read cert", "the file of sslcert cannot be read"},
	{"failed to configure TLS (unable to load cert", "the files of sslcert and sslkey are not a certificate and its key"},
	{"invalid default_query_exec_mode", "default_query_exec_mode is unknown"},
	{"cannot parse ", "the sizes and times of pool_... and ..._cache_capacity must be numbers, and times like 30s"},
	{"pool_max_conns too small", "pool_max_conns must be at least 1"},
}

// explainParseError returns an error that names the wrong setting. It contains no text
// of pgx's error, which quotes the URL.
func explainParseError(err error) error {
	text := err.Error()
	message := text[strings.LastIndex(text, "`: ")+len("`: "):]
	for _, e := range parseErrors {
		if !strings.HasPrefix(message, e.message) {
			continue
		}
		if e.explained == "" {
			return errParameter
		}
		const cannotUse = "the URL of the database cannot be used: "
		if file, ok := errors.AsType[*fs.PathError](err); ok {
			return fmt.Errorf(cannotUse+"%s: %w", e.explained, file.Err) // without the file's name, which may be the key itself
		}
		return errors.New(cannotUse + e.explained)
	}
	return errURL
}
