package plan

import (
	"fmt"
	"strings"
)

// Volumes is what one cluster says of storage, as far as snapshots need it.
type Volumes struct {
	Classes []SnapshotClass
	// Claims are the live claims of namespaces that the fleet's releases are in.
	Claims map[ClaimKey]VolumeClaim
	// Problem says why it could not be read.
	Problem string
}

// SnapshotClass is a VolumeSnapshotClass.
type SnapshotClass struct {
	Name, Driver string
	// Default is true for the one that its driver takes where none is named.
	Default bool
}

// ClaimKey identifies a volume claim of a cluster.
type ClaimKey struct{ Namespace, Name string }

// VolumeClaim is a live volume claim.
type VolumeClaim struct {
	StorageClass string
	// Provisioner makes its volumes; empty where that is not known.
	Provisioner string
	// Bound is false for a claim that has no volume yet, so that there is nothing
	// to save.
	Bound bool
}

// NoClassError says that no snapshot of a volume can be taken in its cluster.
type NoClassError struct{ Driver string }

func (e *NoClassError) Error() string {
	return fmt.Sprintf("no VolumeSnapshotClass is for driver %s", e.Driver)
}

// ChooseClass returns the VolumeSnapshotClass for the volumes of a driver: the
// one that the files name, or else the only one of that driver, or its default.
// Its error is a [NoClassError] when the driver has none.
func ChooseClass(classes []SnapshotClass, driver, named string) (string, error) {
	var fitting, defaults []string
	other := ""
	for _, c := range classes {
		if c.Name == named {
			other = c.Driver
		}
		if c.Driver != driver {
			continue
		}
		if c.Name == named {
			return named, nil
		}
		fitting = append(fitting, c.Name)
		if c.Default {
			defaults = append(defaults, c.Name)
		}
	}
	switch {
	case len(fitting) == 0:
		return "", &NoClassError{driver}
	case other != "":
		return "", fmt.Errorf("VolumeSnapshotClass %s is for driver %s; leave class out, so that each volume gets one of its own driver", named, other)
	case named != "":
		return "", fmt.Errorf("there is no VolumeSnapshotClass %s; driver %s has %s", named, driver, strings.Join(fitting, ", "))
	case len(fitting) == 1:
		return fitting[0], nil
	case len(defaults) == 1:
		return defaults[0], nil
	}
	return "", fmt.Errorf("driver %s has several VolumeSnapshotClasses, none of which is its default: set class to one of %s", driver, strings.Join(fitting, ", "))
}
