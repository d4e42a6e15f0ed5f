package results

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Data is everything that a scenario's folder holds.
type Data struct {
	Manifest Manifest
	Run      Run
	Trials   []Trial      // of all files, in the manifest's order, then run.json's
	Reads    []Reads      // likewise
	Windows  []Window     // likewise
	Timeline []Moment     // likewise
	Visible  []Visibility // likewise
	Missing  []string     // files that are not there
	Warnings []string     // what does not fit together
}

// Describe reads what is said of the results of a scenario in its folder, without the data.
func Describe(dir string) (*Data, error) {
	d := &Data{}
	if err := readJSON(dir, manifestName, &d.Manifest); err != nil {
		return nil, err
	}
	if d.Manifest.Schema != Schema {
		return nil, fmt.Errorf("%s has the form %d; this program reads %d", filepath.Join(dir, manifestName), d.Manifest.Schema, Schema)
	}
	// Data of others may come without run.json: it has no bearing on the numbers.
	if err := readJSON(dir, runName, &d.Run); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return d, nil
}

// Intact reports whether the folder has all data files that the run wrote, as it wrote them.
func (d *Data) Intact(dir string) bool {
	for _, file := range d.Files() {
		if sum, err := SumOf(filepath.Join(dir, file.Name)); err != nil || sum != file.SHA256 {
			return false
		}
	}
	return true
}

// Changed says of each data file that is in the folder and is not as the run wrote it that
// this is so.
func (d *Data) Changed(dir string) (warnings []string) {
	for _, file := range d.Files() {
		if sum, err := SumOf(filepath.Join(dir, file.Name)); err == nil {
			warnings = append(warnings, changed(file, sum)...)
		}
	}
	return warnings
}

func changed(file File, sum string) (warnings []string) {
	if file.SHA256 != "" && file.SHA256 != sum {
		warnings = append(warnings, fmt.Sprintf("%s is not the file that the run wrote: its SHA-256 is %s", file.Name, sum))
	}
	return warnings
}

// SumOf returns the SHA-256 of a file, hexadecimal.
func SumOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	_, err = io.Copy(h, file)
	return hex.EncodeToString(h.Sum(nil)), err
}

// Load reads the results of a scenario from its folder. If files with data are not
// there, the error is fs.ErrNotExist and the rest is returned with it.
func Load(dir string) (*Data, error) {
	d, err := Describe(dir)
	if err != nil {
		return nil, err
	}
	var missing error // the first
	for _, file := range d.Files() {
		path := filepath.Join(dir, file.Name)
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			d.Missing = append(d.Missing, file.Name)
			missing = cmp.Or(missing, fmt.Errorf("reading results: %w", err))
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading results: %w", err)
		}
		switch {
		case strings.HasPrefix(file.Name, ofReads):
			err = extend(&d.Reads, path, text)
		case strings.HasPrefix(file.Name, ofWindows):
			err = extend(&d.Windows, path, text)
		case strings.HasPrefix(file.Name, ofTimeline):
			err = extend(&d.Timeline, path, text)
		case strings.HasPrefix(file.Name, ofHistograms):
			err = extend(&d.Visible, path, text)
		default:
			err = extend(&d.Trials, path, text)
		}
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		d.Warnings = append(d.Warnings, changed(file, hex.EncodeToString(sum[:]))...)
	}
	return d, missing
}

// extend adds the rows of a file.
func extend[T any](list *[]T, path string, text []byte) error {
	rows, err := read[T](path, text)
	*list = append(*list, rows...)
	return err
}

// Files returns the files of manifest.json and run.json, each once, with its
// sum where one of the two has it.
func (d *Data) Files() []File {
	files := slices.Clone(d.Manifest.Files)
	for _, f := range d.Run.Files {
		i := slices.IndexFunc(files, func(g File) bool { return g.Name == f.Name })
		if i < 0 {
			files = append(files, f)
		} else {
			files[i] = f
		}
	}
	return files
}

func readJSON(dir, name string, v any) error {
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading results: %w", err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
