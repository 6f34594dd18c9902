package schema

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a window means the same on a machine without zone files

	"github.com/zclconf/go-cty/cty"
)

var weekdays = map[string]time.Weekday{
	"sun": time.Sunday, "mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday,
	"thu": time.Thursday, "fri": time.Friday, "sat": time.Saturday,
}

var weekdayNames = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

func (l *loader) windows() {
	for _, n := range l.top.blocks["window"] {
		x := &instance{l: l}
		w := &Window{Name: n.name(), Start: x.clock(n, "start"), Duration: x.duration(n, "duration"), Location: x.zone(n, "timezone"), Days: x.days(n, "days"), Source: n.source()}
		if w.Duration > 24*time.Hour {
			x.fail(n.attrs["duration"], "Window too long", "A window is open for 24h at most. For more than a day, leave the window out or list more days.")
		}
		l.fleet.Windows[w.Name] = w
	}
}

func (x *instance) days(n *node, name string) []time.Weekday {
	var out []time.Weekday
	seen := map[time.Weekday]bool{}
	if v, a, ok := x.value(n, name, cty.List(cty.String)); ok && v.LengthInt() == 0 {
		x.fail(a, "Window without days", "The list of days is empty, so the window would never open. Leave days out for every day.")
	}
	for _, s := range x.strings(n, name) {
		d, ok := weekdays[strings.ToLower(s)]
		if !ok {
			x.fail(n.attrs[name], "Invalid day", fmt.Sprintf("%q is no day; write %s.%s", s, strings.Join(weekdayNames, ", "), didYouMean(s[:min(len(s), 3)], weekdayNames)))
			continue
		}
		if !seen[d] {
			seen[d] = true
			out = append(out, d)
		}
	}
	if len(out) == 0 {
		for d := time.Sunday; d <= time.Saturday; d++ {
			out = append(out, d)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return out
}

var clockForm = regexp.MustCompile(`^([01]?[0-9]|2[0-3]):([0-5][0-9])$`)

// clock returns the time since local midnight.
func (x *instance) clock(n *node, name string) time.Duration {
	v, a, ok := x.value(n, name, cty.String)
	if !ok {
		return 0
	}
	m := clockForm.FindStringSubmatch(v.AsString())
	if m == nil {
		x.fail(a, "Invalid time of day", fmt.Sprintf("%q is no time of day; write hours and minutes, such as \"01:00\" or \"23:30\".", v.AsString()))
		return 0
	}
	h, _ := strconv.Atoi(m[1])
	min, _ := strconv.Atoi(m[2])
	return time.Duration(h)*time.Hour + time.Duration(min)*time.Minute
}

func (x *instance) zone(n *node, name string) *time.Location {
	s := x.text(n, name)
	if s == "" || s == "Local" {
		x.fail(n.attrs[name], "Invalid time zone", "Name a zone, such as \"Europe/Madrid\" or \"UTC\": the local zone is another one on every machine.")
		return time.UTC
	}
	loc, err := time.LoadLocation(s)
	if err != nil {
		x.fail(n.attrs[name], "Invalid time zone", fmt.Sprintf("There is no time zone %q; write an IANA name, such as \"Europe/Madrid\" or \"UTC\".", s))
		return time.UTC
	}
	return loc
}
