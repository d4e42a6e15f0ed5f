package report

import (
	"slices"
	"strings"
	"testing"

	"raftzab/experiments"
	"raftzab/results"
)

func TestAClaimIsWhatItsPartsComeTo(t *testing.T) {
	const holds, limited, refuted, not = results.Holds, results.Limited, results.Refuted, results.NotMeasured
	for _, c := range []struct {
		parts []string
		want  string
		but   []string // how what stands against it begins
	}{
		{[]string{}, not, nil},
		{[]string{holds}, holds, nil},
		{[]string{holds, holds}, holds, nil},
		{[]string{holds, limited}, limited, []string{"With a limit: part 1 (b: the limit)"}},
		{[]string{limited, limited}, limited, []string{"With a limit: part 0 (a: the limit)", "With a limit: part 1 (b: the limit)"}},
		{[]string{holds, refuted}, limited, []string{"Refuted: part 1 (b)"}},
		{[]string{limited, refuted}, limited, []string{"With a limit: part 0 (a: the limit)", "Refuted: part 1 (b)"}},
		{[]string{holds, not}, limited, []string{"Not measured: part 1 (b: the reason)"}},
		{[]string{refuted}, refuted, []string{"Refuted: part 0 (a)"}},
		{[]string{refuted, refuted}, refuted, []string{"Refuted: part 0 (a)", "Refuted: part 1 (b)"}},
		{[]string{refuted, not}, refuted, []string{"Refuted: part 0 (a)", "Not measured: part 1 (b: the reason)"}},
		{[]string{not, not}, not, []string{"Not measured: part 0 (a: the reason)", "Not measured: part 1 (b: the reason)"}},
	} {
		var parts []Part
		for i, v := range c.parts {
			p := Part{string(rune('a' + i)), results.Verdict{Verdict: v, Says: "part " + string(rune('0'+i))}}
			switch v {
			case limited:
				p.Limit = "the limit"
			case not:
				p.Reason = "the reason"
			}
			parts = append(parts, p)
		}
		got, but := Overall(parts)
		if got != c.want || !slices.Equal(but, c.but) {
			t.Errorf("%v: %s, %q; want %s, %q", c.parts, got, but, c.want, c.but)
		}
	}
}

// notYet are the claims of which the committed results say nothing. It only ever shrinks.
var notYet []string

func TestEveryClaimHasAVerdictOfTheScenariosAsTheyAre(t *testing.T) {
	r, err := Read("../../results", "../../experiments")
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range unjudged(r, notYet) {
		t.Error(wrong)
	}
	for _, s := range r.Ran() {
		if s.Stale && len(s.Verdicts()) > 0 {
			t.Errorf("the verdicts in results/%s are of an earlier version of experiments/%[1]s.toml; run it again", s.Name)
		}
	}
}

func TestAMissingVerdictAndALateOneAreSeen(t *testing.T) {
	var scenarios []*Scenario
	for _, c := range experiments.Claims {
		if c.ID != "R1" {
			scenarios = append(scenarios, &Scenario{Name: "of-" + c.ID, Claims: []string{c.ID}, Data: &results.Data{Manifest: results.Manifest{
				Verdicts: []results.Verdict{{Claim: c.ID, Verdict: results.Refuted}}}}})
		}
	}
	got := unjudged(&Report{Claims: claims(scenarios)}, []string{"E6"})
	if len(got) != 2 || !strings.HasPrefix(got[0], "R1 has no verdict") || !strings.HasPrefix(got[1], "E6 has a verdict") {
		t.Errorf("got %q", got)
	}
}

// unjudged tells which claims have no verdict and should have one, and which have one in spite of what late says.
func unjudged(r *Report, late []string) (wrong []string) {
	for _, c := range r.Claims {
		switch yes := len(c.Parts) > 0; {
		case !yes && !slices.Contains(late, c.ID):
			wrong = append(wrong, c.ID+" has no verdict in the committed results; run a scenario that tests it: "+strings.Join(namesOf(c.By), ", "))
		case yes && slices.Contains(late, c.ID):
			wrong = append(wrong, c.ID+" has a verdict; take it out of notYet")
		}
	}
	return wrong
}

func namesOf(scenarios []*Scenario) (list []string) {
	for _, s := range scenarios {
		list = append(list, s.Name)
	}
	return list
}
