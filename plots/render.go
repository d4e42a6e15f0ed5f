package plots

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"regexp"
	"strings"

	"codeberg.org/go-pdf/fpdf"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"
	"gonum.org/v1/plot/vg/vgtex"
)

// formats of every figure, by the ending of the file.
var formats = []string{"svg", "png", "pdf", "pgf"}

// DPI is the resolution of PNG, which is for screens.
const DPI = 200

// The most points of a line; those for LaTeX are slow to typeset.
const (
	mostPoints    = 400
	mostPointsPGF = 200
)

// A drawing is a picture of a size that can be drawn in any format.
type drawing struct {
	width, height vg.Length
	legend        []entry
	draw          func(c draw.Canvas)
}

// render returns the picture in a format. The bytes depend on nothing else:
// neither date nor order of a map is in them.
func (d drawing) render(format string) ([]byte, error) {
	var text bytes.Buffer
	var err error
	switch format {
	case "svg":
		c := vgsvg.New(d.width, d.height)
		d.draw(draw.New(thinned{c, mostPoints}))
		_, err = c.WriteTo(&text)
		return withFallbackFonts(text.Bytes()), err
	case "png":
		c := vgimg.NewWith(vgimg.UseWH(d.width, d.height), vgimg.UseDPI(DPI))
		d.draw(draw.New(thinned{c, mostPoints}))
		err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&text, paletted(c.Image().(*image.RGBA)))
		return text.Bytes(), err
	case "pdf":
		c := vgpdf.New(d.width, d.height)
		d.draw(draw.New(thinned{c, mostPoints}))
		_, err = c.WriteTo(&text)
		return withoutDates(text.Bytes()), err
	case "pgf":
		c := &latex{Canvas: vgtex.New(d.width, d.height)}
		d.draw(draw.New(thinned{c, mostPointsPGF}))
		_, err = c.WriteTo(&text)
		return text.Bytes(), err
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

// withFallbackFonts says once, and not of each text, which font it is, and names
// fonts of the same widths for machines that lack Liberation Sans, so that an SVG
// needs no font inside.
func withFallbackFonts(svg []byte) []byte {
	svg = bytes.ReplaceAll(svg, []byte("font-family:Liberation Sans;font-variant:normal;font-weight:normal;font-style:normal;"), nil)
	return bytes.Replace(svg, []byte("<svg "), []byte(`<svg font-family="'Liberation Sans',Arial,Helvetica,sans-serif" `), 1)
}
