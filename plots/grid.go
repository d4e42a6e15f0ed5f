package plots

import (
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A grid lays panels out below one legend: a single panel in one column of a
// page, more of them in two columns, side by side. Nothing but data is inside
// the axes.
type grid struct {
	heads         []head
	legend        []entry
	xName, yName  string   // of the axes, which all panels share
	yNames        []string // instead of yName: by row
	columns, rows int
	width, row    vg.Length // of the whole; from axis to axis
}

// A head is what stands above a panel: its title and, in grey, what is missing.
type head struct {
	title string
	notes []string
}

// An entry of a legend is text behind a sample of a given width.
type entry struct {
	text   string
	width  vg.Length
	sample func(c draw.Canvas, left, right, y vg.Length)
}

// Space in points.
const (
	edge       = 3
	between    = 12
	titleLine  = 12 // of a head
	noteLine   = 9  // of a head
	legendLine = 11
	axisHeight = 27            // tick labels and the name of the axis
	page       = 8.5 * vg.Inch // of figure, so that a page has room for a short caption
)

func gridOf(heads []head, legend []entry, xName, yName string, row vg.Length) grid {
	g := grid{heads: heads, legend: legend, xName: xName, yName: yName, columns: 2, rows: (len(heads) + 1) / 2, width: twoColumn, row: row}
	if len(heads) == 1 {
		g.columns, g.width = 1, oneColumn
	}
	return g
}

// tileWidth is the width of a panel, axis labels included.
func (g *grid) tileWidth() vg.Length {
	return (g.width - 2*edge - vg.Length(g.columns-1)*between) / vg.Length(g.columns)
}

// headHeight is what the tallest head needs.
func (g *grid) headHeight() (height vg.Length) {
	for _, h := range g.heads {
		height = max(height, h.height())
	}
	return height
}

func (h *head) height() (height vg.Length) {
	if h.title != "" {
		height = titleLine
	}
	if len(h.notes) > 0 {
		height += noteLine
	}
	return height
}

// left and bottom report whether panel i names the axis that it shares with its
// row or column.
func (g *grid) left(i int) bool   { return i%g.columns == 0 }
func (g *grid) bottom(i int) bool { return i+g.columns >= len(g.heads) }

// drawing returns the picture of all panels, each made by panel.
func (g *grid) drawing(panel func(i int) *plot.Plot) drawing {
	lines := g.legendLines()
	top := vg.Length(len(lines))*legendLine + edge + g.headHeight()
	heads := vg.Length(g.rows-1)*g.headHeight() + top + edge
	g.row = min(g.row, (page-heads)/vg.Length(g.rows))
	height := vg.Length(g.rows)*g.row + heads
	return drawing{g.width, height, g.legend, func(c draw.Canvas) {
		c.SetColor(white)
		c.Fill(c.Rectangle.Path())
		plots := make([][]*plot.Plot, g.rows)
		for i := range g.rows * g.columns {
			var p *plot.Plot
			if i < len(g.heads) {
				p = panel(i)
				if g.left(i) {
					p.Y.Label.Text = g.yName
					if g.yNames != nil {
						p.Y.Label.Text = " " // as below
					}
				}
				if g.bottom(i) {
					p.X.Label.Text = " " // only its place: see below
				}
			}
			plots[i/g.columns] = append(plots[i/g.columns], p)
		}
		tiles := draw.Tiles{Rows: g.rows, Cols: g.columns, PadTop: top, PadY: g.headHeight() + 4, PadBottom: edge, PadLeft: edge, PadRight: edge, PadX: between}
		canvases := plot.Align(plots, tiles, c)
		for i, head := range g.heads {
			p, canvas := plots[i/g.columns][i%g.columns], canvases[i/g.columns][i%g.columns]
			p.Draw(canvas)
			data := p.DataCanvas(canvas)
			head.draw(data)
			if g.bottom(i) {
				// Plot would reserve room for the name as if a logarithmic axis
				// were linear, and panels would no longer be of one width.
				c.FillText(textStyle(normal, black, text.XCenter, text.YBottom), vg.Point{X: data.Center().X, Y: canvas.Min.Y}, g.xName)
			}
		}
		for row, name := range g.yNames {
			data := plots[row][0].DataCanvas(canvases[row][0])
			style := textStyle(normal, black, text.XCenter, text.YTop)
			style.Rotation = math.Pi / 2
			c.FillText(style, vg.Point{X: canvases[row][0].Min.X, Y: data.Center().Y}, name)
		}
		drawLegend(c, lines)
	}}
}

// draw writes the head above the data.
func (h *head) draw(c draw.Canvas) {
	y := c.Max.Y + 3
	if len(h.notes) > 0 {
		c.FillText(textStyle(small, darkGrey, text.XLeft, text.YBottom), vg.Point{X: c.Min.X, Y: y}, strings.Join(h.notes, ", "))
		y += noteLine
	}
	c.FillText(textStyle(normal, black, text.XLeft, text.YBottom), vg.Point{X: c.Min.X, Y: y}, h.title)
}

const (
	sampleGap = 3  // from sample to text
	entryGap  = 12 // from entry to entry
)

var legendStyle = textStyle(small, black, text.XLeft, text.YCenter)

func (e *entry) size() vg.Length { return e.width + sampleGap + legendStyle.Width(e.text) }

// legendLines breaks the legend into as few lines as it fits into, and fills
// them evenly if they then still fit.
func (g *grid) legendLines() (lines [][]entry) {
	var used vg.Length
	for _, e := range g.legend {
		if used += entryGap + e.size(); len(lines) == 0 || used > g.width-2*edge {
			lines, used = append(lines, nil), e.size()
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], e)
	}
	if len(lines) < 2 {
		return lines
	}
	even := slices.Collect(slices.Chunk(g.legend, (len(g.legend)+len(lines)-1)/len(lines)))
	for _, line := range even {
		if lineWidth(line) > g.width-2*edge {
			return lines
		}
	}
	return even
}

func lineWidth(line []entry) vg.Length {
	width := vg.Length(-entryGap)
	for i := range line {
		width += entryGap + line[i].size()
	}
	return width
}

// drawLegend centres each line at the top.
func drawLegend(c draw.Canvas, lines [][]entry) {
	y := c.Max.Y - edge - legendLine/2
	for _, line := range lines {
		x := c.Center().X - lineWidth(line)/2
		for _, e := range line {
			e.sample(c, x, x+e.width, y)
			c.FillText(legendStyle, vg.Point{X: x + e.width + sampleGap, Y: y + 1}, e.text)
			x += e.size() + entryGap
		}
		y -= legendLine
	}
}
