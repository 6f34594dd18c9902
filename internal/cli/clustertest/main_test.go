package clustertest

import (
	"testing"

	"github.com/soctalk/fleet/internal/sandbox/realnode/realnodetest"
)

func TestMain(m *testing.M) { realnodetest.Main(m) }
