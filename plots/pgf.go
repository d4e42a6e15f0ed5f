package plots

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgtex"
)

// A latex canvas writes PGF, whose text is set in the fonts of the document that
// takes it in. These have other widths than those that the figure was laid out
// with, so each text is told to which side it belongs.
type latex struct {
	*vgtex.Canvas
	align text.XAlignment // of the text to come
}

// Stroke closes paths, which the canvas below leaves open.
func (l *latex) Stroke(p vg.Path) {
	for i, c := range p {
		if c.Type == vg.CloseComp {
			p[i] = vg.PathComp{Type: vg.LineComp, Pos: p[0].Pos}
		}
	}
	l.Canvas.Stroke(p)
}

// FillString sets text within the width that it was laid out with.
func (l *latex) FillString(f font.Face, at vg.Point, s string) {
	side := "l"
	switch l.align {
	case text.XCenter:
		side = "c"
	case text.XRight:
		side = "r"
	}
	tex := fmt.Sprintf(`\makebox[%.2fpt][%s]{%s}`, f.Width(s), side, EscapeTeX(s))
	at.X += (f.Width(s) - f.Width(tex)) / 2 // the canvas below centres what it is given
	l.Canvas.FillString(f, roundedPoint(at), tex)
}

var texEscapes = strings.NewReplacer(`\`, `\textbackslash{}`, `{`, `\{`, `}`, `\}`, `$`, `\$`, `&`, `\&`, `#`, `\#`, `%`, `\%`, `_`, `\_`,
	`~`, `\textasciitilde{}`, `^`, `\textasciicircum{}`, `<`, `\textless{}`, `>`, `\textgreater{}`, `|`, `\textbar{}`, `"`, `\textquotedbl{}`)

// EscapeTeX returns text as LaTeX shows it, letter by letter.
func EscapeTeX(s string) string { return texEscapes.Replace(s) }

// handler sets all text of figures, and tells a latex canvas how it is aligned.
var handler text.Handler = aligning{plot.DefaultTextHandler}

type aligning struct{ text.Handler }

func (a aligning) Draw(c vg.Canvas, s string, style text.Style, at vg.Point) {
	if l := latexBelow(c); l != nil {
		l.align = style.XAlign
	}
	a.Handler.Draw(c, s, style, at)
}

// latexBelow is the latex canvas under parts of parts of a canvas, or nil.
func latexBelow(c vg.Canvas) *latex {
	switch c := c.(type) {
	case *draw.Canvas:
		return latexBelow(c.Canvas)
	case draw.Canvas:
		return latexBelow(c.Canvas)
	case thinned:
		return latexBelow(c.CanvasSizer)
	case *latex:
		return c
	}
	return nil
}
