package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// actor is a workload while its release rolls.
type actor struct {
	name               string
	stale, fresh       int // pods of the old and of the new template
	target             int // pods in the end
	surge, unavailable int
	job                bool
	oldPod, pod        Pod
	// oldUse and use are what one pod counts for, by quota.
	oldUse, use map[*quota]amounts
}

// reckon works out once what the pods count for.
func (a *actor) reckon(quotas []*quota, defaults limits) {
	a.oldUse, a.use = map[*quota]amounts{}, map[*quota]amounts{}
	for _, q := range quotas {
		a.oldUse[q], a.use[q] = q.counts(a.oldPod, defaults), q.counts(a.pod, defaults)
	}
}

// actorsOf says where the workloads of a release stand when its hop begins.
func actorsOf(t Turn) []*actor {
	var out []*actor
	key := func(w Workload) string { return w.Kind + "/" + w.Name }
	was := map[string]Workload{}
	for _, w := range t.Before.Workloads {
		was[key(w)] = w
	}
	for _, w := range t.After.Workloads {
		a := &actor{name: w.Kind + " " + w.Name, target: w.Pods, surge: w.Surge, unavailable: w.Unavailable, job: w.Kind == "Job", pod: w.Pod, oldPod: w.Pod}
		old, had := was[key(w)]
		delete(was, key(w))
		rolls := slices.Contains(t.Rolls, key(w))
		switch {
		case a.job && had && !rolls:
			a.target = 0 // it ran long ago
		case had && !a.job && rolls:
			a.stale, a.oldPod = old.Pods, old.Pod
		case had && !a.job:
			a.fresh = old.Pods
		}
		out = append(out, a)
	}
	for _, k := range slices.Sorted(maps.Keys(was)) {
		if w := was[k]; w.Kind != "Job" {
			out = append(out, &actor{name: w.Kind + " " + w.Name, stale: w.Pods, oldPod: w.Pod, pod: w.Pod})
		}
	}
	return out
}

// roll replaces pods for as long as the quotas let it, in the order that asks
// for least first. What is left then never gets ready.
func (n *quotaWorld) roll(t Turn, actors []*actor, quotas []*quota, defaults limits) {
	count := func(use map[*quota]amounts, times int) {
		for q, one := range use {
			q.used.add(one, int64(times))
		}
	}
	for _, a := range actors {
		a.reckon(quotas, defaults)
		count(a.oldUse, a.stale)
		count(a.use, a.fresh)
	}
	crowded := crowd(actors, quotas, n.namespace)
	order := slices.Clone(actors)
	slices.SortStableFunc(order, func(a, b *actor) int { return a.grows() - b.grows() })
	for {
		moved := false
		for _, a := range order {
			for a.canRemove() {
				if a.stale > 0 {
					a.stale--
					count(a.oldUse, -1)
				} else {
					a.fresh--
					count(a.use, -1)
				}
				moved = true
			}
		}
		for _, a := range order {
			if a.fresh >= a.target || a.stale+a.fresh >= a.target+a.surge || a.refused(quotas) {
				continue
			}
			a.fresh++
			count(a.use, 1)
			moved = true
			if a.job && a.fresh == a.target {
				count(a.use, -a.fresh)
				a.fresh, a.target = 0, 0
			}
			break // what it replaces goes before the next one comes
		}
		if !moved {
			break
		}
	}
	if n.stuck(t, actors, quotas) {
		return
	}
	for _, text := range crowded {
		n.find(Warning, t, "Quota slows the rollout down", text)
	}
}

// grows is 1 when a new pod asks for more of anything than an old one.
func (a *actor) grows() int {
	for q, use := range a.use {
		for name, v := range use {
			if v.Cmp(a.oldUse[q][name]) > 0 {
				return 1
			}
		}
	}
	return 0
}

func (a *actor) canRemove() bool {
	return a.stale > 0 && a.stale-1+a.fresh >= a.target-a.unavailable || a.stale == 0 && a.fresh > a.target
}

// refused says whether one more pod is refused.
func (a *actor) refused(quotas []*quota) bool {
	return slices.ContainsFunc(quotas, func(q *quota) bool { return len(q.exceeded(a.use[q])) > 0 })
}

// stuck reports the workloads that cannot go on, and whether there are any.
func (n *quotaWorld) stuck(t Turn, actors []*actor, quotas []*quota) bool {
	halted := false
	for _, q := range quotas {
		for _, name := range slices.Sorted(maps.Keys(q.hard)) {
			var blocked []string
			need := q.used[name].DeepCopy()
			end := q.used[name].DeepCopy()
			for _, a := range actors {
				if a.fresh >= a.target {
					continue
				}
				one := a.use[q][name]
				if slices.Contains(q.exceeded(a.use[q]), name) {
					blocked = append(blocked, a.name)
					with := q.used[name].DeepCopy()
					with.Add(one)
					if with.Cmp(need) > 0 {
						need = with
					}
				}
				one, old := one.DeepCopy(), a.oldUse[q][name].DeepCopy()
				one.Mul(int64(a.target - a.fresh))
				old.Mul(int64(-a.stale))
				end.Add(one)
				end.Add(old)
			}
			hard := q.hard[name]
			halted = halted || len(blocked) > 0
			switch {
			case len(blocked) == 0:
			case end.Cmp(hard) > 0:
				n.find(Error, t, "Quota is too small", fmt.Sprintf("quota %s of namespace %s: %s needs %s of %s once everything runs, so %s would never get ready. Raise the quota, or ask for less.",
					q.name, n.namespace, name, plain(end), plain(hard), strings.Join(blocked, ", ")))
			default:
				n.find(Error, t, "Quota leaves no room for the rollout", fmt.Sprintf("quota %s of namespace %s: %s needs %s of %s while %s rolls: a new pod has to be ready before an old one goes, and Kubernetes would refuse it for good. Raise the quota for the upgrade, or let the rollout do without a pod (maxSurge 0, maxUnavailable 1).",
					q.name, n.namespace, name, plain(need), plain(hard), strings.Join(blocked, ", ")))
			}
		}
	}
	return halted
}

// crowd tells where not all pods fit that may roll at the same time; they may
// still fit one after the other.
func crowd(actors []*actor, quotas []*quota, namespace string) []string {
	var texts []string
	for _, q := range quotas {
		peak, rolling := amounts{}, []string{}
		peak.add(q.used, 1)
		for _, a := range actors {
			more := a.target - a.fresh
			if a.stale > 0 {
				more = min(a.surge, a.target)
			}
			if more > 0 && len(a.use[q]) > 0 {
				peak.add(a.use[q], int64(more))
				rolling = append(rolling, a.name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(q.hard)) {
			used, hard, need := q.used[name], q.hard[name], peak[name]
			if need.Cmp(hard) > 0 && used.Cmp(need) < 0 {
				texts = append(texts, fmt.Sprintf("quota %s of namespace %s: %s needs %s of %s for all the pods that may roll at the same time (%s). Kubernetes refuses some and tries them again, less and less often, so this may take long.",
					q.name, namespace, name, plain(need), plain(hard), strings.Join(rolling, ", ")))
			}
		}
	}
	return texts
}
