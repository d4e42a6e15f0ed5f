package report

import (
	"fmt"
	"math"
	"strings"

	"raftzab/results"
)

// Markdown returns CLAIMS.md: what came of each claim, by which data, and how one has
// them again.
func (r *Report) Markdown() []byte {
	var b strings.Builder
	b.WriteString(`# Claims

An introduction to Raft goes on to list how Raft and Zab differ; textbooks and blogs repeat these statements. Each is put to the test here. A verdict comes from data by a rule
that stood in the scenario before the run ([how](../experiments/README.md#verdicts)). A claim **holds** if all of its parts do, and is **refuted** if none of them does; in between it **holds
with a limit**, and the limit names the parts. A scenario that was not run says nothing; the limit names it too. ` + "`raftzab report`" + ` has written this page from the results; report.html has all of it, with the figures. The tolerance is how far another run's numbers may
be from these: none where every file comes again byte by byte; the intervals below where hashicorp/raft or real processes take part.

| claim | verdict | figures | command | takes | tolerance | limit |
|---|---|---|---|---|---|---|
`)
	for _, c := range r.Claims {
		var figures, commands, took, again []string
		for _, s := range c.By {
			for _, f := range s.Figures {
				figures = append(figures, fmt.Sprintf("[%s](%s/figures/%s.svg)", f.Name, s.Name, f.Name))
			}
			commands, took, again = append(commands, "`"+s.Command()+"`"), append(took, s.Took()), append(again, s.Tolerance())
		}
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s | %s | %s | %s |\n", c.ID, strings.ToLower(c.ID), bold(c.Verdict), cell(figures), cell(commands), cell(took), cell(again), escaped(cell(c.But)))
	}
	for _, c := range r.Claims {
		fmt.Fprintf(&b, "\n## %s\n\n%s **%s.**\n", c.ID, c.Says, sentence(c.Verdict))
		for _, p := range c.Parts {
			fmt.Fprintf(&b, "\n* %s **%s** in [%s](../experiments/%[3]s.toml), by `%s`", p.Says, p.Verdict.Verdict, p.Scenario, oneLine(p.Rule))
			if p.Limited != "" {
				fmt.Fprintf(&b, "; with a limit by `%s`", oneLine(p.Limited))
			}
			if p.RefutedBy != "" {
				fmt.Fprintf(&b, "; refuted by `%s`", oneLine(p.RefutedBy))
			}
			if p.Limit != "" {
				fmt.Fprintf(&b, "; the limit: %s", p.Limit)
			}
			if p.Reason != "" {
				fmt.Fprintf(&b, "; because %s", p.Reason)
			}
			fmt.Fprintf(&b, ". Each cell has %d trials or more.\n", p.N)
			for _, n := range p.Numbers {
				fmt.Fprintf(&b, "  * `%s` = %s\n", n.Of, value(n))
			}
		}
	}
	return []byte(b.String())
}

func bold(verdict string) string {
	if verdict == results.NotMeasured {
		return verdict
	}
	return "**" + verdict + "**"
}

// cell puts several things into a cell of a table.
func cell(list []string) string { return strings.Join(list, "<br>") }

func escaped(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// value writes a number that decided, with interval and n.
func value(n results.Deciding) string {
	text := decided(n.Value, "censored")
	if n.Interval != nil {
		text += fmt.Sprintf(" [%s, %s]", decided(n.Interval[0], "no bound"), decided(n.Interval[1], "no bound"))
	}
	return fmt.Sprintf("%s (n = %d)", text, n.N)
}

func decided(x results.Number, none string) string {
	if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
		return none
	}
	return fmt.Sprintf("%.5g", float64(x))
}
