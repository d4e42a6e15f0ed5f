package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the data dictionary in README.md")

const header = "scenario,case,mode,system,network.loss,network.delay,trial,seed,outcome,probed,detect_ms,vote_ms,activate_ms,elect_ms,outage_ms," +
	"rounds,split_rounds,votes,messages,bytes,leader,best_leader,finalize_restarts\n"

var swept = []string{"network.loss", "network.delay"}

// example returns the trial of a number, with something of everything.
func example(n int) Trial {
	t := NewTrial()
	t.Scenario, t.Case, t.Mode, t.System = "test", `a "crash", twice`, "sim", "raft"
	t.Swept = []Setting{{swept[0], "0.05"}, {swept[1], "uniform(4ms, 6ms)"}}
	t.Trial, t.Seed, t.Outcome = n, math.MaxUint64, OK
	t.DetectMS, t.VoteMS, t.ActivateMS, t.ElectMS = 150.000001, 0, 1e-6, Number(1234567.25+float64(n))
	t.Rounds, t.Leader = 2, 3
	return t
}

// written returns the bytes of a trials file after put has written it.
func written(t *testing.T, put func(w *Writer[Trial])) []byte {
	t.Helper()
	dir := t.TempDir()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	w, err := f.Trials("sim", "raft", swept)
	if err != nil {
		t.Fatal(err)
	}
	put(w)
	if err := f.Finish(Manifest{}, Run{}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "trials-sim-raft.csv"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func put(t *testing.T, w *Writer[Trial], position int, rows ...Trial) {
	t.Helper()
	if err := w.Put(position, rows...); err != nil {
		t.Fatal(err)
	}
}

func TestRowsAreExactAndWhatIsMissingIsEmpty(t *testing.T) {
	got := written(t, func(w *Writer[Trial]) { put(t, w, 0, example(7)) })
	want := header + `test,"a ""crash"", twice",sim,raft,0.05,"uniform(4ms, 6ms)",7,18446744073709551615,ok,false,150.000001,0,0.000001,1234574.25,,2,,,,,3,,` + "\n"
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rows := []Trial{example(0), example(1), example(2)}
	rows[1].Swept = []Setting{{swept[0], ""}, {swept[1], "a\nb"}}
	rows[1].Outcome, rows[1].Probed, rows[1].Case = Censored, true, ""
	text := written(t, func(w *Writer[Trial]) { put(t, w, 0, rows...) })
	read, err := ReadTrials("f", text)
	if err != nil {
		t.Fatal(err)
	}
	// NaN differs from itself, so the two are compared as text.
	if got, want := fmt.Sprintf("%v", read), fmt.Sprintf("%v", rows); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A scenario that does not ask for a column has the bytes that it had before the
// column came to be.
func TestColumnsThatMustBeAskedForAreOnlyWhereTheyAre(t *testing.T) {
	if got, want := strings.Join(Header(swept, "paper_ms"), ",")+"\n", strings.TrimSuffix(header, "\n")+",paper_ms\n"; got != want {
		t.Errorf("got %swant %s", got, want)
	}
	dir := t.TempDir()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	w, err := f.Trials("sim", "raft", swept, "paper_ms")
	if err != nil {
		t.Fatal(err)
	}
	heard, silent := example(0), example(1)
	heard.PaperMS = 87.5
	put(t, w, 0, heard, silent)
	if err := f.Finish(Manifest{}, Run{}); err != nil {
		t.Fatal(err)
	}
	d, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Trials) != 2 || d.Trials[0].PaperMS != 87.5 || !math.IsNaN(float64(d.Trials[1].PaperMS)) {
		t.Errorf("%v", d.Trials)
	}
	without, err := ReadTrials("f", written(t, func(w *Writer[Trial]) { put(t, w, 0, heard) }))
	if err != nil || !math.IsNaN(float64(without[0].PaperMS)) {
		t.Errorf("%v, %v", without, err)
	}
}

func TestBytesDoNotDependOnWhichTrialEndsFirst(t *testing.T) {
	write := func(order ...int) []byte {
		return written(t, func(w *Writer[Trial]) {
			for _, i := range order {
				put(t, w, i, example(2*i), example(2*i+1))
			}
		})
	}
	if a, b := write(0, 1, 2, 3), write(3, 1, 0, 2); !bytes.Equal(a, b) {
		t.Errorf("%s\nand out of order\n%s", a, b)
	}
}

func TestInterruptedRunKeepsFinishedTrialsInOrder(t *testing.T) {
	text := written(t, func(w *Writer[Trial]) {
		for _, i := range []int{5, 0, 3} { // 1, 2 and 4 never ended
			put(t, w, i, example(i))
		}
	})
	trials, err := ReadTrials("f", text)
	if err != nil {
		t.Fatal(err)
	}
	var numbers []int
	for _, row := range trials {
		numbers = append(numbers, row.Trial)
	}
	if !slices.Equal(numbers, []int{0, 3, 5}) {
		t.Errorf("trials %v", numbers)
	}
}

func TestSteadyWritingAllocatesNothing(t *testing.T) {
	written(t, func(w *Writer[Trial]) {
		row, i := example(0), 0
		rows := []Trial{row}
		if n := testing.AllocsPerRun(2000, func() { put(t, w, i, rows...); i++ }); n > 0 {
			t.Errorf("%v allocations a row", n)
		}
	})
}

func TestReaderRefusesWhatIsNotOfTheSchema(t *testing.T) {
	row := `test,crash,sim,raft,0,1ms,7,1,ok,false,150,0,1,151,,2,,,,,3,,` + "\n"
	if _, err := ReadTrials("f", []byte(header+row)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "f: no header"},
		{"column renamed", strings.Replace(header, "vote_ms", "vote", 1) + row, `f: column 12 is not "vote_ms"`},
		{"column missing", "scenario,case\n", `f: column 3 is not "mode"`},
		{"columns swapped", strings.Replace(header, "trial,seed", "seed,trial", 1) + row, `f: column 7 is not "trial"`},
		{"field missing", header + strings.TrimSuffix(row, ",\n") + "\n", "wrong number of fields"},
		{"not a number", header + row + strings.Replace(row, ",151,", ",1x,", 1), `f:3: elect_ms: "1x" is no number`},
		{"infinite", header + strings.Replace(row, ",151,", ",+Inf,", 1), `f:2: elect_ms: "+Inf" is no number`},
		{"fraction of a trial", header + strings.Replace(row, ",7,", ",7.5,", 1), `f:2: trial: "7.5" is no whole number`},
		{"unknown outcome", header + strings.Replace(row, ",ok,", ",fine,", 1), `f:2: outcome: "fine" is none of`},
		{"unknown truth", header + strings.Replace(row, ",false,", ",no,", 1), `f:2: probed: "no" is neither`},
	} {
		if _, err := ReadTrials("f", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

func TestMistakesOfTheProgramPanic(t *testing.T) {
	infinite, unswept := example(0), example(0)
	infinite.ElectMS, unswept.Swept = Number(math.Inf(1)), nil
	for name, misuse := range map[string]func(w *Writer[Trial]){
		"infinite":       func(w *Writer[Trial]) { w.Put(0, infinite) },
		"other keys":     func(w *Writer[Trial]) { w.Put(0, unswept) },
		"position twice": func(w *Writer[Trial]) { w.Put(0, example(0)); w.Put(0, example(0)) },
		"early and late": func(w *Writer[Trial]) { w.Put(1, example(0)); w.Put(1, example(0)) },
	} {
		func() {
			w, err := create[Trial](filepath.Join(t.TempDir(), "f"), "f", swept)
			if err != nil {
				t.Fatal(err)
			}
			defer w.close()
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			misuse(w)
		}()
	}
}

// run writes a folder with a file of each kind.
func run(t *testing.T, dir string, systems ...string) {
	t.Helper()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := NewRun()
	r.Observed = []string{"an fsync takes 0.2 ms"}
	m := Manifest{Scenario: "test", Flags: []string{"--set", "network.loss=0.1"}, Shard: "2/3", Text: "title = \"<é>\"\n", Commit: "c0ffee", Versions: map[string]string{"m": "v1"}, Seed: 1}
	for _, system := range systems {
		mode := "sim"
		if system == "zookeeper" {
			mode = "live"
		}
		w, err := f.Trials(mode, system, nil)
		if err != nil {
			t.Fatal(err)
		}
		row := NewTrial()
		row.Scenario, row.Mode, row.System, row.Outcome = "test", mode, system, OK
		put(t, w, 0, row)
		rows := 1
		m.Cells = append(m.Cells, Cell{Mode: mode, System: system, Trials: 1, Rows: &rows, Settings: json.RawMessage(`{"Disk":{"Fsync":"constant(1ms)"}}`)})
	}
	if err := f.Finish(m, r); err != nil {
		t.Fatal(err)
	}
}

func TestFolderIsLoadedAsItWasWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "test")
	run(t, dir, "raft", "hashicorp", "zookeeper")
	d, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Trials) != 3 || len(d.Warnings) != 0 {
		t.Errorf("%d trials, warnings %v", len(d.Trials), d.Warnings)
	}
	if d.Manifest.Text != "title = \"<é>\"\n" || d.Manifest.SHA256 != "690cc25c26a2ba70410c77c11793fe95f8df3dd9210752943caf013f9c4b2f53" {
		t.Errorf("scenario %q, %s", d.Manifest.Text, d.Manifest.SHA256)
	}
	if !slices.Equal(d.Manifest.Flags, []string{"--set", "network.loss=0.1"}) || d.Manifest.Shard != "2/3" || !slices.Equal(d.Run.Observed, []string{"an fsync takes 0.2 ms"}) {
		t.Errorf("flags %q, shard %q, observed %q", d.Manifest.Flags, d.Manifest.Shard, d.Run.Observed)
	}
	if d.Run.Machine.Cores == 0 || d.Run.Ended.IsZero() {
		t.Errorf("run %+v", d.Run)
	}
	var got []string
	for _, f := range d.Manifest.Files {
		got = append(got, fmt.Sprint("manifest ", f.Name, " ", f.Repeat, " ", f.SHA256 != ""))
	}
	for _, f := range d.Run.Files {
		got = append(got, fmt.Sprint("run ", f.Name, " ", f.Repeat, " ", f.SHA256 != ""))
	}
	want := []string{
		"manifest trials-sim-raft.csv bytes true",
		"manifest trials-sim-hashicorp.csv distribution false",
		"run trials-sim-hashicorp.csv distribution true",
		"run trials-live-zookeeper.csv no true",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("files\n%s", strings.Join(got, "\n"))
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*"+besides)); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
}

func TestManifestIsTheSameBytesWheneverItIsWritten(t *testing.T) {
	var texts [2]string
	for i := range texts {
		dir := t.TempDir()
		run(t, dir, "raft", "zab", "hashicorp")
		text, err := os.ReadFile(filepath.Join(dir, manifestName))
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	if texts[0] != texts[1] {
		t.Errorf("%s\nthen\n%s", texts[0], texts[1])
	}
}

func TestFolderHoldsOneRun(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, "raft", "zookeeper")
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "zab")
	var names []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{"manifest.json", "notes.txt", "run.json", "trials-sim-zab.csv"}; !slices.Equal(names, want) {
		t.Errorf("%v", names)
	}
}

func TestAbandonedRunLeavesTheEarlierOne(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, "raft")
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Trials("sim", "raft", nil); err != nil {
		t.Fatal(err)
	}
	f.Abandon()
	d, err := Load(dir)
	if err != nil || len(d.Trials) != 1 || len(d.Warnings) != 0 {
		t.Errorf("%v, %+v", err, d)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*"+besides)); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
}

func TestChangedFileIsReported(t *testing.T) {
	for _, system := range []string{"raft", "hashicorp", "zookeeper"} {
		dir := t.TempDir()
		run(t, dir, system)
		paths, _ := filepath.Glob(filepath.Join(dir, "trials-*"))
		text, err := os.ReadFile(paths[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(paths[0], bytes.Replace(text, []byte(",,"), []byte(",1,"), 1), 0o666); err != nil {
			t.Fatal(err)
		}
		d, err := Load(dir)
		if err != nil || len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], "not the file that the run wrote") {
			t.Errorf("%s: %v, %+v", system, err, d)
		}
	}
}

func TestUnwritableFolderIsFoundBeforeAnythingRuns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "results")} {
		_, err := Open(dir)
		var unwritable *UnwritableError
		if !errors.As(err, &unwritable) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

func TestEveryColumnIsInTheDictionary(t *testing.T) {
	const begin, end = "<!-- dictionary: written by go test ./results -update -->\n", "<!-- end of dictionary -->"
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	inside, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatal("README.md has no place for the dictionary")
	}
	if *update {
		if err := os.WriteFile("README.md", []byte(before+begin+Dictionary()+end+after), 0o666); err != nil {
			t.Fatal(err)
		}
		inside = Dictionary()
	}
	if inside != Dictionary() {
		t.Errorf("the dictionary in README.md is not that of the code; run go test ./results -update")
	}
	for _, c := range columnsOf(new(Trial)) {
		if c.doc == "" || strings.HasSuffix(c.name, "_ms") != (c.unit == "ms") {
			t.Errorf("column %s: unit %q, meaning %q", c.name, c.unit, c.doc)
		}
	}
}

// The other files of a scenario with clients are written, read back and removed with
// the trials.
func TestReadsAndWindowsAreReadBack(t *testing.T) {
	dir := t.TempDir()
	row := example(3)
	r, w, v := NewReads(&row), NewWindow(&row), NewVisibility(&row)
	v.Batch, v.Role, v.Source, v.From, v.To, v.Visible = 3, "follower", "read", 0.1, 0.125, 7
	r.Role, r.ReadMode, r.Reads, r.Stale, r.TimeMost = "follower", "local", 10, 2, 1.5
	w.At, w.Writes, w.Faults = 10, 4, "crash restart"
	write := func(all bool) *Data {
		f, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		trials, err := f.Trials("sim", "raft", swept)
		if err != nil {
			t.Fatal(err)
		}
		put(t, trials, 0, row)
		if all {
			reads, err := f.Reads("sim", "raft", swept)
			if err != nil {
				t.Fatal(err)
			}
			windows, err := f.Windows("sim", "raft", swept)
			if err != nil {
				t.Fatal(err)
			}
			visible, err := f.Histograms("sim", "raft", swept)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(reads.Put(0, r), windows.Put(0, w, w), visible.Put(0, v)); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Finish(Manifest{}, Run{}); err != nil {
			t.Fatal(err)
		}
		d, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := write(true)
	if got, want := fmt.Sprint(d.Reads, d.Windows, d.Visible, len(d.Trials), len(d.Manifest.Files)), fmt.Sprint([]Reads{r}, []Window{w, w}, []Visibility{v}, 1, 4); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	d = write(false)
	if left, _ := filepath.Glob(filepath.Join(dir, "*.csv")); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if len(d.Reads)+len(d.Windows)+len(d.Visible) > 0 {
		t.Error("what an earlier run left is still there")
	}
}
