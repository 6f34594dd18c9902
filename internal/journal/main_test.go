package journal

import (
	"testing"

	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }
