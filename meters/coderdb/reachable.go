package coderdb

// Reachable tells whether the server accepted the latest connection that
// [Reporter.Run] tried to make; true before the first try. Run tries again each
// second while it has none.
func (r *Reporter) Reachable() bool { return !r.unreachable.Load() }
