package plots

import (
	"math"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// A thinned canvas draws what the eye can see: lines lose the points that lie
// upon the line without them, and places are rounded to a hundredth of a point.
// So files stay small, and no coordinate is written as 1e-14.
type thinned struct {
	vg.CanvasSizer
	most int // points of a line
}

// unseen is how far a line may move, in points: about half a dot of a
// screen with 200 of them an inch.
const unseen = 0.2

// Stroke draws the path; a line with more points than may be moves a little
// further than what cannot be seen.
func (t thinned) Stroke(p vg.Path) {
	short := thin(p, unseen)
	for far := vg.Length(unseen); len(short) > t.most; short = thin(p, far) {
		far *= 1.25
	}
	t.CanvasSizer.Stroke(roundedPath(short))
}

func (t thinned) Fill(p vg.Path) { t.CanvasSizer.Fill(roundedPath(p)) }

func (t thinned) FillString(f font.Face, at vg.Point, text string) {
	t.CanvasSizer.FillString(f, roundedPoint(at), text)
}

func (t thinned) Translate(by vg.Point) { t.CanvasSizer.Translate(roundedPoint(by)) }

// thin leaves out points of a line from which what is left is no further away
// than far (Douglas and Peucker 1973). A path that is not one open line stays.
func thin(p vg.Path, far vg.Length) vg.Path {
	for i := range p {
		if (p[i].Type == vg.MoveComp) != (i == 0) || i > 0 && p[i].Type != vg.LineComp {
			return p
		}
	}
	if len(p) < 3 {
		return p
	}
	short := vg.Path{p[0]}
	var keep func(from, to int)
	keep = func(from, to int) {
		worst, at := far, -1
		for i := from + 1; i < to; i++ {
			if d := awayFrom(p[i].Pos, p[from].Pos, p[to].Pos); d > worst {
				worst, at = d, i
			}
		}
		if at < 0 {
			short = append(short, p[to])
			return
		}
		keep(from, at)
		keep(at, to)
	}
	keep(0, len(p)-1)
	return short
}

// awayFrom is the distance of a point from the line between two others.
func awayFrom(p, a, b vg.Point) vg.Length {
	along, to := b.Sub(a), p.Sub(a)
	share := float64(along.Dot(to)) / float64(along.Dot(along))
	if !(share > 0) { // a and b may be one
		share = 0
	}
	return vg.Length(math.Hypot(float64(to.X)-min(share, 1)*float64(along.X), float64(to.Y)-min(share, 1)*float64(along.Y)))
}

func roundedPath(p vg.Path) vg.Path {
	q := make(vg.Path, len(p))
	for i, c := range p {
		c.Pos = roundedPoint(c.Pos)
		q[i] = c
	}
	return q
}

func roundedPoint(p vg.Point) vg.Point { return vg.Point{X: roundedLength(p.X), Y: roundedLength(p.Y)} }

func roundedLength(x vg.Length) vg.Length { return vg.Length(math.Round(float64(x)*100)/100) + 0 } // no -0
