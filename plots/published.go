package plots

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"
	"strings"

	"raftzab/bench/metric"
)

//go:embed raft_figure16.csv
var figure16 string

// A Published is a curve of the Raft paper's figure 16, as far as it is known:
// milliseconds from the leader's crash until the others have heard from the next.
type Published struct {
	ElectionTimeout  string // as a scenario has it
	P, MS            []float64
	Min, Mean, MaxMS float64
}

// Figure16 returns the curves that are known.
func Figure16() (curves []Published) {
	r := csv.NewReader(strings.NewReader(figure16))
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		panic(fmt.Sprintf("plots: raft_figure16.csv: %v", err))
	}
	for _, row := range rows[1:] {
		c := Published{ElectionTimeout: row[0]}
		for i, text := range row[1:] {
			x, err := strconv.ParseFloat(text, 64)
			switch name := rows[0][i+1]; {
			case err != nil:
				panic(fmt.Sprintf("plots: raft_figure16.csv: %v", err))
			case name == "min":
				c.Min = x
			case name == "mean":
				c.Mean = x
			case name == "max":
				c.MaxMS = x
			default:
				p, err := strconv.Atoi(strings.TrimPrefix(name, "p"))
				if err != nil {
					panic(fmt.Sprintf("plots: raft_figure16.csv: %v", err))
				}
				c.P, c.MS = append(c.P, float64(p)/100), append(c.MS, x)
			}
		}
		curves = append(curves, c)
	}
	return curves
}

// Distances returns how far each quantile of s is from the published one, as a
// share of the latter, and the mean of their sizes. A quantile that falls among
// the censored is infinitely far.
func (c *Published) Distances(s metric.Sample) (each []float64, mean float64) {
	for i, p := range c.P {
		d := s.Quantile(p)/c.MS[i] - 1
		each, mean = append(each, d), mean+math.Abs(d)/float64(len(c.P))
	}
	return each, mean
}
