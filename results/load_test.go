package results

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWhatIsThereIsLoadedBesideWhatIsNot(t *testing.T) {
	dir := t.TempDir()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, system := range []string{"etcd", "raft", "zab"} {
		w, err := f.Trials("sim", system, swept)
		if err != nil {
			t.Fatal(err)
		}
		put(t, w, 0, example(0))
	}
	if err := f.Finish(Manifest{}, Run{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"trials-sim-etcd.csv", "trials-sim-zab.csv"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	d, err := Load(dir)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "trials-sim-etcd.csv") {
		t.Errorf("the error is %v", err)
	}
	if want := []string{"trials-sim-etcd.csv", "trials-sim-zab.csv"}; d == nil || !slices.Equal(d.Missing, want) || len(d.Trials) != 1 {
		t.Errorf("got %+v; want one trial, and %q missing", d, want)
	}
}

func TestSummariesAreReadBackAndGoWithTheirData(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, "raft")
	rows := []Summary{
		{Case: "a, b", Mode: "sim", System: "raft", Swept: []Setting{{"network.loss", "0.5"}}, Measure: "elect_ms", N: 7, Censored: 1, Median: 1.5, Low: 1, High: None, P5: None, P95: None},
		{Case: "a, b", Mode: "sim", System: "zab", Swept: []Setting{{"network.loss", ""}}, Measure: "votes", N: 3, Median: 0, Low: None, High: None, P5: None, P95: None},
	}
	path, err := WriteSummaries(dir, rows)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadSummaries(dir)
	if a, b := fmt.Sprint(got), fmt.Sprint(rows); err != nil || a != b {
		t.Errorf("got  %s, %v\nwant %s", a, err, b)
	}
	run(t, dir, "raft")
	if _, err := ReadSummaries(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there are new data, and of the old summary is said %v", err)
	}
	if err := os.WriteFile(path, []byte("no gzip"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSummaries(dir); err == nil || !strings.Contains(err.Error(), "write it again: raftzab plot "+dir) {
		t.Errorf("of a broken one is said %v", err)
	}
}

func TestAFolderHasOneWriter(t *testing.T) {
	dir := t.TempDir()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // whom it was refused to does not break it
		_, err := Open(dir)
		var unwritable *UnwritableError
		if want := fmt.Sprintf("cannot write results into %s: process %d (", dir, os.Getpid()); !errors.As(err, &unwritable) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	f.Abandon()
	if f, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	if err := f.Finish(Manifest{}, Run{}); err != nil {
		t.Fatal(err)
	}
	lock, err := Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	lock.Release()
	if left, _ := filepath.Glob(filepath.Join(dir, "*"+besides)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
