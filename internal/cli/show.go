package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/planfile"
	"github.com/soctalk/fleet/internal/view"
	"github.com/spf13/cobra"
)

func (a *app) showCommand() *cobra.Command {
	var format planFormat
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Print a saved plan or an observation",
		Args:  oneArg("one file", "It shows what soctalk plan -out=FILE or soctalk observe -out=FILE has written."),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := format.check(asJSON); err != nil {
				return err
			}
			path := a.path(args[0])
			if isObservation(path) {
				if format.name == "html" {
					return errors.New("-format=html shows plans; an observation is shown as human or markdown")
				}
				return a.showObservation(path, asJSON, format)
			}
			file, err := planfile.Read(path)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.out).Encode(file.Document)
			}
			return a.showPlanAs(file.Document, format)
		},
	}
	format.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the document as JSON")
	return cmd
}

// isObservation says whether a file says of itself that it is one. Whoever reads
// it finds out whether that is true.
func isObservation(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	// The mark is among the first fields.
	d := json.NewDecoder(io.LimitReader(f, 4<<10))
	for {
		key, err := d.Token()
		if err != nil {
			return false
		}
		if key == "kind" {
			kind, err := d.Token()
			return err == nil && kind == observe.FileKind
		}
	}
}

func (a *app) showObservation(path string, asJSON bool, format planFormat) error {
	recorded, err := observe.Read(path)
	if err != nil {
		return err
	}
	if asJSON {
		data, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read observation: %w", err)
		}
		_, err = a.out.Write(data)
		return err
	}
	o := observationOf(recorded)
	if format.name == "markdown" {
		err = view.ObservationMarkdown(a.out, o)
	} else {
		err = view.ObservationHuman(a.out, o, a.style(a.out))
	}
	if err != nil {
		return err
	}
	a.diagnostics(o.Diagnostics)
	return nil
}

func observationOf(r *observe.Recorded) *view.Observation {
	o := &view.Observation{Taken: r.Created}
	if db := r.Live.Database; db != nil {
		o.SchemaRevision = db.Revision
	}
	for key, l := range r.Live.Releases {
		o.Releases = append(o.Releases, view.ObservedRelease{
			Address: r.Addresses[key], Cluster: key.Cluster, Namespace: key.Namespace, Release: key.Name,
			Chart: l.Chart, Version: l.Version.String(), Status: l.Status, Revision: l.Revision, Updated: l.Modified, Owner: r.Live.Owners[key],
		})
	}
	for _, key := range r.Live.Others {
		o.Releases = append(o.Releases, view.ObservedRelease{Cluster: key.Cluster, Namespace: key.Namespace, Release: key.Name})
	}
	o.Diagnostics = unread(r.Live, r.Addresses)
	return o
}
