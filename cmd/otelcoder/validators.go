package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode"
)

func validAddress(address string) error {
	if _, _, err := net.SplitHostPort(address); err != nil || strings.ContainsAny(address, "/@ ") {
		return errors.New("give an address of this host as <host>:<port>")
	}
	return nil
}

// validName accepts the name of a role or schema. Its error does not quote the name,
// which may be a misplaced URL.
func validName(flag, name string) error {
	const nameSize = 63 // PostgreSQL cuts longer names
	switch {
	case name == "" || len(name) > nameSize:
		return fmt.Errorf("invalid value for %s: a name has 1 to %d bytes", flag, nameSize)
	case strings.ContainsAny(name, ":?&=") || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("invalid value for %s: a name must not have control characters or any of : ? & =", flag)
	}
	return nil
}

// fileError removes the file's name from an error of package os if it may be a misplaced
// URL of a database.
func fileError(err error) error {
	failed, ok := errors.AsType[*fs.PathError](err)
	if ok && (strings.Contains(failed.Path, "://") || strings.ContainsAny(failed.Path, "@=?")) {
		return failed.Err
	}
	return err
}

// validTime accepts durations from 1 s to 24 h. The libraries accept shorter ones, which
// are of no use to a service.
func validTime(d time.Duration) error {
	switch {
	case d < time.Second:
		return errors.New("give a time of at least 1s, such as 30s or 5m")
	case d > 24*time.Hour:
		return errors.New("give a time of at most 24h, such as 30s or 5m")
	}
	return nil
}

// validLimit accepts what coderdb.WithPrebuildsHardLimit accepts.
func validLimit(n int) error {
	if n < 0 || n > 1_000_000 {
		return errors.New("give a number from 0 to 1000000")
	}
	return nil
}

// parseRegions parses a list of relay regions, such as 1=Frankfurt,999=Home.
func parseRegions(list string) (map[int]string, error) {
	regions := make(map[int]string)
	for entry := range strings.SplitSeq(list, ",") {
		number, name, _ := strings.Cut(entry, "=")
		id, err := strconv.Atoi(strings.TrimSpace(number))
		name = strings.TrimSpace(name)
		if err != nil || id <= 0 || name == "" {
			return nil, fmt.Errorf("%q is not a region: give <id>=<name>, several with commas between them", entry)
		}
		if _, twice := regions[id]; twice {
			return nil, fmt.Errorf("region %d is given twice", id)
		}
		regions[id] = name
	}
	return regions, nil
}
