package coderdb

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// cron is a schedule of five cron fields. Bit n of a field is set if it contains n.
type cron struct {
	minutes, hours, days, months, weekdays uint64

	anyDay, anyWeekday bool // the field is * or ?
}

// parseCron parses five fields: minute, hour, day of the month, month, day of the week
// (0 is Sunday). A field is * or ?, or a list of numbers, ranges and names of months or
// weekdays, with steps as in 9-17/2.
func parseCron(text string) (c cron, ok bool) {
	fields := strings.Fields(text)
	if len(fields) != 5 {
		return cron{}, false
	}
	var valid [5]bool
	c.minutes, _, valid[0] = parseField(fields[0], 0, 59, nil)
	c.hours, _, valid[1] = parseField(fields[1], 0, 23, nil)
	c.days, c.anyDay, valid[2] = parseField(fields[2], 1, 31, nil)
	c.months, _, valid[3] = parseField(fields[3], 1, 12, monthNames)
	c.weekdays, c.anyWeekday, valid[4] = parseField(fields[4], 0, 6, weekdayNames)
	return c, !slices.Contains(valid[:], false)
}

var (
	monthNames   = strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec")
	weekdayNames = strings.Fields("sun mon tue wed thu fri sat")
)

// parseField parses a field with values from least to most. names are the names of the
// values, in their order. all is set if an item of the list is * or ? without a step.
func parseField(field string, least, most int, names []string) (bits uint64, all, ok bool) {
	value := func(text string) (n int, ok bool) {
		if i := slices.Index(names, strings.ToLower(text)); i >= 0 {
			return least + i, true
		}
		n, err := strconv.Atoi(text)
		return n, err == nil
	}
	for item := range strings.SplitSeq(field, ",") {
		values, stepText, stepped := strings.Cut(item, "/")
		firstText, lastText, isRange := strings.Cut(values, "-")
		first, last, step := least, most, 1
		valid := [3]bool{true, true, true}
		if stepped {
			n, err := strconv.Atoi(stepText)
			step, valid[0] = n, err == nil
		}
		if values != "*" && values != "?" {
			first, valid[1] = value(firstText)
			switch {
			case isRange:
				last, valid[2] = value(lastText)
			case !stepped:
				last = first
			}
		} else if step == 1 {
			all = true
		}
		if valid != [3]bool{true, true, true} || step < 1 || first < least || last > most || first > last {
			return 0, false, false
		}
		for n := first; n <= last; n += min(step, most+1) {
			bits |= 1 << n
		}
	}
	return bits, all, true
}

// contains reports whether the schedule is in force in the minute of a time. If both the
// days and the weekdays are restricted, one of them suffices.
func (c cron) contains(t time.Time) bool {
	day, weekday := c.days>>t.Day()&1 == 1, c.weekdays>>int(t.Weekday())&1 == 1
	if c.anyDay || c.anyWeekday {
		day = day && weekday
	} else {
		day = day || weekday
	}
	return day && c.minutes>>t.Minute()&1 == 1 && c.hours>>t.Hour()&1 == 1 && c.months>>int(t.Month())&1 == 1
}

// overlaps reports whether two schedules may be in force at once, by Coder's rule: it
// compares them field by field.
func (c cron) overlaps(other cron) bool {
	days, weekdays := c.days&other.days != 0, c.weekdays&other.weekdays != 0
	switch {
	case c.anyDay || other.anyDay:
		days = weekdays
	case c.anyWeekday || other.anyWeekday:
	default:
		days = days || weekdays
	}
	return days && c.hours&other.hours != 0 && c.months&other.months != 0
}
