package plots

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"codeberg.org/go-pdf/fpdf"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"
)

// formats of every figure, by the ending of the file.
var formats = []string{"svg", "png", "pdf"}

// dpi is the resolution of PNG, enough for print.
const dpi = 300

// A drawing is a picture of a size that can be drawn in any format.
type drawing struct {
	width, height vg.Length
	draw          func(c draw.Canvas)
}

// render returns the picture in a format. The bytes depend on nothing else:
// neither date nor order of a map is in them.
func (d drawing) render(format string) ([]byte, error) {
	var text bytes.Buffer
	switch format {
	case "svg":
		c := vgsvg.New(d.width, d.height)
		d.draw(draw.New(c))
		if _, err := c.WriteTo(&text); err != nil {
			return nil, err
		}
		return withFallbackFonts(text.Bytes()), nil
	case "png":
		c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(d.width, d.height), vgimg.UseDPI(dpi))}
		d.draw(draw.New(c))
		if _, err := c.WriteTo(&text); err != nil {
			return nil, err
		}
		return text.Bytes(), nil
	case "pdf":
		c := vgpdf.New(d.width, d.height)
		d.draw(draw.New(c))
		if _, err := c.WriteTo(&text); err != nil {
			return nil, err
		}
		return withoutDates(text.Bytes()), nil
	}
	return nil, fmt.Errorf("no format %q; there are %s", format, strings.Join(formats, ", "))
}

func init() {
	// The PDF's list of fonts would else be in the order of a map.
	fpdf.SetDefaultCatalogSort(true)
}

var dates = regexp.MustCompile(`/(CreationDate|ModDate) \(D:[0-9]+\)`)

// withoutDates blanks the dates of a PDF. Its table of contents counts bytes,
// so the length stays.
func withoutDates(pdf []byte) []byte {
	return dates.ReplaceAllFunc(pdf, func(date []byte) []byte { return bytes.Repeat([]byte(" "), len(date)) })
}

// withFallbackFonts names fonts of the same widths for machines that lack
// Liberation Sans, so that an SVG needs no font inside.
func withFallbackFonts(svg []byte) []byte {
	return bytes.ReplaceAll(svg, []byte("font-family:Liberation Sans;"), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;"))
}
