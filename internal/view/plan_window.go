package view

import (
	"slices"
	"strings"
	"time"

	"github.com/soctalk/fleet/plan"
)

// week is in the order in which people count its days.
var week = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// windowText names a window, and says when it is open where the plan tells.
func (x *planIndex) windowText(name string) string {
	w, known := x.doc.Rollout.Windows[name]
	if !known {
		return clean(name)
	}
	return clean(name + " (" + windowTimes(w) + ")")
}

// windowTimes says when a window is open, such as "mon-thu 01:00-04:00 UTC".
func windowTimes(w plan.Window) string {
	times := w.Start + " for " + round(w.Duration)
	start, err := time.Parse("15:04", w.Start)
	lasts, err2 := time.ParseDuration(w.Duration)
	if err == nil && err2 == nil && lasts > 0 && lasts < 24*time.Hour && lasts%time.Minute == 0 {
		times = w.Start + "-" + start.Add(lasts).Format("15:04")
	}
	return strings.TrimSpace(weekdays(w.Days) + " " + times + " " + w.Timezone)
}

// weekdays writes days of the week, three or more in a row as a span.
func weekdays(days []string) string {
	var parts []string
	for i := 0; i < len(week); i++ {
		if !slices.Contains(days, week[i]) {
			continue
		}
		last := i
		for last+1 < len(week) && slices.Contains(days, week[last+1]) {
			last++
		}
		switch last - i {
		case 6:
			return "every day"
		case 0, 1:
			parts = append(parts, week[i:last+1]...)
		default:
			parts = append(parts, week[i]+"-"+week[last])
		}
		i = last
	}
	return strings.Join(parts, ", ")
}
