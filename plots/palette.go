package plots

import (
	"cmp"
	"image"
	"image/color"
	"slices"
)

// paletted returns the picture with at most 256 colours, for a PNG of a fifth of
// the size. Those that fill it stay exact; of the many shades at the edges of
// letters and lines, those are merged that nobody can tell apart.
func paletted(m *image.RGBA) *image.Paletted {
	pixels := map[color.RGBA]int{}
	b := m.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			pixels[m.RGBAAt(x, y)]++
		}
	}
	colours := make([]color.RGBA, 0, len(pixels))
	for c := range pixels {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.RGBA) int {
		return cmp.Or(pixels[b]-pixels[a], cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B), cmp.Compare(a.A, b.A))
	})
	places := map[color.RGBA]uint8{}
	var palette color.Palette
	for apart := 16; palette == nil; apart += apart / 4 {
		palette = apartFrom(colours, apart)
	}
	for _, c := range colours {
		places[c] = uint8(palette.Index(c))
	}
	p := image.NewPaletted(b, palette)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			p.SetColorIndex(x, y, places[m.RGBAAt(x, y)])
		}
	}
	return p
}

// apartFrom picks colours, the frequent ones first, that are so far apart, in
// units of the channels; nil if there are more than a palette holds.
func apartFrom(colours []color.RGBA, apart int) (palette color.Palette) {
	square := func(a, b uint8) int { return (int(a) - int(b)) * (int(a) - int(b)) }
	for _, c := range colours {
		if slices.ContainsFunc(palette, func(o color.Color) bool {
			k := o.(color.RGBA)
			return square(c.R, k.R)+square(c.G, k.G)+square(c.B, k.B)+square(c.A, k.A) < apart*apart
		}) {
			continue
		}
		if len(palette) == 256 {
			return nil
		}
		palette = append(palette, c)
	}
	return palette
}
