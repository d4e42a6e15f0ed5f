package report

import (
	"fmt"
	"strings"

	"raftzab/experiments"
	"raftzab/results"
)

// A Claim is what all results together say of one.
type Claim struct {
	experiments.Claim
	Verdict string      // holds, holds with a limit, refuted or not measured
	But     []string    // each part that does not plainly hold, and what is missing
	Parts   []Part      // in the order of scenarios
	By      []*Scenario // those that test it, with results or without
}

// A Part of a claim is what one rule of one scenario says of it.
type Part struct {
	Scenario string
	results.Verdict
}

// Overall returns what the parts of a claim come to. It holds if all of them do, and
// is refuted if none does, even with a limit, and one is refuted; where some do and others do
// not, it holds with a limit. but names the parts that do not plainly hold, each with
// the reason.
func Overall(parts []Part) (verdict string, but []string) {
	of := map[string]int{}
	for _, p := range parts {
		of[p.Verdict.Verdict]++
		switch p.Verdict.Verdict {
		case results.Limited:
			but = append(but, fmt.Sprintf("With a limit: %s (%s: %s)", p.Says, p.Scenario, p.Limit))
		case results.Refuted:
			but = append(but, fmt.Sprintf("Refuted: %s (%s)", p.Says, p.Scenario))
		case results.NotMeasured:
			but = append(but, fmt.Sprintf("Not measured: %s (%s: %s)", p.Says, p.Scenario, p.Reason))
		}
	}
	switch {
	case of[results.Holds]+of[results.Limited] == 0 && of[results.Refuted] == 0:
		return results.NotMeasured, but
	case of[results.Holds]+of[results.Limited] == 0:
		return results.Refuted, but
	case of[results.Holds] == len(parts):
		return results.Holds, nil
	}
	return results.Limited, but
}

// claims gathers the parts of each claim from the scenarios.
func claims(scenarios []*Scenario) (all []*Claim) {
	for _, c := range experiments.Claims {
		claim := &Claim{Claim: c}
		for _, s := range scenarios {
			if !s.tests(c.ID) {
				continue
			}
			claim.By = append(claim.By, s)
			for _, v := range s.Verdicts() {
				if v.Claim == c.ID {
					claim.Parts = append(claim.Parts, Part{s.Name, v})
				}
			}
		}
		claim.Verdict, claim.But = Overall(claim.Parts)
		claim.But = append(claim.But, claim.lacks()...)
		all = append(all, claim)
	}
	return all
}

// lacks says what is missing beside the parts.
func (c *Claim) lacks() (but []string) {
	var notRun, stale []string
	for _, s := range c.By {
		if s.Data == nil {
			notRun = append(notRun, s.Name)
		} else if s.Stale {
			stale = append(stale, s.Name)
		}
	}
	if len(c.By) == 0 {
		but = append(but, "No scenario tests it.")
	}
	if len(notRun) > 0 {
		but = append(but, "Not run: "+strings.Join(notRun, ", ")+".")
	}
	if len(stale) > 0 {
		but = append(but, "Run from an earlier version of the file: "+strings.Join(stale, ", ")+".")
	}
	return but
}
