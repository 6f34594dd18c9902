package plan

import "slices"

// followPins holds the system's provisioning pins against the tenants and, where
// they change while tenants have still to move, leaves them as they are until a
// last step sets them.
func (d *Draft) followPins() {
	m := d.Moves[0]
	if m.wanted == nil || len(d.Lacks) > 0 {
		return
	}
	tenants := d.pinnedTenants()
	wanted := pinsIn(m.wanted)
	d.diagnostics = append(d.diagnostics, pinDiagnostics(m.Release, wanted, tenants)...)
	if m.Action != Upgrade || d.observation.Offline {
		return
	}
	order := orderPins(livePins(m.Live), wanted, tenants)
	m.notes = order.Notes
	if !order.Hold {
		return
	}
	for _, h := range m.Hops {
		h.Held = d.reached(h.Phase)
		h.Wanted = &Wanted{Chart: h.Wanted.Chart, Values: HeldValues(m.Live, h.Wanted, h.Held)}
	}
	if m.keepsAll() {
		m.Hops, m.Reasons = nil, nil // the pins are all that there is to change
	}
	if order.Step {
		m.Hops = append(m.Hops, &Hop{Number: len(m.Hops), Phase: d.phases - 1, From: m.To, To: m.To, Wanted: m.wanted, pins: true})
	} else if len(m.Hops) == 0 {
		m.Action = Unchanged
	}
}

// keepsAll says whether the held hop of a release that keeps its version would
// change nothing.
func (m *Move) keepsAll() bool {
	h := m.Hops[len(m.Hops)-1]
	return !m.moves() && m.Live.Status == "deployed" && m.Live.ChartDigest == h.Wanted.Chart.Digest && SameValues(m.Live.Values, h.Wanted.Values)
}

// idle says whether the held hop of a system that keeps its version turns out to
// change nothing: the pins that it holds may be written into values that did not
// have them, and come to the same.
func (d *Draft) idle(m *Move, before []Object, renders []*Rendered) bool {
	h := m.Hops[0]
	if h.Held == nil || m.moves() || m.Live.Status != "deployed" || len(d.schemaMove(m, h)) > 0 {
		return false
	}
	if len(CRDChanges(renders[0].LiveCRDs, renders[0].CRDs, false)) > 0 {
		return false
	}
	changes := d.known(changedObjects(before, renders[0].Objects, renders[0].Again))
	return !slices.ContainsFunc(changes, func(o objectChange) bool { return !o.random() })
}

// pinsOnly is the move without the hop before the one that sets the pins.
func (m *Move) pinsOnly() *Move {
	out, h := *m, *pinsHop(m)
	h.Number = 0
	out.Hops, out.Reasons = []*Hop{&h}, nil // the pins are all that there is to change
	return &out
}

// reached is what tenants run when the system makes its hop of a phase: the
// oldest version, which is allowed beside the next system as all of them are.
// Before any has moved it is what they run now.
func (d *Draft) reached(phase int) *HeldPins {
	var oldest *Hop
	for _, m := range d.Moves[1:] {
		if m.Companion != nil {
			continue
		}
		var last *Hop
		for _, h := range m.Hops {
			if h.Phase < phase {
				last = h
			}
		}
		if last != nil && (oldest == nil || last.To.LessThan(oldest.To)) {
			oldest = last
		}
	}
	if oldest == nil {
		return &HeldPins{}
	}
	return &HeldPins{Version: oldest.To.String(), AppVersion: oldest.Wanted.Chart.AppVersion}
}

// HeldValues are the values of a hop of the system while its provisioning pins
// are not yet what the files ask for.
func HeldValues(live *Live, w *Wanted, held *HeldPins) map[string]any {
	pins := livePins(live)
	if held.Version != "" {
		pins = pins.at(held.Version, held.AppVersion)
	}
	return holdPins(w.Values, pinsIn(w), pins)
}

func pinsIn(w *Wanted) pinSet { return pinsOf(w.Chart.Defaults, w.Values, w.Chart.AppVersion) }

func livePins(l *Live) pinSet { return pinsOf(l.Defaults, l.Values, l.AppVersion) }

func (d *Draft) pinnedTenants() []pinnedTenant {
	var all []pinnedTenant
	for _, m := range d.Moves[1:] {
		if m.Companion != nil {
			continue
		}
		t := pinnedTenant{Address: m.Release.Address, Live: m.From, Wanted: m.Release.Version}
		t.Planned = m.Action != Unchanged || m.From != nil && m.From.Equal(t.Wanted)
		if w := d.catalog.Wanted[target(m.Release)]; w != nil {
			t.AppVersion = w.Chart.AppVersion
		}
		all = append(all, t)
	}
	return all
}

// pinsHop is the hop that sets the pins, nil if there is none.
func pinsHop(m *Move) *Hop {
	if i := slices.IndexFunc(m.Hops, func(h *Hop) bool { return h.pins }); i >= 0 {
		return m.Hops[i]
	}
	return nil
}
