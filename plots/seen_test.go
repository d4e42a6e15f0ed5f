package plots

import (
	"fmt"
	"image"
	"image/color"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"raftzab/results"
)

// A seen canvas keeps what it is told to draw, in the places of the page.
type seen struct {
	width, height vg.Length
	texts         []seenText
	strokes       []string // colour as a grey print has it, dashes, width, and how the path goes on from its start
	now           state
	pushed        []state
}

type state struct {
	turn   float64
	origin vg.Point
	colour color.Color
	width  vg.Length
	dashes []vg.Length
}

type seenText struct {
	text string
	box  vg.Rectangle
}

func (s *seen) Size() (w, h vg.Length)                    { return s.width, s.height }
func (s *seen) SetLineWidth(w vg.Length)                  { s.now.width = w }
func (s *seen) SetLineDash(d []vg.Length, _ vg.Length)    { s.now.dashes = d }
func (s *seen) SetColor(c color.Color)                    { s.now.colour = c }
func (s *seen) Rotate(by float64)                         { s.now.turn += by }
func (s *seen) Translate(by vg.Point)                     { s.now.origin = s.place(by) }
func (s *seen) Scale(x, y float64)                        { panic("no figure scales") }
func (s *seen) Push()                                     { s.pushed = append(s.pushed, s.now) }
func (s *seen) Pop()                                      { s.now, s.pushed = s.pushed[len(s.pushed)-1], s.pushed[:len(s.pushed)-1] }
func (s *seen) Stroke(p vg.Path)                          { s.strokes = append(s.strokes, s.path("line", p)) }
func (s *seen) Fill(p vg.Path)                            { s.strokes = append(s.strokes, s.path("area", p)) }
func (s *seen) DrawImage(r vg.Rectangle, img image.Image) { panic("no figure has an image") }

func (s *seen) place(p vg.Point) vg.Point {
	sin, cos := math.Sincos(s.now.turn)
	return s.now.origin.Add(vg.Point{X: p.X*vg.Length(cos) - p.Y*vg.Length(sin), Y: p.X*vg.Length(sin) + p.Y*vg.Length(cos)})
}

// FillString keeps the box of what letters cover: no lines of the alphabet below or
// above are taken for covered.
func (s *seen) FillString(f font.Face, at vg.Point, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	a, b := s.place(at), s.place(vg.Point{X: at.X + f.Width(text), Y: at.Y + 0.7*f.Font.Size})
	s.texts = append(s.texts, seenText{text, vg.Rectangle{Min: vg.Point{X: min(a.X, b.X), Y: min(a.Y, b.Y)}, Max: vg.Point{X: max(a.X, b.X), Y: max(a.Y, b.Y)}}})
}

// grey is how light a colour is in print, in steps that the eye tells apart.
func grey(c color.Color) int {
	return int(color.GrayModel.Convert(c).(color.Gray).Y) / 24
}

func (s *seen) path(kind string, p vg.Path) string {
	text := fmt.Sprintf("%s %d", kind, grey(s.now.colour))
	if kind == "line" {
		text += fmt.Sprintf(" %.1f %.1f", s.now.width, s.now.dashes)
	}
	for _, c := range p {
		text += fmt.Sprintf(" %d %.1f,%.1f %.1f", c.Type, c.Pos.X-p[0].Pos.X, c.Pos.Y-p[0].Pos.Y, c.Radius)
	}
	return text
}

// everyFigure draws all that there are of all invented results.
func everyFigure(t *testing.T, visit func(name string, d drawing, s *seen)) {
	drawn := map[string]bool{}
	all := []*results.Data{synthetic(40)}
	for _, of := range slices.Sorted(maps.Keys(made)) {
		all = append(all, made[of](40))
	}
	for _, data := range all {
		for _, f := range figures {
			d, _, ok := f.make(data)
			if !ok {
				continue
			}
			drawn[f.name] = true
			s := &seen{width: d.width, height: d.height}
			d.draw(draw.New(s))
			visit(f.name, d, s)
		}
	}
	for _, f := range figures {
		if !drawn[f.name] {
			t.Errorf("no %s", f.name)
		}
	}
}

func TestNoTextLiesUponAnotherOrOverTheEdge(t *testing.T) {
	everyFigure(t, func(name string, d drawing, s *seen) {
		for _, wrong := range s.crowded() {
			t.Errorf("%s: %s", name, wrong)
		}
	})
}

func (s *seen) crowded() (wrong []string) {
	for i, a := range s.texts {
		if a.box.Min.X < 0 || a.box.Min.Y < 0 || a.box.Max.X > s.width || a.box.Max.Y > s.height {
			wrong = append(wrong, fmt.Sprintf("%q is over the edge: %.1f in %.1f x %.1f", a.text, a.box, s.width, s.height))
		}
		for _, b := range s.texts[:i] {
			if a.box.Min.X < b.box.Max.X && b.box.Min.X < a.box.Max.X && a.box.Min.Y < b.box.Max.Y && b.box.Min.Y < a.box.Max.Y {
				wrong = append(wrong, fmt.Sprintf("%q lies upon %q", a.text, b.text))
			}
		}
	}
	return wrong
}

// Entries of a legend differ in lightness, dash or shape, so that colours are not
// needed to tell them apart.
func TestAGreyPrintTellsTheEntriesOfALegendApart(t *testing.T) {
	everyFigure(t, func(name string, d drawing, _ *seen) {
		for _, wrong := range alike(d.legend) {
			t.Errorf("%s: %s", name, wrong)
		}
	})
}

func alike(legend []entry) (wrong []string) {
	looks := make([][]string, len(legend))
	for i, e := range legend {
		s := &seen{width: 100, height: 100}
		e.sample(draw.New(s), 10, 10+e.width, 50)
		looks[i] = s.strokes
		for j := range i {
			if slices.Equal(looks[i], looks[j]) {
				wrong = append(wrong, fmt.Sprintf("%q looks like %q", e.text, legend[j].text))
			}
		}
	}
	return wrong
}

func TestFiguresAreAsWideAsColumnsAndFitAPage(t *testing.T) {
	everyFigure(t, func(name string, d drawing, _ *seen) {
		if d.width != oneColumn && d.width != twoColumn || d.height > page+1 {
			t.Errorf("%s is %.2f by %.2f inches", name, d.width/vg.Inch, d.height/vg.Inch)
		}
	})
	var many []cdfPanel
	for i := range 14 {
		many = append(many, cdfPanel{Title: string(rune('a' + i)), Curves: []curve{{Label: "raft", System: "raft", N: 1, X: []float64{100}, F: []float64{1}}}})
	}
	if d := drawCDFs(many, "x"); d.height > page+1 {
		t.Errorf("14 panels are %.2f inches high", d.height/vg.Inch)
	}
}

func TestCrowdedTextAndLookAlikesAreSeen(t *testing.T) {
	line := func(c color.Color, dashes ...vg.Length) entry {
		return entry{"x", 20, func(on draw.Canvas, left, right, y vg.Length) {
			on.StrokeLine2(draw.LineStyle{Color: c, Width: 1, Dashes: dashes}, left, y, right, y)
		}}
	}
	if len(alike([]entry{line(blue), line(color.RGBA{0x00, 0x70, 0xB6, 0xFF})})) != 1 {
		t.Error("two blues are told apart in grey")
	}
	if wrong := alike([]entry{line(blue), line(blue, 2, 2), line(orange)}); len(wrong) > 0 {
		t.Error(wrong)
	}
	s := &seen{width: 100, height: 20}
	c := draw.New(s)
	c.FillText(barStyle, vg.Point{X: 5, Y: 10}, "one")
	c.FillText(barStyle, vg.Point{X: 10, Y: 12}, "two")
	c.FillText(barStyle, vg.Point{X: 60, Y: 10}, "out of the picture")
	if wrong := s.crowded(); len(wrong) != 2 {
		t.Error(wrong)
	}
}

func TestEveryFigureHasGoldenNumbers(t *testing.T) {
	for _, f := range figures {
		if _, err := os.Stat("testdata/" + f.name + ".json"); err != nil {
			t.Errorf("%s: %v; write its numbers in a test, as the others do", f.name, err)
		}
	}
}
