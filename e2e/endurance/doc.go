// Package endurance holds the tests of what goes on for long: strangers and
// agents that do their worst, kills without a warning, and days of load in
// minutes. They are short in `make e2e`; `make soak` gives them their time, by
// these flags:
//
//	-hostile  how long strangers do their worst (10s)
//	-kills    how often the example is killed (50)
//	-soak     how long everything runs under load and faults (20s)
package endurance
