package cli

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/planfile"
	"github.com/soctalk/fleet/schema"
	"github.com/spf13/cobra"
)

// A shell waits for what it is offered, and nobody reads errors there: what
// cannot be found out in this time is not offered.
const completionTime = 2 * time.Second

// addCompletions offers what can stand in arguments and options.
func (a *app) addCompletions(root *cobra.Command) {
	arguments := map[string]cobra.CompletionFunc{
		"soctalk apply": planFiles, "soctalk show": planFiles, "soctalk graph": planFiles,
		"soctalk history": a.runs, "soctalk rollback": a.runs, "soctalk force-unlock": a.runs,
		"soctalk snapshot verify": a.snapshots, "soctalk snapshot restore": a.snapshots,
	}
	options := map[string]cobra.CompletionFunc{
		"target": a.patterns, "exclude": a.patterns, "resume": a.runs, "approve": a.waves, "to": a.points,
		"refresh": cobra.FixedCompletions([]string{refreshReleases, refreshLive, refreshNone}, cobra.ShellCompDirectiveNoFileComp),
		"stale":   cobra.FixedCompletions(stalePolicies, cobra.ShellCompDirectiveNoFileComp),
	}
	formats := map[string][]string{"graph": slices.Sorted(maps.Keys(graphFormats)), "history": historyFormats}
	var add func(*cobra.Command)
	add = func(c *cobra.Command) {
		if f := arguments[c.CommandPath()]; f != nil {
			c.ValidArgsFunction = once(f)
		}
		for name, f := range options {
			if c.Flags().Lookup(name) != nil {
				_ = c.RegisterFlagCompletionFunc(name, f) // the option is there, and offered once
			}
		}
		if c.Flags().Lookup("format") != nil {
			known := formats[c.Name()]
			if known == nil {
				known = planFormats
			}
			_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(known, cobra.ShellCompDirectiveNoFileComp))
		}
		for _, sub := range c.Commands() {
			add(sub)
		}
	}
	add(root)
}

// once offers an argument where there is none yet.
func once(f cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f(cmd, args, typed)
	}
}

func planFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"plan"}, cobra.ShellCompDirectiveFilterFileExt
}

// configured is the fleet of the files, with the variables that were typed; nil
// when there is something wrong with it.
func (a *app) configured(cmd *cobra.Command) *schema.Fleet {
	vars := &variables{}
	for name, list := range map[string]*[]string{"var": &vars.pairs, "var-file": &vars.files} {
		if f := cmd.Flags().Lookup(name); f != nil {
			if typed, ok := f.Value.(*variableFlag); ok {
				*list, vars.order = *typed.list, *typed.order
			}
		}
	}
	fleet, diags := a.parse(vars, false)
	if diags.HasErrors() {
		return nil
	}
	return fleet
}

// patterns are what -target takes.
func (a *app) patterns(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	f := a.configured(cmd)
	if f == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	offer := []string{f.System.Address}
	for _, w := range f.Rollout.Waves {
		offer = append(offer, "wave."+w.Name)
	}
	for _, t := range f.Tenants {
		block, _, _ := strings.Cut(t.Address, "[")
		offer = append(offer, block, t.Address)
		for _, c := range t.Companions {
			offer = append(offer, c.Address)
		}
		for _, key := range slices.Sorted(maps.Keys(t.Labels)) {
			offer = append(offer, "label."+key+"="+t.Labels[key])
		}
	}
	return startingWith(offer, typed), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) waves(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	f := a.configured(cmd)
	if f == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var offer []string
	for _, w := range f.Rollout.Waves {
		offer = append(offer, w.Name)
	}
	return startingWith(offer, typed), cobra.ShellCompDirectiveNoFileComp
}

// asked offers what the cluster of the journals knows.
func (a *app) asked(cmd *cobra.Command, typed string, ask func(context.Context, *kube.Cluster, string) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	f := a.configured(cmd)
	if f == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(context.Background(), completionTime)
	defer cancel()
	k, err := systemCluster(ctx, f)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	offer, err := ask(ctx, k, f.System.Namespace)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return startingWith(offer, typed), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// runs are those that the journal knows, newest first.
func (a *app) runs(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.asked(cmd, typed, func(ctx context.Context, k *kube.Cluster, namespace string) ([]string, error) {
		runs, err := journal.Runs(ctx, k, namespace)
		var offer []string
		for _, r := range runs {
			offer = append(offer, cobra.CompletionWithDesc(r.ID, string(r.State)+", by "+r.By))
		}
		return offer, err
	})
}

func (a *app) snapshots(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.asked(cmd, typed, func(ctx context.Context, k *kube.Cluster, namespace string) ([]string, error) {
		all, err := journal.Snapshots(ctx, k, namespace, journal.SnapshotFilter{})
		var offer []string
		for _, s := range all {
			offer = append(offer, cobra.CompletionWithDesc(s.ID, s.Name+" of "+s.Address))
		}
		return offer, err
	})
}

// points are the rollback points of the run that was typed.
func (a *app) points(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.asked(cmd, typed, func(ctx context.Context, k *kube.Cluster, namespace string) ([]string, error) {
		data, _, err := journal.Plan(ctx, k, namespace, args[0])
		if err != nil {
			return nil, err
		}
		file, err := planfile.Decode(data)
		if err != nil {
			return nil, err
		}
		var offer []string
		for _, p := range file.Document.RollbackPoints {
			offer = append(offer, p.ID)
		}
		return offer, nil
	})
}

// startingWith are those of the offers that go on what was typed, once each.
func startingWith(offer []string, typed string) []string {
	var out []string
	seen := map[string]bool{}
	for _, o := range offer {
		if strings.HasPrefix(o, typed) && !seen[o] {
			seen[o] = true
			out = append(out, o)
		}
	}
	return out
}

// completing prepares what a shell asks: options before the command come after
// the word for completion there, and options are offered as they are typed,
// with one dash or two.
func (a *app) completing(args []string) []string {
	if len(args) < 2 || !slices.Contains([]string{cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd}, args[0]) {
		return args
	}
	if last := args[len(args)-1]; strings.HasPrefix(last, "-") && !strings.HasPrefix(last, "--") && last != "-" {
		a.out = oneDash{a.out}
	}
	rest, err := a.global(args[1:])
	if err != nil || len(rest) == 0 {
		return args
	}
	return append([]string{args[0]}, rest...)
}

// oneDash writes options with one dash. Each is written at once.
type oneDash struct{ to io.Writer }

func (w oneDash) Write(p []byte) (int, error) {
	if strings.HasPrefix(string(p), "--") {
		n, err := w.to.Write(p[1:])
		return n + 1, err
	}
	return w.to.Write(p)
}
