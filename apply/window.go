package apply

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soctalk/fleet/plan"
)

// window is a recurring span of time.
type window struct {
	name     string
	days     []time.Weekday
	hour     int
	minute   int
	duration time.Duration
	location *time.Location
}

func newWindow(name string, w plan.Window) (*window, error) {
	start, err := time.Parse("15:04", w.Start)
	if err != nil {
		return nil, fmt.Errorf("window %s: start: %w", name, err)
	}
	out := &window{name: name, hour: start.Hour(), minute: start.Minute()}
	if out.duration, err = time.ParseDuration(w.Duration); err != nil {
		return nil, fmt.Errorf("window %s: duration: %w", name, err)
	}
	if out.location, err = time.LoadLocation(w.Timezone); err != nil {
		return nil, fmt.Errorf("window %s: timezone: %w", name, err)
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		if slices.Contains(w.Days, strings.ToLower(d.String()[:3])) {
			out.days = append(out.days, d)
		}
	}
	if len(out.days) == 0 || out.duration <= 0 {
		return nil, fmt.Errorf("window %s never opens", name)
	}
	return out, nil
}

// from returns the first moment, now or later, at which the window is open and
// stays open for as long as is needed, which must not be longer than it ever is.
func (w *window) from(now time.Time, need time.Duration) time.Time {
	local := now.In(w.location)
	// The window of the day before may reach into this one.
	for day := -1; ; day++ {
		opens, does := w.opening(local, day)
		if !does {
			continue
		}
		if !opens.Before(now) {
			return opens
		}
		closes := opens.Add(w.duration)
		// Where it closes when it opens again it stays open, and so it does for whole
		// days, also one of 25 hours.
		if again, does := w.opening(local, day+1); does && (!again.After(closes) || w.duration == 24*time.Hour) {
			closes = again.Add(w.duration)
		}
		if !now.Add(need).After(closes) && now.Before(closes) {
			return now
		}
	}
}

// opening is when the window opens on the day that comes so many days after
// another, if it does. Where clocks are put forward over its start it opens as
// they are; where they are put back over it, it opens the first time. It lasts as
// long as ever.
func (w *window) opening(from time.Time, days int) (opens time.Time, does bool) {
	date := time.Date(from.Year(), from.Month(), from.Day()+days, 12, 0, 0, 0, w.location)
	if !slices.Contains(w.days, date.Weekday()) {
		return opens, false
	}
	t := time.Date(date.Year(), date.Month(), date.Day(), w.hour, w.minute, 0, 0, w.location)
	since, until := t.ZoneBounds()
	if t.Hour() != w.hour || t.Minute() != w.minute {
		if t.Hour()*60+t.Minute() > w.hour*60+w.minute {
			return since, true
		}
		return until, true
	}
	if since.IsZero() {
		return t, true
	}
	_, offset := t.Zone()
	_, before := since.Add(-1).Zone()
	first := t.Add(-time.Duration(before-offset) * time.Second)
	if before > offset && first.Before(since) {
		return first, true
	}
	return t, true
}

// windows are those that the plan's steps keep to.
type windows struct {
	byName map[string]*window
	// need is, by step, for how long its window has to be open still: as long as
	// the tenant's turn may take from that step on.
	need map[string]time.Duration
}

// newWindows fails when a turn does not fit into its window at all.
func newWindows(doc *plan.Document) (*windows, error) {
	w := &windows{byName: map[string]*window{}, need: map[string]time.Duration{}}
	type turn struct {
		tenant string
		phase  int
	}
	needs := map[turn]time.Duration{}
	for _, s := range slices.Backward(doc.Steps) {
		if s.Window == "" {
			continue
		}
		if w.byName[s.Window] == nil {
			declared, known := doc.Rollout.Windows[s.Window]
			if !known {
				return nil, fmt.Errorf("step %s keeps to window %s, which the plan does not hold", s.ID, s.Window)
			}
			made, err := newWindow(s.Window, declared)
			if err != nil {
				return nil, err
			}
			w.byName[s.Window] = made
		}
		timeout, err := time.ParseDuration(s.Timeout)
		if err != nil {
			return nil, fmt.Errorf("step %s: timeout: %w", s.ID, err)
		}
		t := turn{s.Tenant, s.Phase}
		needs[t] += timeout
		w.need[s.ID] = needs[t]
		if d := w.byName[s.Window].duration; needs[t] > d {
			return nil, fmt.Errorf("%s may take %s, and window %s is open for %s: make the window longer or the timeouts shorter", s.Tenant, needs[t], s.Window, d)
		}
	}
	return w, nil
}

// opens says from when on a step may start: now, or later.
func (w *windows) opens(s plan.Step, now time.Time) time.Time {
	if s.Window == "" {
		return now
	}
	return w.byName[s.Window].from(now, w.need[s.ID])
}
