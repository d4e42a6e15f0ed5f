package results

import (
	"encoding/json"
	"math"
)

// A Comparison sets a live cell beside the simulated one of the same case and the
// same swept values: of the same system, or of our Zab where the live one is a
// ZooKeeper.
type Comparison struct {
	Case      string     `json:"case"`
	Swept     []Setting  `json:"swept,omitempty"`
	Live      string     `json:"live"`      // the live system
	Simulated string     `json:"simulated"` // and the simulated one
	Measures  []Compared `json:"measures"`
}

// Compared is one measure of both, in milliseconds. Censored trials are in, as
// larger than all that was measured, and what falls among them is null.
type Compared struct {
	Measure    string     `json:"measure"` // name of the column
	Live       Side       `json:"live"`
	Simulated  Side       `json:"simulated"`
	Difference Number     `json:"difference_ms"`         // of the medians, live - simulated
	Interval   *[2]Number `json:"interval_ms,omitempty"` // its bootstrap 95 % interval; null: without bound on that side
	Relative   Number     `json:"relative"`              // the difference by the simulated median
	KS         *KS        `json:"ks,omitempty"`          // from 100 trials on each side
}

// A Side is one sample of the two.
type Side struct {
	N        int    `json:"n"` // Censored ones included
	Censored int    `json:"censored,omitempty"`
	Probed   bool   `json:"probed"` // from trials with probing clients, as live ones are wherever there are any
	Median   Number `json:"median_ms"`
}

// KS is the Kolmogorov-Smirnov distance of two samples, and the distance that
// two samples of these sizes from one distribution pass one time in twenty. Adjusted
// is the chance of such a distance, by Holm for all those of a run.
type KS struct {
	Distance float64 `json:"distance"`
	Critical float64 `json:"critical"`
	Adjusted float64 `json:"p_holm"`
}

// MarshalJSON writes null for what is no number.
func (n Number) MarshalJSON() ([]byte, error) {
	if x := float64(n); !math.IsNaN(x) && !math.IsInf(x, 0) {
		return json.Marshal(x)
	}
	return []byte("null"), nil
}

// UnmarshalJSON reads what MarshalJSON writes; null is None.
func (n *Number) UnmarshalJSON(text []byte) error {
	var x *float64
	if err := json.Unmarshal(text, &x); err != nil {
		return err
	}
	if *n = None; x != nil {
		*n = Number(*x)
	}
	return nil
}
