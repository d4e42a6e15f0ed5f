package random

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"raftzab/protocols"
)

// A Shape is a family of distributions.
type Shape uint8

const (
	Constant    Shape = iota // A
	Uniform                  // on [A, B)
	Normal                   // mean A, standard deviation B, cut off at 0
	Lognormal                // median A, sigma Sigma
	Exponential              // mean A
	Pareto                   // least A, tail index Sigma
)

var shapes = [...]struct {
	name, arguments string
}{
	{"constant", "4ms"}, {"uniform", "4ms, 6ms"}, {"normal", "5ms, 1ms"},
	{"lognormal", "1ms, 0.3"}, {"exponential", "5ms"}, {"pareto", "4ms, 2.5"},
}

// A Distribution is a distribution of durations. The zero value is constant 0.
type Distribution struct {
	Shape Shape
	A, B  protocols.Time
	Sigma float64
}

// Always returns the distribution that is always t.
func Always(t protocols.Time) Distribution { return Distribution{A: t} }

// Draw returns a duration, never negative. A constant draws nothing from r.
func (d *Distribution) Draw(r *rand.Rand) protocols.Time {
	switch d.Shape {
	case Constant:
		return d.A
	case Uniform:
		if d.B <= d.A {
			return d.A
		}
		return d.A + protocols.Time(r.Int64N(int64(d.B-d.A)))
	case Normal:
		return clamp(float64(d.A) + float64(float64(d.B)*r.NormFloat64())) // the conversion forbids a fused multiply-add
	case Lognormal:
		return clamp(float64(d.A) * exp(d.Sigma*r.NormFloat64()))
	case Exponential:
		return clamp(float64(d.A) * r.ExpFloat64())
	case Pareto:
		return clamp(float64(d.A) * exp(r.ExpFloat64()/d.Sigma))
	}
	panic(fmt.Sprintf("random: shape %d", d.Shape))
}

// clamp keeps a draw of a heavy tail inside an hour.
func clamp(x float64) protocols.Time {
	return protocols.Time(min(max(x, 0), float64(time.Hour)))
}

// Mean returns the mean, infinite for a Pareto with tail index up to 1.
func (d Distribution) Mean() protocols.Time {
	switch d.Shape {
	case Uniform:
		return (d.A + d.B) / 2
	case Lognormal:
		return protocols.Time(float64(d.A) * math.Exp(d.Sigma*d.Sigma/2))
	case Pareto:
		if d.Sigma <= 1 {
			return math.MaxInt64
		}
		return protocols.Time(float64(d.A) * d.Sigma / (d.Sigma - 1))
	}
	return d.A
}

// Least returns the smallest value that can be drawn.
func (d Distribution) Least() protocols.Time {
	switch d.Shape {
	case Constant, Uniform, Pareto:
		return d.A
	}
	return 0
}

// Most returns the largest value that can be drawn, and false where there is none.
func (d Distribution) Most() (protocols.Time, bool) {
	switch d.Shape {
	case Constant:
		return d.A, true
	case Uniform:
		return d.B, true
	}
	return 0, false
}

// String writes d as a scenario has it.
func (d Distribution) String() string {
	a, b := time.Duration(d.A).String(), time.Duration(d.B).String()
	sigma := strconv.FormatFloat(d.Sigma, 'g', -1, 64)
	switch d.Shape {
	case Uniform, Normal:
		return fmt.Sprintf("%s(%s, %s)", shapes[d.Shape].name, a, b)
	case Lognormal, Pareto:
		return fmt.Sprintf("%s(%s, %s)", shapes[d.Shape].name, a, sigma)
	}
	return fmt.Sprintf("%s(%s)", shapes[d.Shape].name, a)
}

// MarshalText is String.
func (d Distribution) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what String writes, or a plain duration. Its errors say
// what to write instead.
func (d *Distribution) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	name, rest, call := strings.Cut(s, "(")
	if !call {
		t, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("%q is no distribution; write for instance \"5ms\" or \"uniform(4ms, 6ms)\"", s)
		}
		if t < 0 {
			return fmt.Errorf("%q is negative; write a duration from 0", s)
		}
		*d = Always(protocols.Time(t))
		return nil
	}
	shape := -1
	var names []string
	for i := range shapes {
		names = append(names, shapes[i].name)
		if shapes[i].name == strings.TrimSpace(name) {
			shape = i
		}
	}
	if shape < 0 {
		return fmt.Errorf("%q is no distribution; there are %s", strings.TrimSpace(name), strings.Join(names, ", "))
	}
	usage := fmt.Sprintf("write for instance \"%s(%s)\"", shapes[shape].name, shapes[shape].arguments)
	inner, closed := strings.CutSuffix(rest, ")")
	args := strings.Split(inner, ",")
	if want := strings.Count(shapes[shape].arguments, ",") + 1; !closed || len(args) != want {
		return fmt.Errorf("%q needs %d argument(s) in brackets; %s", s, want, usage)
	}
	r := Distribution{Shape: Shape(shape)}
	for i, arg := range args {
		arg = strings.TrimSpace(arg)
		if i == 1 && (r.Shape == Lognormal || r.Shape == Pareto) {
			x, err := strconv.ParseFloat(arg, 64)
			if err != nil || math.IsNaN(x) || math.IsInf(x, 0) || x < 0 || r.Shape == Pareto && x == 0 {
				return fmt.Errorf("%q: %q is no positive number; %s", s, arg, usage)
			}
			r.Sigma = x
			continue
		}
		t, err := time.ParseDuration(arg)
		if err != nil || t < 0 {
			return fmt.Errorf("%q: %q is no duration from 0; %s", s, arg, usage)
		}
		if i == 0 {
			r.A = protocols.Time(t)
		} else {
			r.B = protocols.Time(t)
		}
	}
	if r.Shape == Uniform && r.B < r.A {
		return fmt.Errorf("%q is upside down; write \"uniform(%v, %v)\"", s, time.Duration(r.B), time.Duration(r.A))
	}
	*d = r
	return nil
}
