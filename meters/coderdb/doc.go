// Package coderdb reads a live Coder deployment from its PostgreSQL database (13 or
// later): the state, as sources of package meters ([DB.Sources]), and the builds, jobs
// and scripts that end ([Follow]).
//
// Several processes may read one database. A [Role] reports whether a process is the
// one that reports the deployment. Only that process records events ([Follow]), so
// that no event is recorded twice. A [Reporter] is a Role that elects the process by a
// lock of the database.
//
// The package only reads, in short read-only transactions. A collection is a fixed
// number of queries, independent of the size of the deployment, and has a time limit.
// The role in the URL needs SELECT on some columns and no other privilege; "otelcoder
// grants" prints the script that grants it.
//
// The database may be unavailable, empty or of another version at any time. [Open]
// does not connect, and every collection connects if it must. Some columns and tables
// are missing in some versions of Coder: they are logged once, and collections work
// without them.
//
// All time windows use the database's clock, not this process's.
package coderdb
