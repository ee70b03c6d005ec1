package coderdb

// Reachable reports whether the server accepted the latest connection of
// [Reporter.Run]; it is true before the first one. While it has no connection, Run
// tries again each second.
func (r *Reporter) Reachable() bool { return !r.unreachable.Load() }
