package verdict

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"raftzab/results"
)

// scope is a scenario with two systems, two cases, and voters swept.
func scope() Scope {
	var s Scope
	for _, c := range []string{"crash", "power-off"} {
		for _, voters := range []string{"3", "5"} {
			for _, system := range []string{"raft", "zab"} {
				s.Cells = append(s.Cells, Cell{"sim", c, system, []results.Setting{{Key: "cluster.voters", Value: voters}}})
			}
		}
	}
	s.Cells = append(s.Cells, Cell{"live", "crash", "zookeeper", []results.Setting{{Key: "cluster.voters", Value: "3"}}})
	return s
}

// rowsOf makes n trials of each simulated cell, with what change says.
func rowsOf(n int, change func(*results.Trial)) *Data {
	d := &Data{}
	for _, c := range scope().Cells {
		if c.Mode != "sim" {
			continue
		}
		for i := range n {
			t := results.NewTrial()
			t.Mode, t.Case, t.System, t.Swept, t.Trial, t.Outcome = c.Mode, c.Case, c.System, c.Swept, i, results.OK
			t.ElectMS, t.Rounds = results.Number(100+i%7), 1
			if c.System == "zab" {
				t.ElectMS += 50
			}
			if change != nil {
				change(&t)
			}
			d.Add(t)
		}
	}
	return d
}

func compiled(t *testing.T, r Rule) *Rule {
	t.Helper()
	if r.N == 0 {
		r.N = 20
	}
	rule, problems := Compile(r, scope())
	if problems != nil {
		t.Fatalf("%q: %v", r.Holds, problems)
	}
	return rule
}

func judged(t *testing.T, holds string, d *Data) results.Verdict {
	t.Helper()
	return compiled(t, Rule{Holds: holds}).Judge(d, 1)
}

func TestRulesSayWhatTheyMean(t *testing.T) {
	d := rowsOf(40, func(t *results.Trial) {
		if t.System == "raft" && t.Trial%10 == 0 {
			t.Rounds = 2
		}
		if t.Case == "power-off" {
			t.ElectMS += 1000
		}
		t.DetectMS = 30
	})
	for _, c := range []struct {
		holds string
		want  string
	}{
		{`max(zab.rounds) == 1 && share(raft.rounds > 1) > 0`, results.Holds},
		{`share(raft.rounds > 1) == 0.1`, results.Holds},
		{`share(raft.rounds > 1) > 0.1`, results.Refuted},
		{`median(where(raft.elect_ms, case == "crash")) == 103`, results.Holds},
		{`median(where(raft.elect_ms, case == "power-off")) == 1103`, results.Holds},
		{`median(where(raft.elect_ms, case == "crash", cluster.voters == 3)) == 103`, results.Holds},
		{`n(where(raft.elect_ms, cluster.voters == 5)) == 80`, results.Holds},
		{`n(where(raft.elect_ms, cluster.voters > 3, case == "crash" || case == "power-off")) == 80`, results.Holds},
		{`n(where(raft.elect_ms, rounds == 2)) == 16`, results.Holds},
		{`quantile(raft.elect_ms, 1) == 1106 && min(raft.elect_ms) == 100 && mean(zab.rounds) == 1`, results.Holds},
		{`median(where(raft.elect_ms - raft.detect_ms, case == "crash")) == 73`, results.Holds},
		{`median(zab.elect_ms) - median(raft.elect_ms) == 50`, results.Holds},
		{`low(median(zab.elect_ms) - median(raft.elect_ms)) == 50`, results.Holds}, // paired: no noise is left
		{`low(median(zab.elect_ms) / median(raft.elect_ms)) > 1`, results.Holds},
		{`high(share(zab.rounds > 1)) > 0`, results.Holds}, // none of 160 does not say never
		{`share(raft.rounds == 1 && raft.elect_ms > 1000) == 0.45`, results.Holds},
		{`share(raft.outcome == "ok") == 1`, results.Holds},
		{`share(raft.rounds > 1) > 0.5 || share(zab.rounds == 1) == 1`, results.Holds},
		{`2 * median(where(raft.rounds, case == "crash")) == 2`, results.Holds},
	} {
		if v := judged(t, c.holds, d); v.Verdict != c.want {
			t.Errorf("%s: %s, want %s (%s; %v)", c.holds, v.Verdict, c.want, v.Reason, v.Numbers)
		}
	}
}

func TestARuleThatFailsMayHoldWithALimit(t *testing.T) {
	d := rowsOf(40, func(t *results.Trial) {
		if t.System == "zab" && t.Case == "crash" && t.Trial == 7 {
			t.Rounds = 2
		}
	})
	r := Rule{Holds: `share(zab.rounds == 1) == 1`, Limited: `share(zab.rounds == 1) > 0.9`, Limit: "in nine of ten"}
	if v := compiled(t, r).Judge(d, 1); v.Verdict != results.Limited || v.Limit != "in nine of ten" {
		t.Errorf("%+v", v)
	}
	r.Limited = `share(zab.rounds == 1) > 0.999`
	if v := compiled(t, r).Judge(d, 1); v.Verdict != results.Refuted || v.Limit != "" {
		t.Errorf("%+v", v)
	}
}

func TestARuleThatAlsoSaysWhatRefutesItMayNotDecide(t *testing.T) {
	d := rowsOf(40, func(t *results.Trial) {
		if t.Trial%10 == 0 {
			t.Rounds = 2
		}
	})
	r := Rule{Holds: `share(zab.rounds == 1) == 1`, Refuted: `high(share(zab.rounds == 1)) < 0.99`}
	if v := compiled(t, r).Judge(d, 1); v.Verdict != results.Refuted || v.RefutedBy != r.Refuted {
		t.Errorf("nine of ten: %+v", v)
	}
	r.Refuted = `high(share(zab.rounds == 1)) < 0.5`
	if v := compiled(t, r).Judge(d, 1); v.Verdict != results.NotMeasured || v.Reason != undecided {
		t.Errorf("neither one nor the other: %+v", v)
	}
	r.Limited, r.Limit = `share(zab.rounds == 1) > 0.8`, "in eight of ten"
	if v := compiled(t, r).Judge(d, 1); v.Verdict != results.Limited {
		t.Errorf("with a limit: %+v", v)
	}
}

func TestEachAsksForEveryValue(t *testing.T) {
	d := rowsOf(40, func(t *results.Trial) {
		if t.System == "zab" && t.Swept[0].Value == "5" && t.Case == "crash" {
			t.ElectMS = 10
		}
	})
	r := Rule{Holds: `median(zab.elect_ms) > median(raft.elect_ms)`, Each: []string{"case", "cluster.voters"}}
	v := compiled(t, r).Judge(d, 1)
	if v.Verdict != results.Refuted {
		t.Errorf("%+v: one cell of four breaks the rule", v)
	}
	if len(v.Numbers) != 8 || v.Numbers[0].Of != "case = crash, cluster.voters = 3: median(zab.elect_ms)" {
		t.Errorf("numbers %v, want two for each of four cells", v.Numbers)
	}
	r.Each = nil
	if v := compiled(t, r).Judge(d, 1); v.Verdict != results.Holds {
		t.Errorf("pooled: %+v", v)
	}
}

func TestCensoredTrialsCountAsLongerThanAll(t *testing.T) {
	d := rowsOf(40, func(t *results.Trial) {
		if t.System == "zab" && t.Trial >= 10 {
			t.Outcome, t.ElectMS, t.Rounds = results.Censored, results.None, results.None
		}
	})
	for holds, want := range map[string]string{
		`n(zab.elect_ms) == 160`:                             results.Holds,
		`median(zab.elect_ms) > 1000000`:                     results.Holds,
		`share(zab.rounds == 1) == 0.25`:                     results.Holds,
		`median(zab.elect_ms) > median(raft.elect_ms)`:       results.Holds,
		`median(zab.elect_ms) > quantile(zab.elect_ms, 0.9)`: results.NotMeasured, // nobody knows
	} {
		v := judged(t, holds, d)
		if v.Verdict != want {
			t.Errorf("%s: %+v, want %s", holds, v, want)
		}
		if want == results.NotMeasured && !strings.Contains(v.Reason, "censored") {
			t.Errorf("reason %q", v.Reason)
		}
	}
	if v := judged(t, `median(zab.elect_ms) > 1`, d); !math.IsNaN(float64(v.Numbers[0].Value)) {
		t.Errorf("a median among the censored is written as %v", v.Numbers[0].Value)
	}
}

func TestPhasesThatASystemCannotGiveAreNotCensored(t *testing.T) {
	d := rowsOf(40, func(t *results.Trial) {
		if t.Outcome = results.Censored; t.Trial%2 == 0 { // a leader, and no detection told
			return
		}
		t.ElectMS = results.None
	})
	if v := judged(t, `n(raft.detect_ms) == 80 && n(raft.elect_ms) == 160`, d); v.Verdict != results.Holds {
		t.Errorf("%+v", v)
	}
}

func TestOfATrialWithAndWithoutClientsOneRowCounts(t *testing.T) {
	calm := rowsOf(40, nil)
	busy := rowsOf(40, func(t *results.Trial) { t.Probed, t.ElectMS, t.OutageMS = true, 900, 950 })
	for id, rows := range busy.rows {
		calm.rows[id] = append(calm.rows[id], rows...)
	}
	for _, holds := range []string{
		`max(raft.elect_ms) < 200 && n(raft.elect_ms) == 160`,
		`min(raft.outage_ms) == 950`,
		`min(where(raft.elect_ms, probed == true)) == 900 && n(where(raft.elect_ms, probed == true)) == 160`,
	} {
		if v := judged(t, holds, calm); v.Verdict != results.Holds {
			t.Errorf("%s: %+v", holds, v)
		}
	}
}

func TestReadsAreJudgedByRole(t *testing.T) {
	s := scope()
	s.Reads, s.Columns = true, []string{"reads"}
	d := rowsOf(40, func(t *results.Trial) { t.Reads = 300 })
	for i := range 40 {
		for j, role := range []string{"leader", "follower"} {
			row := results.NewReads(&results.Trial{Mode: "sim", Case: "crash", System: "zab", Swept: s.Cells[0].Swept, Trial: i})
			row.Role, row.ReadMode, row.Reads, row.Stale = role, "local", 100*(j+1), 10*j*(i%3)
			d.AddReads(row)
		}
	}
	narrow := func(column, role string) string {
		return `where(zab.by_role.` + column + `, case == "crash", cluster.voters == 3, role == "` + role + `")`
	}
	for holds, want := range map[string]string{
		`sum(` + narrow("stale", "leader") + `) == 0 && n(` + narrow("reads", "leader") + `) == 40`:               results.Holds,
		`sum(` + narrow("stale", "follower") + `) / sum(` + narrow("reads", "follower") + `) == 390 / 8000.0`:     results.Holds,
		`low(sum(` + narrow("stale", "follower") + `) / sum(` + narrow("reads", "follower") + `)) > 390 / 8000.0`: results.Refuted, // the interval is wider than that
		`share(where(zab.by_role.read_mode == "local", case == "crash", cluster.voters == 3)) == 1`:               results.Holds,
		`median(zab.reads) == 300`:              results.Holds,
		`max(zab.by_role.stale) == 20`:          results.NotMeasured, // not all cells have reads
		`max(` + narrow("stale", "x") + `) > 0`: results.NotMeasured,
	} {
		r, problems := Compile(Rule{N: 40, Holds: holds}, s)
		if problems != nil {
			t.Errorf("%s: %v", holds, problems)
		} else if v := r.Judge(d, 1); v.Verdict != want {
			t.Errorf("%s: %s, want %s (%s; %v)", holds, v.Verdict, want, v.Reason, v.Numbers)
		}
	}
	for holds, want := range map[string]string{
		`max(where(zab.elect_ms, role == "leader")) > 0`:    "zab.elect_ms has no role; columns of by_role have it",
		`max(where(zab.by_role.stale, rounds == 1)) > 0`:    "zab.by_role.stale has no rounds; columns without by_role have it",
		`share(zab.by_role.stale > 0 && zab.reads > 0) > 0`: "are of other trials",
		`max(zab.by_role.stall) > 0`:                        "in zab.by_role there are",
	} {
		if _, problems := Compile(Rule{N: 1, Holds: holds}, s); len(problems) != 1 || !strings.Contains(problems[0].Text, want) {
			t.Errorf("%s: %v, want %s", holds, problems, want)
		}
	}
	if _, problems := Compile(Rule{N: 1, Holds: `max(zab.by_role.stale) > 0`}, scope()); len(problems) != 1 {
		t.Errorf("without clients that read: %v", problems)
	}
}

func TestWhatIsMissingIsNotMeasured(t *testing.T) {
	few := rowsOf(19, nil)
	gap := rowsOf(40, nil)
	delete(gap.rows, "zab sim crash cluster.voters=5")
	out := rowsOf(40, nil)
	out.LeftOut = []results.LeftOut{{Mode: "live", System: "zookeeper", Reason: "there is no java"}}
	for _, c := range []struct {
		holds  string
		d      *Data
		reason string
	}{
		{`median(zab.elect_ms) > 1`, few, "zab sim crash cluster.voters=3 has 19 trials, and the rule asks for 20"},
		{`median(zab.elect_ms) > 1`, gap, "zab sim crash cluster.voters=5 has 0 trials, and the rule asks for 20"},
		{`median(zookeeper.elect_ms) > 1`, out, "zookeeper is left out: there is no java"},
		{`median(where(zab.elect_ms, rounds == 9)) > 1`, gap, "no trial is in"},
		{`median(zab.vote_ms) > 1`, rowsOf(40, nil), "has 0 trials"},
		{`quantile(where(raft.elect_ms, case == "crash"), 0.99) > 1`, rowsOf(40, nil), "80 trials are too few"},
		{`low(median(where(raft.elect_ms, case == "crash", trial < 2))) > 1`, rowsOf(40, nil), "4 trials are too few for an interval"},
	} {
		if c.d == gap && strings.Contains(c.holds, "rounds") {
			c.d = rowsOf(40, nil)
		}
		if v := judged(t, c.holds, c.d); v.Verdict != results.NotMeasured || !strings.Contains(v.Reason, c.reason) {
			t.Errorf("%s: %s because %q, want not measured because %q", c.holds, v.Verdict, v.Reason, c.reason)
		}
	}
}

func TestAVerdictComesAgainAsItsDataDo(t *testing.T) {
	d := rowsOf(40, nil)
	if v := judged(t, `median(zab.elect_ms) > 1`, d); v.Repeat != results.Bytes {
		t.Errorf("of simulated data: %q", v.Repeat)
	}
	if v := judged(t, `median(zab.elect_ms) > 1 && median(zookeeper.elect_ms) > 1`, d); v.Repeat != results.Nothing {
		t.Errorf("of live data, though they are missing: %q", v.Repeat)
	}
}

func TestRowsInAnyOrderAndFailedOnesGiveTheSameVerdict(t *testing.T) {
	noisy := func(t *results.Trial) { t.ElectMS += results.Number(float64(t.Trial*t.Trial%13) / 3) }
	d, mixed := rowsOf(40, noisy), rowsOf(40, noisy)
	for _, rows := range mixed.rows {
		slices.Reverse(rows)
	}
	mixed.Add(results.Trial{Mode: "sim", Case: "crash", System: "zab", Swept: scope().Cells[0].Swept, Outcome: results.Failed, ElectMS: 1e9})
	const rule = `low(mean(zab.elect_ms) / mean(raft.elect_ms)) > 1 && n(zab.elect_ms) == 160`
	a, b := judged(t, rule, d), judged(t, rule, mixed)
	if !reflect.DeepEqual(a, b) || a.Verdict != results.Holds {
		t.Errorf("%+v\n%+v", a, b)
	}
}

func TestNumbersThatDecidedAreToldWithTheirIntervals(t *testing.T) {
	v := judged(t, `low(median(zab.elect_ms) - median(raft.elect_ms)) > 40 && share(zab.rounds == 1) == 1`, rowsOf(40, nil))
	var of []string
	for _, n := range v.Numbers {
		of = append(of, n.Of)
	}
	want := []string{"median(zab.elect_ms)", "median(raft.elect_ms)", "median(zab.elect_ms) - median(raft.elect_ms)", "share(zab.rounds == 1)"}
	if !slices.Equal(of, want) {
		t.Fatalf("%q, want %q", of, want)
	}
	if d := v.Numbers[2]; d.Value != 50 || d.N != 160 || d.Interval == nil || *d.Interval != [2]results.Number{50, 50} {
		t.Errorf("%+v", d)
	}
}

// Four cells in which the same trials have two rounds say no more than one.
func TestTrialsThatAreInSeveralCellsCountOnceInTheIntervalOfAShare(t *testing.T) {
	d := rowsOf(40, func(t *results.Trial) {
		if t.Trial%4 == 0 {
			t.Rounds = 2
		}
	})
	width := func(holds string) float64 {
		i := judged(t, holds, d).Numbers[0].Interval
		return float64(i[1] - i[0])
	}
	one, four := width(`low(share(where(zab.rounds > 1, case == "crash", cluster.voters == 3))) > 0`), width(`low(share(zab.rounds > 1)) > 0`)
	if math.Abs(four-one) > 0.05 {
		t.Errorf("the interval is %.3f wide in one cell and %.3f in all four", one, four)
	}
	if v := judged(t, `high(share(zab.rounds > 2)) > 0`, d); v.Verdict != results.Holds {
		t.Errorf("none of many does not say never: %+v", v)
	}
}

func TestWrongRulesAreRefused(t *testing.T) {
	for _, c := range []struct{ holds, want string }{
		{`median(zap.elect_ms) > 1`, `unknown name zap, at "zap.elect_ms) > 1"; there are activate_ms, `},
		{`median(zab.elct_ms) > 1`, `unknown field elct_ms, at "elct_ms) > 1"; in zab there are activate_ms, `},
		{`median(raft.finalize_restarts) > 1`, `unknown field finalize_restarts`},
		{`medan(zab.elect_ms) > 1`, `unknown name medan`},
		{`median(zab.elect_ms) >`, `unexpected token EOF`},
		{`median(zab.elect_ms)`, `expected bool`},
		{`share(zab.elect_ms) > 1`, `cannot use Column`},
		{`median(zab.rounds == 1) > 1`, `cannot use Truth`},
		{`median(where(zab.elect_ms, case == "cras")) > 1`, `no cell of the scenario is in where(zab.elect_ms, case == "cras")`},
		{`median(where(zab.elect_ms, cluster.voters == 4)) > 1`, `no cell of the scenario is in`},
		{`median(where(zab.elect_ms, cluster.votes == 3)) > 1`, `in cluster there are voters`},
		{`median(where(zab.elect_ms, raft.rounds == 1)) > 1`, `cannot use Truth`},
		{`median(where(zookeeper.elect_ms, case == "power-off")) > 1 || max(zab.rounds) == 1`, `no cell of the scenario`},
		{`max(zab.rounds) == 1 || median(where(zookeeper.elect_ms, case == "power-off")) > 1`, `no cell of the scenario`},
		{`low(max(zab.elect_ms)) > 1`, `max(zab.elect_ms) has no interval`},
		{`quantile(zab.elect_ms, 95) > 1`, `95 is no share of trials`},
		{`share(zab.rounds == 1 && raft.rounds == 1) > 0`, `are of other trials`},
		{`median(zab.elect_ms - raft.elect_ms) > 0`, `are of other trials`},
		{`zab.rounds == 1`, `expected bool`},
		{`share(zab.outcome > "ok") > 0`, `invalid operation`},
		{`median(where(zab.elect_ms, paper_ms > 1)) > 1`, `unknown name paper_ms`},
		{`len([1]) > 1`, `unknown name len`},
	} {
		_, problems := Compile(Rule{N: 1, Holds: c.holds}, scope())
		if len(problems) != 1 || problems[0].Key != "holds" || !strings.Contains(problems[0].Text, c.want) {
			t.Errorf("%s:\n got %v\nwant %s", c.holds, problems, c.want)
		}
	}
	if _, problems := Compile(Rule{N: 1, Holds: "true", Each: []string{"network.loss"}}, scope()); len(problems) != 1 || problems[0].Key != "each" {
		t.Errorf("each: %v", problems)
	}
	watched := scope()
	watched.Watched, watched.Columns = true, []string{"terms", "settled"}
	if _, problems := Compile(Rule{N: 1, Holds: "median(zab.elect_ms) > 1"}, watched); len(problems) != 1 {
		t.Errorf("a trial that is watched to its end is ok without a leader, so elect_ms says nothing: %v", problems)
	}
	if _, problems := Compile(Rule{N: 1, Holds: `share(zab.settled == "stable") == 1 && max(zab.terms) == 0`}, watched); problems != nil {
		t.Error(problems)
	}
}
