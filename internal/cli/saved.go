package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/soctalk/fleet/internal/planfile"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// applyFile carries out a saved plan, once it is sure that configuration,
// charts and values are still those that were planned with.
func (a *app) applyFile(ctx context.Context, path string, flags *applyFlags) error {
	file, err := planfile.Read(a.path(path))
	if err != nil {
		return err
	}
	if !file.Sealed() {
		return advise(fmt.Errorf("%s was not saved with soctalk plan -out: it says what a plan does and lacks what it takes to carry it out", path), planAgain)
	}
	root, err := filepath.Abs(a.dir)
	if err != nil {
		return fmt.Errorf("find the configuration's folder: %w", err)
	}
	k, err := clusterOf(ctx, root, file.Where)
	if err != nil {
		return err
	}
	key, err := keyOf(ctx, k, root, file.Where)
	if err != nil {
		return err
	}
	inputs, s, err := a.reopenSession(ctx, file, key, flags.plan.parallelism)
	if errors.Is(err, planfile.ErrKey) {
		err = whyNoKey(ctx, k, file, err)
	}
	if err != nil {
		return err
	}
	s.allowExec = flags.allowExec
	if file.Document.Reverses == nil { // a way back needs no charts
		err = s.prepare(ctx, file.Document, flags.plan.parallelism)
	} else {
		err = s.restorable(ctx, file.Document)
	}
	if err != nil {
		return err
	}
	data, err := planfile.Encode(file.Document, file.Where, inputs, key)
	if err != nil {
		return err
	}
	return a.run(ctx, s, &task{doc: file.Document, file: data, next: a.applyAgain(inputs, file.Document), approval: "the plan was saved before"}, flags)
}

// reopenSession reads what is live for a saved plan, with the configuration that
// it was made from.
func (a *app) reopenSession(ctx context.Context, file *planfile.File, key plan.Key, parallel int) (planfile.Inputs, *session, error) {
	inputs, f, err := a.reopen(file, key)
	if err != nil {
		return inputs, nil, err
	}
	s, err := a.openSession(ctx, f, parallel)
	if err != nil {
		return inputs, nil, err
	}
	return inputs, s, s.reaches(file.Document)
}

// reopen loads the configuration of a saved plan and makes sure that it is
// still the same.
func (a *app) reopen(file *planfile.File, key plan.Key) (planfile.Inputs, *schema.Fleet, error) {
	doc := file.Document
	if doc.ToolVersion != version {
		return planfile.Inputs{}, nil, advise(fmt.Errorf("plan %s was made by soctalk %s and this is %s", doc.PlanID, doc.ToolVersion, version), "Plan again with the version that applies.")
	}
	inputs, err := file.Open(key)
	if err != nil {
		return inputs, nil, advise(err, planAgain)
	}
	f, err := a.reload(inputs)
	if err != nil {
		return inputs, nil, err
	}
	if key.Config(f.Inputs) != doc.ConfigDigest {
		return inputs, nil, advise(fmt.Errorf("the configuration changed after plan %s was made", doc.PlanID), planAgain)
	}
	return inputs, f, nil
}

// prepare fetches charts and values and holds them against the plan.
func (s *session) prepare(ctx context.Context, doc *plan.Document, parallel int) error {
	catalog := s.set.Prepare(ctx, parallel)
	s.set.Extend(ctx, catalog, passed(doc, catalog), parallel)
	for _, r := range doc.Releases {
		for _, l := range r.Path {
			live := s.live.Releases[plan.ReleaseKey{Cluster: r.Cluster, Namespace: r.Namespace, Name: r.Name}]
			if err := unchanged(plan.At{Address: r.Address, Version: l.To}, l, live, catalog, s.key); err != nil {
				return err
			}
		}
	}
	return nil
}

// reload loads the configuration as it was loaded for the plan.
func (a *app) reload(in planfile.Inputs) (*schema.Fleet, error) {
	env := in.Env
	for _, e := range a.env {
		if !strings.HasPrefix(e, schema.EnvPrefix) {
			env = append(env, e)
		}
	}
	planned := *a
	planned.env = env
	return planned.load(&variables{pairs: in.Vars, files: in.VarFiles, order: []byte(in.Order)})
}

// passed are the versions that a plan's releases go through before their target.
func passed(doc *plan.Document, catalog *plan.Catalog) []plan.At {
	var all []plan.At
	for _, r := range doc.Releases {
		for i, l := range r.Path {
			if at := (plan.At{Address: r.Address, Version: l.To}); i < len(r.Path)-1 && catalog.Wanted[at] == nil {
				all = append(all, at)
			}
		}
	}
	return all
}

// unchanged holds the chart and values of a hop against the plan.
func unchanged(at plan.At, l plan.Leg, live *plan.Live, catalog *plan.Catalog, key plan.Key) error {
	w := catalog.Wanted[at]
	if w == nil {
		return advise(fmt.Errorf("%s can no longer be prepared for %s: %s", at.Address, at.Version, catalog.Problems[at].Detail), planAgain)
	}
	if w.Chart.Digest != l.ChartDigest {
		return advise(fmt.Errorf("the chart of %s is not the one that was planned with", at.Address), planAgain)
	}
	values := w.Values
	if l.Held != nil && live.Deployed() {
		values = plan.HeldValues(live, w, l.Held)
	}
	digest, err := key.Values(values)
	if err != nil {
		return fmt.Errorf("%s: %w", at.Address, err)
	}
	if digest != l.ValuesDigest {
		return advise(fmt.Errorf("the values of %s are not those that were planned with", at.Address), planAgain)
	}
	return nil
}
