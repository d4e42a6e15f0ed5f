package wal

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"raftzab/bench/kv"
	"raftzab/protocols"
)

func at(index uint64) protocols.EntryID { return protocols.EntryID{Epoch: 1, Index: index} }

func entry(index uint64, size uint32) protocols.Entry {
	return protocols.Entry{ID: at(index), Command: protocols.Command{Size: size, Value: index}}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// open opens a store in a folder of the machine's.
func open(t *testing.T, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFolderHasOneStoreAtATime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := open(t, dir, Options{})
	if _, err := Open(dir, Options{}); !errors.Is(err, errInUse) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("opened twice: %v", err)
	}
	must(t, s.Close(), s.Close())
	for what, err := range map[string]error{
		"Append": s.Append([]protocols.Write{{}}), "Sync": s.Sync(), "Save": s.Save(image(at(1))), "Aside": s.Aside(protocols.Chunk{}, nil),
	} {
		if err == nil {
			t.Errorf("%s on a closed store", what)
		}
	}
	must(t, open(t, dir, Options{}).Close())
}

// On the machine's own disk, with a segment made beside the appends: everything is
// found again, writes larger than a segment too, and old segments are gone.
func TestLogGoesThroughManySegments(t *testing.T) {
	dir := t.TempDir()
	var want protocols.Recovered
	index := uint64(0)
	for life := range 3 {
		s := open(t, dir, Options{SegmentSize: 16 << 10})
		if got, i := s.Recovered(); !same(&got, &want) || contains(&got, i) != "" {
			t.Fatalf("life %d found %s, not %s; %s", life, describe(&got), describe(&want), contains(&got, i))
		}
		for round := range 100 {
			w := protocols.Write{Registers: protocols.Registers{uint64(life), uint64(round)}, Snapshot: want.Snapshot.At, Base: want.Base, After: at(index)}
			for range round % 4 {
				index++
				w.Entries = append(w.Entries, entry(index, uint32(100*round)))
			}
			if round%20 == 19 { // the write before may be in a segment to come
				must(t, s.Save(image(at(index-3))))
				w.Snapshot, w.Base = at(index-3), at(index-5)
			}
			want.Apply(w)
			must(t, s.Append([]protocols.Write{w}))
			if round%3 == 0 {
				must(t, s.Sync())
			}
		}
		must(t, s.Sync(), s.Close())
		logs, _ := filepath.Glob(filepath.Join(dir, "log-*"))
		images, _ := filepath.Glob(filepath.Join(dir, "snapshot-*"))
		if len(logs) > 4 || len(images) != 1 {
			t.Errorf("the files %v and %v are left", logs, images)
		}
	}
}

// Entries that were cut hold no segment back.
func TestSegmentsOfEntriesThatWereCutAreDeleted(t *testing.T) {
	y := newStory(t, 1)
	y.opts.SegmentSize = 2048
	y.open(true)
	add := func(w protocols.Write) { must(t, y.append(w), y.store.Sync()) }
	for n := uint64(1); n <= 20; n++ {
		add(protocols.Write{After: at(n - 1), Entries: []protocols.Entry{entry(n, 300)}})
	}
	must(t, y.store.Save(image(at(3))))
	before := len(y.store.log.segments)
	add(protocols.Write{After: at(3)})
	add(protocols.Write{After: at(3), Snapshot: at(3), Base: at(3)})
	if got := y.disk.find("log-"); before < 4 || len(y.store.log.segments) != 1 || len(got) > 2 {
		t.Errorf("there were %d segments; %v are left", before, got)
	}
	y.disk.powerOff()
	y.open(true)
}

// What one goroutine appends, another saves and a third looks at, under the race detector.
func TestSnapshotsAreSavedBesideAppends(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentSize: 32 << 10})
	saves, saved := make(chan *kv.Image), make(chan protocols.EntryID, 100)
	var group sync.WaitGroup
	group.Go(func() {
		defer close(saved)
		for i := range saves {
			if err := s.Save(i); err != nil {
				t.Error(err)
			}
			if s.Image(i.Snapshot().At) != nil {
				saved <- i.Snapshot().At
			}
		}
	})
	group.Go(func() {
		for n := range uint64(200) {
			content := kv.AppendImage(nil, image(at(n)))
			for from := 0; from < len(content); from += 100 {
				c := protocols.Chunk{At: at(n), Offset: uint64(from), Length: uint64(min(100, len(content)-from))}
				if err := s.Aside(c, content[from:][:c.Length]); err != nil {
					t.Error(err)
				}
			}
			if b, err := s.Chunk(protocols.Chunk{At: at(n), Length: 64}); err == nil && string(b) != string(content[:64]) {
				t.Errorf("snapshot %d begins with % x", n, b)
			}
		}
	})
	var want protocols.Recovered
	for n := uint64(1); n <= 300; n++ {
		w := protocols.Write{Snapshot: want.Snapshot.At, Base: want.Base, After: at(n - 1), Entries: []protocols.Entry{entry(n, 200)}}
		select {
		case w.Snapshot = <-saved:
			w.Base = w.Snapshot
		default:
		}
		if n%10 == 0 {
			saves <- image(at(n))
		}
		want.Apply(w)
		must(t, s.Append([]protocols.Write{w}), s.Sync())
	}
	close(saves)
	group.Wait()
	must(t, s.Close())
	s = open(t, dir, Options{})
	if got, i := s.Recovered(); !same(&got, &want) || contains(&got, i) != "" || want.Snapshot.At == (protocols.EntryID{}) {
		t.Errorf("found %s, not %s; %s", describe(&got), describe(&want), contains(&got, i))
	}
	must(t, s.Close())
}

const helper = "RAFTZAB_WAL_TEST_FOLDER"

// A process that is killed between and in its appends has on its disk what it has
// said that it synced, life after life.
func TestKilledProcessKeepsWhatItSynced(t *testing.T) {
	if dir := os.Getenv(helper); dir != "" {
		appendForGood(dir)
	}
	if runtime.GOOS == "windows" {
		t.Skip("a folder cannot be locked here")
	}
	dir, told := t.TempDir(), uint64(0)
	for life := range 6 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledProcessKeepsWhatItSynced$")
		cmd.Env = append(os.Environ(), helper+"="+dir)
		out, err := cmd.StdoutPipe()
		must(t, err, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := 0; n < 40+7*life && lines.Scan(); n++ {
			if _, err := fmt.Sscan(lines.Text(), &told); err != nil {
				cmd.Process.Kill()
				t.Fatalf("it says %q", lines.Text())
			}
		}
		cmd.Process.Kill()
		for lines.Scan() { // what it said before it died
			fmt.Sscan(lines.Text(), &told)
		}
		cmd.Wait()
		s := open(t, dir, Options{})
		r, _ := s.Recovered()
		if r.Registers[0] < told || lastOf(&r).Index != r.Registers[0] {
			t.Fatalf("life %d synced write %d; found %s", life, told, describe(&r))
		}
		must(t, s.Close())
	}
	if told < 240 {
		t.Errorf("%d writes in all; its lives were too short", told)
	}
}

// appendForGood is the process that is killed.
func appendForGood(dir string) {
	s, err := Open(dir, Options{SegmentSize: 64 << 10})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	r, _ := s.Recovered()
	for n := r.Registers[0] + 1; ; n++ {
		w := protocols.Write{Registers: protocols.Registers{n}, After: at(n - 1), Entries: []protocols.Entry{entry(n, uint32(n%3*2000))}}
		if n > 20 {
			w.Base = at(n - 20)
		}
		if err := errors.Join(s.Append([]protocols.Write{w}), s.Sync()); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(n)
	}
}
