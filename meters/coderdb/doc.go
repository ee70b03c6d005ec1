// Package coderdb reads a live Coder deployment from its PostgreSQL database (13 or
// later): the state, as sources of package meters ([DB.Sources]), and the builds, jobs
// and scripts that end ([Follow]).
//
// Several processes may read one database. A [Role] tells each of them whether it
// reports what all see, and [Follow] records events while it does, so that none is
// recorded by two. A [Reporter] is a Role that the processes agree on by a lock of the
// database.
//
// Everything is read, in short read-only transactions; nothing is written.
// One collection is a fixed number of queries, however large the deployment,
// and has a time limit. The role in the URL needs SELECT on some columns and no other
// right; "otelcoder grants" prints the script that grants it.
//
// The database may be away, empty or of another version at any time. Opening
// never connects, and every collection tries afresh. Some columns and tables do
// not exist in every version of Coder: what a database lacks is logged once,
// and done without.
//
// All windows are cut by the database's clock, not by this process's.
package coderdb
