package results

import (
	"errors"
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
