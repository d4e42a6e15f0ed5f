package results

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// journalName is the file in which a run that lasts keeps what has ended.
const journalName = "journal.jsonl"

// A Journal keeps what the trials of a run have said as they end, so that a run that
// was interrupted, be it by kill -9, can go on: a line of JSON each, behind one that
// says of which run they are. Close removes it, unless the run was interrupted.
type Journal struct {
	file    *os.File
	buffer  *bufio.Writer
	flushed time.Time
}

// A Kept is a trial that has ended.
type Kept struct {
	Index    int      `json:"index"`                    // among the trials of this process
	Checksum uint64   `json:"checksum,string,omitzero"` // over its events
	Rows     []string `json:"rows"`                     // by file
	Breaches []Breach `json:"breaches,omitempty"`
}

// A Breach is a broken invariant.
type Breach struct {
	Trial  int    `json:"trial"`
	Probed bool   `json:"probed"`
	What   string `json:"what"`
}

// A Session is what a run says of a cell when it has ended, or was interrupted.
type Session struct {
	Seconds  float64     `json:"seconds"`
	Live     *LiveRun    `json:"live,omitempty"`
	Versions [][2]string `json:"versions,omitempty"` // of what, and which
	Observed []string    `json:"observed,omitempty"`
}

// Earlier is what a journal has of a cell.
type Earlier struct {
	Kept     []Kept
	Sessions []Session
}

// line is one of a journal's.
type line struct {
	Cell    int      `json:"cell"`
	Kept    *Kept    `json:"kept,omitempty"`
	Session *Session `json:"session,omitempty"`
}

// Journal opens the journal of the folder, and returns what an interrupted run has
// left in it, by cell. Of names the run: where the journal is of another one it begins
// anew, and other is true; with anew it does so anyway. A line that was not written whole
// ends it.
func (f *Folder) Journal(of any, anew bool) (earlier map[int]*Earlier, other bool, err error) {
	head, err := json.Marshal(of)
	if err != nil {
		return nil, false, fmt.Errorf("beginning a journal: %w", err)
	}
	head = append(head, '\n')
	text, err := os.ReadFile(f.path(journalName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, &UnwritableError{f.dir, err}
	}
	if anew {
		text = nil
	}
	earlier, size := recall(text, head)
	if size == 0 {
		other = len(text) > 0
	}
	file, err := os.OpenFile(f.path(journalName), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, false, &UnwritableError{f.dir, err}
	}
	j := &Journal{file: file, buffer: bufio.NewWriter(file), flushed: time.Now()}
	err = file.Truncate(int64(size))
	if err == nil {
		_, err = file.Seek(int64(size), io.SeekStart)
	}
	if err == nil && size == 0 {
		_, err = file.Write(head)
	}
	if err != nil {
		return nil, false, errors.Join(&UnwritableError{f.dir, err}, file.Close())
	}
	f.journal = j
	return earlier, other, nil
}

// Begun reports whether a run into a folder has left its journal, so that it has not ended.
func Begun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, journalName))
	return err == nil
}

// recall reads a journal, as far as it was written, and returns how far that is; 0
// where it is not of this run.
func recall(text, head []byte) (earlier map[int]*Earlier, size int) {
	earlier = map[int]*Earlier{}
	rest, ok := bytes.CutPrefix(text, head)
	if !ok {
		return earlier, 0
	}
	size = len(head)
	for {
		end := bytes.IndexByte(rest, '\n')
		var l line
		if end < 0 || json.Unmarshal(rest[:end], &l) != nil {
			return earlier, size
		}
		of := earlier[l.Cell]
		if of == nil {
			of = &Earlier{}
			earlier[l.Cell] = of
		}
		switch {
		case l.Kept != nil:
			of.Kept = append(of.Kept, *l.Kept)
		case l.Session != nil:
			of.Sessions = append(of.Sessions, *l.Session)
		}
		rest, size = rest[end+1:], size+end+1
	}
}

// Keep notes a trial of a cell that has ended.
func (f *Folder) Keep(cell int, k Kept) error { return f.journal.write(line{Cell: cell, Kept: &k}) }

// Note notes what is said of a cell at its end.
func (f *Folder) Note(cell int, s Session) error {
	return errors.Join(f.journal.write(line{Cell: cell, Session: &s}), f.journal.sync())
}

// often is how often a journal is written out, so that a run loses no more by kill -9
// or for lack of power.
const often = time.Second

func (j *Journal) write(l line) error {
	text, err := json.Marshal(l)
	if err == nil {
		_, err = j.buffer.Write(append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	if time.Since(j.flushed) > often {
		return j.sync()
	}
	return nil
}

func (j *Journal) sync() error {
	j.flushed = time.Now()
	if err := errors.Join(j.buffer.Flush(), j.file.Sync()); err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	return nil
}

// closeJournal ends the journal, and removes it where the run is over.
func (f *Folder) closeJournal(over bool) (err error) {
	if j := f.journal; j != nil {
		f.journal = nil
		err = errors.Join(j.sync(), j.file.Close())
	}
	if over {
		if gone := os.Remove(f.path(journalName)); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

// Format writes rows as they stand in the file.
func (w *Writer[T]) Format(rows ...T) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = w.text[:0]
	for i := range rows {
		w.encode(&rows[i])
	}
	return string(w.text)
}

// Parse reads what Format has written.
func (w *Writer[T]) Parse(text string) ([]T, error) {
	if w.decoder == nil {
		d := &decoder[T]{row: blank[T](), known: map[string]string{}}
		if err := d.bind(slices.Clone(w.header)); err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		w.decoder = d
	}
	r := csv.NewReader(bytes.NewReader([]byte(text)))
	r.ReuseRecord = true
	return w.decoder.rows(w.name, r)
}
