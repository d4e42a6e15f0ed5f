package report

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io"
)

//go:embed pack.html
var unpacking []byte

// packed returns a page that unpacks itself into the given one. That of the reference results
// is less than a fifth of its size.
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

// Unpacked returns what a page that Write has left unpacks itself into. Other versions of Go
// may pack the same page into other bytes.
func Unpacked(page []byte) ([]byte, error) {
	before, after, _ := bytes.Cut(unpacking, []byte("PAGE"))
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(bytes.TrimSuffix(bytes.TrimPrefix(page, before), after))))
	if err != nil {
		return nil, fmt.Errorf("unpacking the page: %w", err)
	}
	return io.ReadAll(z)
}
