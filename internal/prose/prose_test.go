package prose

import "testing"

func TestCapital(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{"": "", "chart x": "Chart x", "état": "État", "世界": "世界", "\xffx": "\xffx", "-x": "-x"} {
		if got := Capital(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := Lower("Échec"); got != "échec" {
		t.Errorf("%q", got)
	}
}
