// Package verdict answers what data say of a claim, by a rule that was written
// down before they were there.
//
// A rule is an expression (github.com/expr-lang/expr) over the rows of trials:
//
//	share(zab.rounds == 1) == 1
//	low(median(where(zab.elect_ms, case == "crash")) / median(where(raft.elect_ms, case == "crash"))) > 1
//
// zab.rounds is a column of a system, where narrows it, a statistic makes a number of
// it, and low and high are the ends of a number's 95 % interval. A rule is compiled
// when a scenario is loaded (Compile), where every name in it must be one that the
// scenario will have; Judge evaluates it over rows. Nothing of it is drawn by
// chance but resamples, from the scenario's seed.
//
// language.go has what a rule may say, statistic.go what it means in numbers, data.go
// the rows.
package verdict

import (
	"errors"
	"fmt"
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"raftzab/results"
)

// A Rule decides what data say of a part of a claim.
type Rule struct {
	Claim   string   // its id
	Says    string   // what of the claim is tested, as a sentence
	N       int      // trials that each cell has, at least, of which the rule reads; else not measured
	Each    []string // "mode", "case" or swept keys: the rule must hold for every combination of their values
	Holds   string   // an expression: the claim holds
	Limited string   // optional, an expression: it holds with a limit
	Limit   string   // the limit, in words
	Refuted string   // optional, an expression: what must be true beyond that for the claim to be refuted; else the data do not decide

	scope                   Scope
	holds, limited, refuted *vm.Program
}

// A Scope is what a scenario will have: what a rule may name.
type Scope struct {
	Cells   []Cell
	Columns []string // that it asks for, beyond those of all scenarios
	Reads   bool     // it has clients that read: there is a reads file
	Watched bool     // trials last a stated time, leader or not (observe)
}

// A Problem is one thing wrong with a rule: the key of the scenario file, and what
// to write instead.
type Problem struct{ Key, Text string }

// Compile makes a rule ready to judge. It finds names that the scenario does not
// have, statistics of nothing, and whatever does not fit together.
func Compile(r Rule, s Scope) (*Rule, []Problem) {
	r.scope = s
	var problems []Problem
	for _, key := range r.Each {
		if !slices.Contains(s.dimensions(), key) {
			problems = append(problems, Problem{"each", fmt.Sprintf("%q is not swept; name one of %q", key, s.dimensions())})
		}
	}
	if problems != nil {
		return nil, problems
	}
	for _, p := range []struct {
		key, text string
		to        **vm.Program
	}{{"holds", r.Holds, &r.holds}, {"limited", r.Limited, &r.limited}, {"refuted", r.Refuted, &r.refuted}} {
		if p.text == "" {
			continue
		}
		program, err := expr.Compile(p.text, options(s)...)
		if err == nil {
			_, err = r.evaluate(program, &evaluation{scope: s, dry: true})
		}
		if err != nil {
			problems = append(problems, Problem{p.key, explain(err, p.text, s)})
		}
		*p.to = program
	}
	if problems != nil {
		return nil, problems
	}
	return &r, nil
}

// Judge returns what the data say. Seed is the scenario's: it decides the resamples.
func (r *Rule) Judge(d *Data, seed uint64) results.Verdict {
	v := results.Verdict{Claim: r.Claim, Says: r.Says, Rule: r.Holds, Limited: r.Limited, RefutedBy: r.Refuted, N: r.N}
	e := &evaluation{scope: r.scope, data: d, least: r.N, seed: seed, repeat: results.Bytes}
	holds, err := r.evaluate(r.holds, e)
	limited, refuted := false, true
	if err == nil && !holds && r.limited != nil {
		limited, err = r.evaluate(r.limited, e)
	}
	if err == nil && !holds && !limited && r.refuted != nil {
		refuted, err = r.evaluate(r.refuted, e)
	}
	switch {
	case err != nil:
		v.Verdict, v.Reason = results.NotMeasured, reason(err)
	case holds:
		v.Verdict = results.Holds
	case limited:
		v.Verdict, v.Limit = results.Limited, r.Limit
	case refuted:
		v.Verdict = results.Refuted
	default:
		v.Verdict, v.Reason = results.NotMeasured, undecided
	}
	v.Numbers, v.Repeat = e.numbers, e.repeat
	return v
}

const undecided = "the data do not decide: neither is it so by the rule, nor is the contrary"

// A missing error says why a rule cannot be decided by the data.
type missing struct{ reason string }

func (m *missing) Error() string { return m.reason }

// reason says why a rule was not decided. Whatever else goes wrong while a rule is
// evaluated was not foreseen when it was compiled.
func reason(err error) string {
	var m *missing
	if errors.As(err, &m) {
		return m.reason
	}
	return "the rule cannot be evaluated: " + err.Error()
}

// evaluate runs a program for each combination of the values of Each, all of them,
// so that all numbers are told, and reports whether it is true for every one.
func (r *Rule) evaluate(program *vm.Program, e *evaluation) (bool, error) {
	all := true
	for _, e.narrowed = range r.scope.combinations(r.Each) {
		got, err := expr.Run(program, environment(r.scope, e))
		if err != nil {
			return false, err
		}
		all = all && got.(bool)
	}
	return all, nil
}
