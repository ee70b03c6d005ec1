package deployment

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// usage is the used part of /proc/PID/stat.
type usage struct {
	parent   int
	own      time.Duration // CPU time of the process
	children time.Duration // CPU time of ended children
}

// tick is the unit of times in /proc, on every architecture that Go runs on.
const tick = time.Second / 100

func stat(pid int) (usage, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, err
	}
	// The name in parentheses may contain spaces and parentheses.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	ticks := func(field int) time.Duration {
		n, _ := strconv.Atoi(fields[field-3])
		return time.Duration(n) * tick
	}
	parent, err := strconv.Atoi(fields[4-3])
	return usage{parent, ticks(14) + ticks(15), ticks(16) + ticks(17)}, err
}

// cpuTime returns the CPU time of a process.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	p, err := stat(pid)
	if err != nil {
		t.Fatal(err)
	}
	return p.own
}

// familyCPUTime returns the CPU time of a process and its children, including ended ones.
func familyCPUTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	p, err := stat(pid)
	if err != nil {
		t.Fatal(err)
	}
	sum := p.own + p.children
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		child, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			t.Fatal(err)
		}
		if c, err := stat(child); err == nil && c.parent == pid {
			sum += c.own
		}
	}
	return sum
}

// peakMemory returns the peak of the resident memory of a process, in bytes.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kilobytes int64
			fmt.Sscan(rest, &kilobytes)
			return kilobytes << 10
		}
	}
	t.Fatalf("/proc/%d/status has no VmHWM", pid)
	return 0
}
