package plots

import (
	"image/color"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The widths of one and of two columns of a page, and the sizes of type.
const (
	oneColumn = 3.33 * vg.Inch
	twoColumn = 7 * vg.Inch
	small     = font.Length(7)
	normal    = font.Length(8)
)

// The colours of Okabe and Ito (2008), which the colour-blind can tell apart.
var (
	orange        = color.RGBA{0xE6, 0x9F, 0x00, 0xFF}
	skyBlue       = color.RGBA{0x56, 0xB4, 0xE9, 0xFF}
	bluishGreen   = color.RGBA{0x00, 0x9E, 0x73, 0xFF}
	blue          = color.RGBA{0x00, 0x72, 0xB2, 0xFF}
	vermilion     = color.RGBA{0xD5, 0x5E, 0x00, 0xFF}
	reddishPurple = color.RGBA{0xCC, 0x79, 0xA7, 0xFF}
	black         = color.RGBA{0x00, 0x00, 0x00, 0xFF}
	white         = color.RGBA{0xFF, 0xFF, 0xFF, 0xFF}

	darkGrey  = color.RGBA{0x55, 0x55, 0x55, 0xFF}
	lightGrey = color.RGBA{0xD9, 0xD9, 0xD9, 0xFF}
	gridGrey  = color.RGBA{0xE8, 0xE8, 0xE8, 0xFF}
)

// A look is how a system is drawn in every figure: colour, dash and marker
// each tell it from the others, so a grey print is enough. The family of Raft
// is blue and green, that of Zab red.
type look struct {
	line   draw.LineStyle
	marker draw.GlyphStyle
}

// systems are all systems in the order of legends. The one that is drawn with
// short dashes lies upon the one with the solid line of the same family.
var systems = []string{"raft", "etcd", "hashicorp", "zab", "zookeeper"}

func lookOf(system string) look {
	make := func(c color.Color, width vg.Length, marker draw.GlyphDrawer, dashes ...vg.Length) look {
		return look{draw.LineStyle{Color: c, Width: width, Dashes: dashes}, draw.GlyphStyle{Color: c, Radius: 1.8, Shape: marker}}
	}
	switch system {
	case "raft":
		return make(blue, 1.4, draw.CircleGlyph{})
	case "etcd":
		return make(skyBlue, 1.2, draw.CrossGlyph{}, 3, 2)
	case "hashicorp":
		return make(bluishGreen, 1.2, draw.PyramidGlyph{}, 6, 1.5, 1, 1.5)
	case "zab":
		return make(vermilion, 1.4, draw.SquareGlyph{}, 8, 1.5)
	case "zookeeper":
		return make(reddishPurple, 1.2, draw.TriangleGlyph{}, 1.2, 1.2)
	}
	return make(black, 1, draw.PlusGlyph{}, 1, 3)
}

// rank orders systems as legends do; others come last.
func rank(system string) int {
	if i := slices.Index(systems, system); i >= 0 {
		return i
	}
	return len(systems)
}

// textStyle is the type of everything that is written in a figure.
func textStyle(size font.Length, c color.Color, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{
		Color: c, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		XAlign: x, YAlign: y, Handler: handler,
	}
}

// newPanel returns an empty panel in our style.
func newPanel() *plot.Plot {
	p := plot.New()
	p.Legend = plot.NewLegend()
	p.BackgroundColor = nil
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font, axis.Label.TextStyle.Handler = textStyle(normal, black, 0, 0).Font, handler
		axis.Tick.Label.Font, axis.Tick.Label.Handler = textStyle(small, black, 0, 0).Font, handler
		axis.LineStyle.Width, axis.Tick.LineStyle.Width = 0.5, 0.5
		axis.Tick.Length = 2.5
		axis.Padding = 0
	}
	p.X.Label.Padding, p.Y.Label.Padding = 2, 3
	return p
}

// count writes a number of things with commas.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
