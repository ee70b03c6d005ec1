//go:build unix && !linux

package pgtest

import "syscall"

// endWithParent does nothing, since it needs Linux: a killed test binary leaves its
// server running.
func endWithParent(*syscall.SysProcAttr) {}
