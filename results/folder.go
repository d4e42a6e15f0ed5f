package results

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	manifestName = "manifest.json"
	runName      = "run.json"
	besides      = ".partial" // ends the name of a file that is being written
)

// An UnwritableError says that results cannot be written where they should go.
type UnwritableError struct {
	Dir string
	Err error
}

func (e *UnwritableError) Error() string {
	return fmt.Sprintf("cannot write results into %s: %v", e.Dir, e.Err)
}

func (e *UnwritableError) Unwrap() error { return e.Err }

// A Folder is a scenario's results while they are being written. Nothing that
// an earlier run left is touched before Place, which puts all files in place.
type Folder struct {
	dir     string
	lock    *Lock
	writers []file
	repeats []Repeat
	journal *Journal // nil: none is kept
	ended   bool     // all files of a whole run are in place
}

// A file is a Writer of whatever rows.
type file interface {
	close() (File, error)
	final() string
}

// Open makes the folder and finds out, before anything runs, whether it can be
// written, and whether nobody else does so: the error is then an *UnwritableError.
func Open(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, &UnwritableError{dir, err}
	}
	lock, err := Hold(dir)
	if err != nil {
		return nil, err
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"+besides)) // what a killed run left
	for _, path := range left {
		if filepath.Base(path) != holderName {
			err = errors.Join(err, os.Remove(path))
		}
	}
	if err != nil {
		lock.Release()
		return nil, &UnwritableError{dir, err}
	}
	return &Folder{dir: dir, lock: lock}, nil
}

// TrialsName is the name of the file with the trials of a system in a mode.
func TrialsName(mode, system string) string { return ofTrials + mode + "-" + system + ".csv" }

// Trials begins the file with the trials of a system in a mode, with the columns
// that the scenario asks for.
func (f *Folder) Trials(mode, system string, swept []string, asked ...string) (*Writer[Trial], error) {
	return begin[Trial](f, TrialsName(mode, system), mode, system, swept, asked...)
}

// Reads begins the file that says how the reads of a system in a mode fared.
func (f *Folder) Reads(mode, system string, swept []string) (*Writer[Reads], error) {
	return begin[Reads](f, ofReads+mode+"-"+system+".csv", mode, system, swept)
}

// Windows begins the file with the time series of a system in a mode.
func (f *Folder) Windows(mode, system string, swept []string) (*Writer[Window], error) {
	return begin[Window](f, ofWindows+mode+"-"+system+".csv", mode, system, swept)
}

// Timeline begins the file with the timelines of a system in a mode.
func (f *Folder) Timeline(mode, system string, swept []string) (*Writer[Moment], error) {
	return begin[Moment](f, ofTimeline+mode+"-"+system+".csv", mode, system, swept)
}

// Histograms begins the file that says how soon the writes of a system in a mode are visible.
func (f *Folder) Histograms(mode, system string, swept []string) (*Writer[Visibility], error) {
	return begin[Visibility](f, ofHistograms+mode+"-"+system+".csv", mode, system, swept)
}

func begin[T any](f *Folder, name, mode, system string, swept []string, asked ...string) (*Writer[T], error) {
	w, err := create[T](f.path(name+besides), name, swept, asked...)
	if err != nil {
		return nil, err
	}
	f.writers, f.repeats = append(f.writers, w), append(f.repeats, RepeatOf(mode, system))
	return w, nil
}

// Finish puts the results in place and lets go of the folder.
func (f *Folder) Finish(m Manifest, r Run) error {
	return errors.Join(f.Place(m, r), f.Close())
}

// Close lets go of the folder, and removes a journal where a whole run is in place. What
// is made of the data goes between Place and Close: a run that is killed there then goes on.
func (f *Folder) Close() error {
	defer f.lock.Release()
	return f.closeJournal(f.ended)
}

// Place completes all files, fills in what the manifest and the run say of
// them, and puts everything in place, the manifest last. Data files of an
// earlier run that this one did not write are removed: a folder holds one run.
// An interrupted run has its place too, with Interrupted set; its files then hold
// the trials that had ended, and its journal stays.
func (f *Folder) Place(m Manifest, r Run) error {
	m.Schema, m.Files, r.Files = Schema, []File{}, nil
	sum := sha256.Sum256([]byte(m.Text))
	m.SHA256 = hex.EncodeToString(sum[:])
	if r.Ended.IsZero() {
		r.Ended = time.Now().UTC().Round(time.Millisecond)
	}
	var names []string
	for i, w := range f.writers {
		file, err := w.close()
		if err != nil {
			return err
		}
		file.Repeat = f.repeats[i]
		if file.Repeat != Bytes {
			r.Files = append(r.Files, file)
			file.SHA256 = ""
		}
		if file.Repeat != Nothing {
			m.Files = append(m.Files, file)
		}
		names = append(names, file.Name)
	}
	// Of data that are about to go, nothing is to be told any more.
	if err := os.Remove(f.path(summaryName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the summary of an earlier run: %w", err)
	}
	// A renamed file may meet the old manifest if the machine stops right here:
	// Load compares sums and would say so.
	for _, name := range names {
		if err := os.Rename(f.path(name+besides), f.path(name)); err != nil {
			return fmt.Errorf("putting results in place: %w", err)
		}
	}
	if err := f.writeJSON(runName, r); err != nil {
		return err
	}
	if err := f.writeJSON(manifestName, m); err != nil {
		return err
	}
	f.ended = !m.Interrupted
	return f.removeOthers(names)
}

func (f *Folder) removeOthers(names []string) error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return fmt.Errorf("looking for files of an earlier run: %w", err)
	}
	for _, e := range entries {
		if isData(e.Name()) && !slices.Contains(names, e.Name()) {
			if err := os.Remove(f.path(e.Name())); err != nil {
				return fmt.Errorf("removing a file of an earlier run: %w", err)
			}
		}
	}
	return nil
}

// kinds of data files, by how their names begin.
const (
	ofTrials     = "trials-"
	ofReads      = "reads-"
	ofWindows    = "windows-"
	ofTimeline   = "timeline-"
	ofHistograms = "histograms-"
)

func isData(name string) bool {
	return strings.HasSuffix(name, ".csv") &&
		slices.ContainsFunc([]string{ofTrials, ofReads, ofWindows, ofTimeline, ofHistograms}, func(kind string) bool { return strings.HasPrefix(name, kind) })
}

// Abandon removes what was written but for the journal, leaves what an earlier run
// had left, and lets go of the folder.
func (f *Folder) Abandon() {
	for _, w := range f.writers {
		w.close()
		os.Remove(f.path(w.final() + besides))
	}
	f.Close()
}

func (f *Folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f *Folder) writeJSON(name string, v any) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if err := os.WriteFile(f.path(name+besides), indented(text.Bytes()), 0o666); err != nil {
		return fmt.Errorf("cannot write results: %w", err)
	}
	if err := os.Rename(f.path(name+besides), f.path(name)); err != nil {
		return fmt.Errorf("putting results in place: %w", err)
	}
	return nil
}

// deepest is how deep values are that still get lines of their own: a cell is one line.
const deepest = 2

// indented breaks compact JSON into lines.
func indented(compact []byte) []byte {
	var text bytes.Buffer
	depth, quoted, escaped := 0, false, false
	newline := func() {
		text.WriteString("\n" + strings.Repeat("  ", depth))
	}
	for i, c := range compact {
		switch {
		case quoted:
			quoted, escaped = c != '"' || escaped, c == '\\' && !escaped
		case c == '"':
			quoted = true
		case c == '}' || c == ']':
			if depth--; depth < deepest && compact[i-1] != c-2 { // the bracket that opened it
				newline()
			}
		}
		text.WriteByte(c)
		switch {
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth <= deepest && compact[i+1] != c+2 {
				newline()
			}
		case c == ',' && depth <= deepest:
			newline()
		case c == ':' && depth <= deepest:
			text.WriteByte(' ')
		}
	}
	return text.Bytes()
}
