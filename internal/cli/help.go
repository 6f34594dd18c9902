package cli

import (
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

func init() { cobra.AddTemplateFunc("asWritten", asWritten) }

// usageTemplate is cobra's, with options as this program's texts write them.
func usageTemplate(cmd *cobra.Command) string {
	return strings.NewReplacer(".FlagUsages |", ".FlagUsages | asWritten |", "--help", "-help").Replace(cmd.UsageTemplate())
}

var flagUsage = regexp.MustCompile(`(?m)^( +(?:-\w, )?)--([\w-]+)(?: (\S+))?`)

// asWritten writes options with one dash, and what they take behind an equals
// sign.
func asWritten(usages string) string {
	return flagUsage.ReplaceAllStringFunc(usages, func(s string) string {
		m := flagUsage.FindStringSubmatch(s)
		if m[3] == "" {
			return m[1] + "-" + m[2]
		}
		return m[1] + "-" + m[2] + "=" + strings.ToUpper(m[3])
	})
}
