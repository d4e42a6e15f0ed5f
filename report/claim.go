package report

import (
	"fmt"

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
			but = append(but, fmt.Sprintf("%s (%s: %s)", p.Says, p.Scenario, p.Limit))
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
func claims(scenarios []*Scenario) []*Claim {
	var all []*Claim
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
		if len(claim.By) == 0 {
			claim.But = append(claim.But, "No scenario tests it.")
		}
		for _, s := range claim.By {
			switch {
			case s.Data == nil:
				claim.But = append(claim.But, fmt.Sprintf("Not run: %s", s.Name))
			case s.Stale && len(s.Verdicts()) > 0:
				claim.But = append(claim.But, fmt.Sprintf("Of an earlier version of its scenario: %s", s.Name))
			case s.Stale:
				claim.But = append(claim.But, fmt.Sprintf("Run before it had rules: %s", s.Name))
			}
		}
		all = append(all, claim)
	}
	return all
}
