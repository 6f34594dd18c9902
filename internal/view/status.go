package view

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Status is the document of the status command.
type Status struct {
	FormatVersion string          `json:"format_version"`
	Releases      []ReleaseStatus `json:"releases"`
	// Unmanaged are live tenant releases that the files do not name.
	Unmanaged []string `json:"unmanaged"`
}

// ReleaseStatus is one release: what the files want and what is live.
type ReleaseStatus struct {
	Address   string `json:"address"`
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	Release   string `json:"release"`
	Wanted    string `json:"wanted"`
	// Live is the version; empty when the release is not installed.
	Live     string `json:"live"`
	Revision int    `json:"revision,omitempty"`
	// Compatibility rates a tenant beside the live system.
	Compatibility string `json:"compatibility,omitempty"`
	// Health is "ready", or what is not.
	Health string `json:"health"`
	// Drift is true when the live version is not the wanted one.
	Drift   bool      `json:"drift"`
	LastRun string    `json:"last_run,omitempty"`
	Updated time.Time `json:"updated,omitzero"`
}

// StatusHuman writes a table.
func StatusHuman(w io.Writer, s *Status, style Style) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ADDRESS\tWANTED\tLIVE\tCOMPATIBILITY\tHEALTH\tLAST RUN")
	for _, r := range s.Releases {
		live := r.Live
		if live == "" {
			live = "-"
		} else if r.Drift {
			live += " (differs)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Address, r.Wanted, live, dash(r.Compatibility), r.Health, dash(r.LastRun))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(s.Unmanaged) > 0 {
		fmt.Fprintf(w, "\nLive, but not in these files: %s\n", shortList(s.Unmanaged))
	}
	return nil
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
