// Package endurance holds long-running tests: hostile clients, misbehaving agents,
// kills, and load with faults. They are short in `make e2e`; `make soak` runs them
// longer, with these flags:
//
//	-hostile  duration of the attacks of clients and agents (10s)
//	-kills    how often the example is killed (50)
//	-soak     duration of the run under load and faults (20s)
package endurance
