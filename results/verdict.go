package results

// What the data say of a claim.
const (
	Holds       = "holds"
	Limited     = "holds with a limit"
	Refuted     = "refuted"
	NotMeasured = "not measured"
)

// A Verdict is what the data say of a claim, by a rule that the scenario states.
type Verdict struct {
	Claim     string     `json:"claim"`                // its id
	Says      string     `json:"says"`                 // what of it the rule tests
	Verdict   string     `json:"verdict"`              // holds, holds with a limit, refuted or not measured
	Limit     string     `json:"limit,omitempty"`      // in words
	Reason    string     `json:"reason,omitempty"`     // why it is not measured
	Rule      string     `json:"rule"`                 // by which it holds
	Limited   string     `json:"limited,omitempty"`    // by which it holds with the limit
	RefutedBy string     `json:"refuted_by,omitempty"` // what refutes it; empty: that neither of the two is true
	N         int        `json:"n"`                    // trials that each cell must have
	Numbers   []Deciding `json:"numbers,omitempty"`    // the numbers that decided
	Repeat    Repeat     `json:"reproducible"`         // as the data that it is made of
}

// A Deciding is a number that a verdict was made of.
type Deciding struct {
	Of       string     `json:"of"`                 // as an expression
	Value    Number     `json:"value"`              // rounded to six digits; null: among the censored
	N        int        `json:"n"`                  // trials of the smallest sample in it
	Interval *[2]Number `json:"interval,omitempty"` // 95 %, where the rule asks for it; null: without bound on that side
}

// Worse returns the repeat of what is made of both.
func (r Repeat) Worse(o Repeat) Repeat {
	if order[o] > order[r] {
		return o
	}
	return r
}

var order = map[Repeat]int{Bytes: 1, Distribution: 2, Nothing: 3}
