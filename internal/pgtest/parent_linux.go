package pgtest

import "syscall"

// endWithParent makes a process end when its parent ends.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGQUIT }
