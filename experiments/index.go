package experiments

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Index returns what scenarios there are as a table in Markdown, in the order of the
// claims that they test, and below it these claims. figures lists those of a
// scenario, as links.
func Index(scenarios []*Scenario, figures func(name string) []string) string {
	scenarios = slices.Clone(scenarios)
	slices.SortStableFunc(scenarios, func(a, b *Scenario) int { return cmp.Compare(firstClaim(a), firstClaim(b)) })
	var b strings.Builder
	b.WriteString("| question | scenario | claims | figures | command | minutes |\n|---|---|---|---|---|---|\n")
	for _, s := range scenarios {
		minutes := ""
		if s.Minutes > 0 {
			minutes = fmt.Sprintf("%g", s.Minutes)
		}
		fmt.Fprintf(&b, "| %s | [%s](%[2]s.toml) | %s | %s | `raftzab run experiments/%[2]s.toml` | %[5]s |\n",
			s.Question, s.Name, strings.Join(s.Claims, ", "), strings.Join(figures(s.Name), ", "), minutes)
	}
	b.WriteString("\n| claim | says |\n|---|---|\n")
	for _, c := range Claims {
		fmt.Fprintf(&b, "| %s | %s |\n", c.ID, strings.ReplaceAll(c.Says, "|", `\|`))
	}
	return b.String()
}

// firstClaim is the place of the first of a scenario's claims; last where it has none.
func firstClaim(s *Scenario) int {
	if len(s.Claims) == 0 {
		return len(Claims)
	}
	return slices.IndexFunc(Claims, func(c Claim) bool { return slices.Contains(s.Claims, c.ID) })
}
