package experiments

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"raftzab/bench/verdict"
	"raftzab/results"
)

// claiming is a scenario that claims and judges.
const claiming = `claims = ["E4", "R3"]
` + least + `[sweep]
"cluster.voters" = [3, 5]
[[verdict]]
claim = "E4"
says = "one may not be enough"
n = 10
each = ["cluster.voters"]
holds = "share(raft.rounds > 1) > 0"
limited = "share(raft.rounds > 1) >= 0"
limit = "or it is"
[[verdict]]
claim = "R3"
says = "somebody is elected"
n = 10
holds = 'share(where(raft.outcome == "ok", cluster.voters == 5)) == 1'
`

func TestAScenarioHasTheRulesOfItsFileWhateverFlagsChoose(t *testing.T) {
	set := "cluster.voters=7" // no rule could name 5 then
	seed := uint64(3)
	for _, o := range []Options{{}, {Mode: "sim"}, {Systems: []string{"raft"}}, {Set: []string{set}}, {Seed: &seed, Trials: 2}} {
		rules := load(t, claiming, o).Rules
		if len(rules) != 2 || rules[0].Claim != "E4" || rules[0].Limit != "or it is" || rules[1].N != 10 {
			t.Errorf("%+v: %v", o, rules)
		}
	}
	rules, err := Rules("manifest.json", []byte(claiming))
	if err != nil || len(rules) != 2 {
		t.Fatalf("%v, %v", rules, err)
	}
	var few verdict.Data
	if v := rules[1].Judge(&few, 1); v.Verdict != results.NotMeasured || v.Reason != "raft sim cluster.voters=5 has 0 trials, and the rule asks for 10" {
		t.Errorf("%+v", v)
	}
}

// Only live trials have late_ms, and the flag leaves them out.
func TestARuleMayNameColumnsThatFlagsLeaveOut(t *testing.T) {
	text := `claims = ["R3"]
` + least + `[[run]]
mode = "live"
systems = ["raft"]
trials = 1
[[verdict]]
claim = "R3"
says = "s"
n = 1
holds = 'max(where(raft.late_ms, mode == "live")) < 10'
`
	if s := load(t, text, Options{Mode: "sim"}); len(s.Rules) != 1 || len(s.Cells) != 1 {
		t.Errorf("%d rules, %d cells", len(s.Rules), len(s.Cells))
	}
}

func TestRulesThatCannotWorkAreRefusedWithTheirLine(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`claim = "R3"`, `claim = "R4"`, `x.toml:22: verdict[1].claim: "R4" is not in claims; add it there, or take this verdict out
x.toml:1: claims[1]: R3 has no verdict; write a [[verdict]] with claim = "R3", or take it out`},
		{`share(raft.rounds > 1) > 0"`, `share(zab.rounds > 1) > 0"`, `x.toml:18: verdict[0].holds: unknown name zab`},
		{`share(raft.rounds > 1) >= 0`, `share(raft.rouns > 1) >= 0`, `x.toml:19: verdict[0].limited: unknown field rouns`},
		{`cluster.voters == 5`, `cluster.voters == 7`, `x.toml:25: verdict[1].holds: no cell of the scenario is in where(raft.outcome == "ok", cluster.voters == 7)`},
		{`each = ["cluster.voters"]`, `each = ["network.loss"]`, `x.toml:17: verdict[0].each: "network.loss" is not swept; name one of ["mode" "case" "cluster.voters"]`},
		{`limit = "or it is"`, ``, `x.toml:13: verdict[0]: has one of limited and limit; write both`},
		{`n = 10
each`, `n = 0
each`, `x.toml:16: verdict[0].n: 0 is too few; write a number from 1`},
		{`says = "somebody is elected"
`, ``, `x.toml:21: verdict[1].says: is missing; write says = "One round of Zab always elects."`},
		{`holds = "share`, `hold = "share`, `x.toml:18: verdict[0].hold: unknown key; the nearest is verdict[0].holds`},
	} {
		_, err := Load([]string{write(t, strings.Replace(claiming, c.old, c.new, 1))}, Options{})
		if err == nil {
			t.Errorf("%s passes", c.new)
			continue
		}
		for want := range strings.SplitSeq(c.want, "\n") {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s:\n got %v\nwant %s", c.new, err, want)
			}
		}
	}
}

// A claim without a rule would stay without a verdict.
func TestEveryClaimHasAVerdict(t *testing.T) {
	_, err := Load([]string{write(t, "claims = [\"E4\"]\n"+least)}, Options{})
	if want := `x.toml:1: claims[0]: E4 has no verdict; write a [[verdict]] with claim = "E4", or take it out`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := LoadText("x.toml", []byte("claims = [\"E4\"]\n"+least), Options{}); err != nil {
		t.Errorf("in a manifest: %v", err)
	}
}

// Cells that a system may leave out are not asked for.
func TestRulesDoNotWaitForCellsThatAreSkipped(t *testing.T) {
	text := `claims = ["R3"]
` + strings.Replace(least, `["raft"]`, `["raft", "hashicorp"]
unsupported = "skip"`, 1) + `[sweep]
"cluster.observers" = [0, 1]
[[verdict]]
claim = "R3"
says = "s"
n = 1
holds = "n(hashicorp.elect_ms) == 1"
`
	s := load(t, text, Options{})
	if len(s.Skipped()) != 1 {
		t.Fatalf("skipped %v", s.Skipped())
	}
	var d verdict.Data
	row := results.NewTrial()
	row.Mode, row.System, row.ElectMS, row.Swept = "sim", "hashicorp", 1, []results.Setting{{Key: "cluster.observers", Value: "0"}}
	d.Add(row)
	if v := s.Rules[0].Judge(&d, 1); v.Verdict != results.Holds {
		t.Errorf("%+v", v)
	}
}

func TestClaimsOfTheExperimentsAreJudged(t *testing.T) {
	files, _ := filepath.Glob("*.toml")
	scenarios, err := Load(files, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scenarios {
		if len(s.Claims) > 0 && !slices.ContainsFunc(s.Rules, func(r *verdict.Rule) bool { return r.Claim == s.Claims[0] }) {
			t.Errorf("%s judges no claim", s.Path)
		}
	}
}

// What the quick tier leaves out changes nothing of what the full one asks for.
func TestTextsThatDifferInTheQuickTierAreAlike(t *testing.T) {
	const full = "[[run]]\nmode = \"sim\"\ntrials = 100\n"
	quick := full + "quick = 10\n\n[quick]\ncases = [\"crash\"]\n"
	if !Alike([]byte(full), []byte(quick)) {
		t.Error("quick makes a difference")
	}
	if Alike([]byte(full), []byte(strings.Replace(quick, "100", "101", 1))) {
		t.Error("the number of trials makes none")
	}
}
