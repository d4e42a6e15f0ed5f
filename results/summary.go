package results

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// summaryName is the file of summaries. It is compressed, so that it can be kept where
// the data are too large to be.
const summaryName = "summary.csv.gz"

// A Summary is what all trials of a cell say of one measure, rounded to a tenth from 100
// on and to four digits below.
type Summary struct {
	Case     string    `csv:"case" doc:"as in the trials file, like the columns up to the swept keys"`
	Mode     string    `csv:"mode"`
	System   string    `csv:"system"`
	Swept    []Setting `csv:"*" doc:"one column per swept key"`
	Measure  string    `csv:"measure" doc:"a column of trials files; the columns below are in its unit"`
	N        int       `csv:"n" doc:"trials, censored ones included: of simulated cells that ran with probing clients and without, those without, but those with them of what clients see"`
	Censored int       `csv:"censored" doc:"those of n that ran into the limit before the measure's end; they count as larger than all others"`
	Median   Number    `csv:"median" doc:"empty: it falls among the censored, as with all that follow"`
	Low      Number    `csv:"median_low" doc:"lower bound of its 95 % interval (percentile bootstrap, 1000 resamples); empty below 6 trials, too"`
	High     Number    `csv:"median_high" doc:"upper bound"`
	P5       Number    `csv:"p5" doc:"5th percentile; empty below 20 trials, too"`
	P95      Number    `csv:"p95" doc:"95th percentile"`
}

// From so many trials on a median has an interval, and a sample tails.
const (
	LeastForInterval = 6
	LeastForTails    = 20
)

// WriteSummaries puts the summaries of a folder's data beside them, and returns the path of
// the file. The same summaries give the same bytes.
func WriteSummaries(dir string, rows []Summary) (path string, err error) {
	w := &Writer[Summary]{name: summaryName}
	if len(rows) > 0 {
		for _, s := range rows[0].Swept {
			w.swept = append(w.swept, s.Key)
		}
	}
	w.header, w.columns = names[Summary](w.swept), columnsOf(&w.row)
	var text bytes.Buffer
	z, err := gzip.NewWriterLevel(&text, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(append(w.head(), w.Format(rows...)...))
	}
	if err == nil {
		err = z.Close()
	}
	path = filepath.Join(dir, summaryName)
	if err == nil {
		err = os.WriteFile(path+besides, text.Bytes(), 0o666)
	}
	if err == nil {
		err = os.Rename(path+besides, path)
	}
	if err != nil {
		return "", fmt.Errorf("cannot write a summary: %w", err)
	}
	return path, nil
}

// ReadSummaries reads what WriteSummaries has left in a folder. Where there is none, the error
// is fs.ErrNotExist.
func ReadSummaries(dir string) ([]Summary, error) {
	path := filepath.Join(dir, summaryName)
	packed, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading summaries: %w", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("%s: %w; write it again: raftzab plot %s", path, err, dir)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; write it again: raftzab plot %s", path, err, dir)
	}
	return read[Summary](strings.TrimSuffix(path, ".gz"), text)
}
