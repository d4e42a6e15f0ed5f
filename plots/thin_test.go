package plots

import (
	"bytes"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
)

func lineOf(points ...vg.Point) (p vg.Path) {
	p.Move(points[0])
	for _, at := range points[1:] {
		p.Line(at)
	}
	return p
}

func TestALineLosesWhatLiesUponItAndKeepsItsCorners(t *testing.T) {
	p := lineOf(vg.Point{X: 0, Y: 0}, vg.Point{X: 5, Y: 0.05}, vg.Point{X: 10, Y: 0}, vg.Point{X: 10, Y: 3}, vg.Point{X: 10, Y: 7})
	want := lineOf(vg.Point{X: 0, Y: 0}, vg.Point{X: 10, Y: 0}, vg.Point{X: 10, Y: 7})
	if got := thin(p, 0.1); !slices.EqualFunc(got, want, func(a, b vg.PathComp) bool { return a.Pos == b.Pos && a.Type == b.Type }) {
		t.Errorf("%v", got)
	}
	back := lineOf(vg.Point{}, vg.Point{X: 4}, vg.Point{}) // there and back: the ends are one
	if got := thin(back, 0.1); len(got) != 3 {
		t.Errorf("there and back became %v", got)
	}
	closed := lineOf(vg.Point{}, vg.Point{X: 1}, vg.Point{X: 2})
	closed.Close()
	if got := thin(closed, 0.1); len(got) != len(closed) {
		t.Errorf("a closed path became %v", got)
	}
}

func TestStepsOfALargeSampleStayWithinADotOfWhereTheyAre(t *testing.T) {
	steps := []vg.Point{{}}
	for i := range 400 {
		x, y := vg.Length(200*math.Sqrt(float64(i)/400)), vg.Length(i)*100/400
		steps = append(steps, vg.Point{X: x, Y: steps[len(steps)-1].Y}, vg.Point{X: x, Y: y})
	}
	short := thin(lineOf(steps...), unseen)
	if len(short) > 270 {
		t.Errorf("%d points are left of %d", len(short), len(steps))
	}
	for _, p := range steps {
		nearest := vg.Length(math.Inf(1))
		for i := range short[1:] {
			nearest = min(nearest, awayFrom(p, short[i].Pos, short[i+1].Pos))
		}
		if nearest > unseen {
			t.Errorf("%v is %v points from the line", p, nearest)
		}
	}
}

func TestPNGKeepsItsColoursAndIsSmall(t *testing.T) {
	picture, _, _ := electionLatency(synthetic(500))
	text, err := picture.render("png")
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	palette, ok := m.ColorModel().(color.Palette)
	if !ok || len(palette) > 256 {
		t.Fatalf("%T of %d", m.ColorModel(), len(palette))
	}
	for _, c := range []color.RGBA{white, black, blue, vermilion, skyBlue, bluishGreen, reddishPurple} {
		if !slices.Contains(palette, color.Color(c)) {
			t.Errorf("%v is not among the colours", c)
		}
	}
	if width := m.Bounds().Dx(); width != 7*DPI || len(text) > 100_000 {
		t.Errorf("%d wide, %d bytes", width, len(text))
	}
}

func TestNoFileHasAPlaceInPowersOfTen(t *testing.T) {
	picture, _, _ := electionPhases(synthetic(5))
	for _, format := range []string{"svg", "pgf"} {
		text, err := picture.render(format)
		if err != nil {
			t.Fatal(err)
		}
		if i := bytes.Index(text, []byte("e-")); i >= 0 && strings.ContainsRune("0123456789", rune(text[i-1])) {
			t.Errorf("%s: %s", format, text[max(0, i-40):i+10])
		}
	}
}

func TestLaTeXShowsEveryLetterOfAText(t *testing.T) {
	for text, want := range map[string]string{
		"95 % & more":       `95 \% \& more`,
		"check_quorum #1":   `check\_quorum \#1`,
		"$5 {a} ~b ^c":      `\$5 \{a\} \textasciitilde{}b \textasciicircum{}c`,
		`a\b`:               `a\textbackslash{}b`,
		"1 < 2 > 0 | \"x\"": `1 \textless{} 2 \textgreater{} 0 \textbar{} \textquotedbl{}x\textquotedbl{}`,
		"150-300 ms (n=3)":  "150-300 ms (n=3)",
	} {
		if got := EscapeTeX(text); got != want {
			t.Errorf("%q is %q, not %q", text, got, want)
		}
	}
}

func TestTextOfPGFIsEscapedAndKnowsItsSide(t *testing.T) {
	panels := []rowPanel{{Title: "50 % of #1", Rows: []row{{"raft, check_quorum", "raft", 3, 2, 4, "3 & more"}}}}
	text, err := drawRows(panels, "time_ms").render("pgf")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`[l]{50 \% of \#1}`, `[r]{raft, check\_quorum}`, `[l]{3 \& more}`, `[c]{time\_ms}`} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}
