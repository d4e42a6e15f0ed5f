package report

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/base64"
	"fmt"
)

//go:embed pack.html
var unpacking []byte

// packed returns a page that unpacks itself into the given one, an eighth of its size.
func packed(page []byte) ([]byte, error) {
	var text bytes.Buffer
	z, err := gzip.NewWriterLevel(&text, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(page)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("packing the page: %w", err)
	}
	return bytes.Replace(unpacking, []byte("PAGE"), []byte(base64.StdEncoding.EncodeToString(text.Bytes())), 1), nil
}
