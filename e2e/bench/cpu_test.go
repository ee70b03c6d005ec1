package bench

import (
	"syscall"
	"time"
)

// cpuTime is what this process has had of the CPUs. Other processes do not add
// to it.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err) // it is given nothing that it could refuse
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
