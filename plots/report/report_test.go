package report

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"raftzab/results"
)

const scenario = `# Who leads?
#
# Theory says:
#
#   Raft:  soon
#   Zab:   later

title    = "A <small> one"
question = "Who leads?"
claims   = ["R3", "E4"]
minutes  = 2
seed     = 1
`

// made leaves results of the scenario in a folder, with files beside, and returns both folders.
func made(t *testing.T) (dir, files string) {
	t.Helper()
	dir, files = t.TempDir(), t.TempDir()
	write(t, filepath.Join(files, "small.toml"), scenario)
	write(t, filepath.Join(files, "other.toml"), strings.Replace(scenario, "R3", "R5", 1))
	folder, err := results.Open(filepath.Join(dir, "small"))
	if err != nil {
		t.Fatal(err)
	}
	for _, system := range []string{"raft", "zab"} {
		w, err := folder.Trials("sim", system, []string{"cluster.voters"})
		if err != nil {
			t.Fatal(err)
		}
		// Three trials took 10, 20 and 30 ms, and a fourth did not end; a fifth was spoilt.
		for i, ms := range []results.Number{30, 10, results.None, 20, 99} {
			r := results.NewTrial()
			r.Scenario, r.Mode, r.System, r.Trial, r.Outcome, r.ElectMS = "small", "sim", system, i, results.OK, ms
			r.Swept = []results.Setting{{Key: "cluster.voters", Value: "3"}}
			switch i {
			case 2:
				r.Outcome = results.Censored
			case 4:
				r.Outcome = results.Failed
			}
			if err := w.Put(i, r); err != nil {
				t.Fatal(err)
			}
		}
	}
	cell := func(system string) results.Cell {
		return results.Cell{Mode: "sim", System: system, Swept: []results.Setting{{Key: "cluster.voters", Value: "3"}}, Trials: 5,
			Settings: []byte(`{"Cluster": {"Voters": 3}, "Network": {"Delay": "constant(1ms)", "Loss": 0}, "Zab": {"Tick": "45ms"}, "Faults": [{"Kind": "crash", "Target": "leader", "At": "constant(1s)"}]}`)}
	}
	err = folder.Finish(results.Manifest{Scenario: "small", Text: scenario, Seed: 1, Commit: "0123456789abcdef", Flags: []string{"--trials 5"}, Cells: []results.Cell{cell("raft"), cell("zab")},
		Verdicts: []results.Verdict{
			{Claim: "E4", Verdict: results.Limited, Says: "Zab is slow.", Rule: "zab > raft && 1 < 2", Limited: "x", Limit: "at night", N: 5, Repeat: results.Bytes,
				Numbers: []results.Deciding{{Of: "median(zab.elect_ms)", Value: 20, N: 4, Interval: &[2]results.Number{10, results.None}}}}}},
		results.Run{Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Ended: time.Date(2026, 1, 2, 3, 6, 5, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = results.WriteSummaries(filepath.Join(dir, "small"), []results.Summary{
		{Mode: "sim", System: "raft", Swept: cell("raft").Swept, Measure: "elect_ms", N: 40, Censored: 10, Median: 1234.5, Low: 25, High: 30.25, P5: 9, P95: results.None},
		{Mode: "sim", System: "zab", Swept: cell("zab").Swept, Measure: "elect_ms", N: 5, Median: 0.125, Low: results.None, High: results.None, P5: results.None, P95: results.None},
	})
	if err != nil {
		t.Fatal(err)
	}
	figures := filepath.Join(dir, "small", "figures")
	if err := os.MkdirAll(figures, 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(figures, "fig.svg"), `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path id="x" d="M0 0h9v9"/></svg>`)
	write(t, filepath.Join(figures, "fig.txt"), "What it shows.\n")
	write(t, filepath.Join(figures, "fig.csv"), "system,ms\nraft,12\nzab,9\n")
	return dir, files
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, files string) *Report {
	t.Helper()
	r, err := Read(dir, files)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func html(t *testing.T, r *Report) string {
	t.Helper()
	text, err := r.HTML()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestThePageHasWhatTheResultsSay(t *testing.T) {
	dir, files := made(t)
	r := read(t, dir, files)
	page := html(t, r)
	for _, want := range []string{
		"A &lt;small&gt; one", "Who leads?", "raftzab run experiments/small.toml --trials 5", "2 min",
		"<p>Theory says:</p>", "<pre>  Raft:  soon\n  Zab:   later</pre>",
		"zab &gt; raft &amp;&amp; 1 &lt; 2", "Limit: at night.", "<code>median(zab.elect_ms)</code></td><td class=\"n\"><b>20</b></td><td class=\"n\">10</td><td class=\"n\">no bound</td><td class=\"n\">4</td>",
		"What it shows.", "data:image/svg&#43;xml;base64,", "Numbers of the figure fig",
		"<dt>voters</dt><dd>3</dd>", "<dt>delay, one way</dt><dd>constant(1ms)</dd>", "<dt>faults</dt><dd>crash of leader at constant(1s)</dd>",
		"2026-01-02 03:04 UTC", "No scenario tests it.", "Not run: other.",
		`<tr id="other">`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "<dt>loss</dt>") {
		t.Error("the page tells a loss of 0")
	}
	claims := string(r.Markdown())
	for _, want := range []string{
		"| [E4](#e4) | **holds with a limit** | [fig](small/figures/fig.svg) | `raftzab run experiments/other.toml`<br>`raftzab run experiments/small.toml --trials 5` | about 2 min<br>2 min | not run<br>none | With a limit: Zab is slow. (small: at night)<br>Not run: other. |\n",
		"by `zab > raft && 1 < 2`; with a limit by `x`; the limit: at night. Each cell has 5 trials or more.\n  * `median(zab.elect_ms)` = 20 [10, no bound] (n = 4)\n",
	} {
		if !strings.Contains(claims, want) {
			t.Errorf("CLAIMS.md lacks %q:\n%s", want, claims)
		}
	}
}

func TestMeasuresAreThoseOfTheSummaryWhereTheDataAreNot(t *testing.T) {
	dir, files := made(t)
	if err := os.Remove(filepath.Join(dir, "small", "trials-sim-raft.csv")); err != nil {
		t.Fatal(err)
	}
	r := read(t, dir, files)
	want := [][]string{{"raft", "sim", "", "3", "elect_ms", "40", "1234.5", "25", "30.25", "9", "censored", "10"}, {"zab", "sim", "", "3", "elect_ms", "5", "0.125", "", "", "", "", "0"}}
	if got := byName(r, "small").measures().Rows; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if page := html(t, r); strings.Contains(page, "does not fit") {
		t.Error("the page says that something does not fit")
	}
}

func TestThePageSaysWhatDoesNotFit(t *testing.T) {
	dir, files := made(t)
	write(t, filepath.Join(dir, "small", "trials-sim-zab.csv"), "")
	if err := os.Remove(filepath.Join(dir, "small", "summary.csv.gz")); err != nil {
		t.Fatal(err)
	}
	page := html(t, read(t, dir, files))
	for _, want := range []string{"trials-sim-zab.csv is not the file that the run wrote", "raftzab plot " + filepath.ToSlash(filepath.Join(dir, "small")) + " makes it"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// A clone has no trials of raft, zab and etcd, so it needs the summaries of all folders.
func TestTheSummariesOfTheCommittedResultsAreOfTheirCells(t *testing.T) {
	r := read(t, "../../results", "../../experiments")
	some, size := false, int64(0)
	for _, s := range r.Ran() {
		if info, err := os.Stat(filepath.Join("../../results", s.Name, "summary.csv.gz")); err == nil {
			some, size = true, size+info.Size()
		}
		for _, m := range s.Summaries {
			if !slices.ContainsFunc(s.Data.Manifest.Cells, func(c results.Cell) bool {
				return c.Mode == m.Mode && c.Case == m.Case && c.System == m.System && slices.Equal(c.Swept, m.Swept) && m.N <= c.Trials && m.Censored <= m.N
			}) {
				t.Errorf("results/%s has a summary of %s %s %s %v over %d trials, and no such cell; run raftzab plot results/%[1]s", s.Name, m.System, m.Mode, m.Case, m.Swept, m.N)
			}
		}
	}
	for _, s := range r.Ran() {
		if some && len(s.Summaries) == 0 {
			t.Errorf("results/%s has no summary; run raftzab plot results/%[1]s where its data are, and commit it", s.Name)
		}
	}
	if most := int64(150_000); size > most {
		t.Errorf("the summaries have %d bytes; keep them below %d", size, most)
	}
}

func TestAScenarioThatHasChangedIsStale(t *testing.T) {
	dir, files := made(t)
	for _, c := range []struct {
		old, new string
		stale    bool
	}{
		{"# Theory says:", "# Theory said:", false},
		{"minutes  = 2", "minutes = 4", false},
		{"seed     = 1", "seed = 2", true},
		{"claims   = [\"R3\", ", "claims   = [\"R1\", ", true},
	} {
		write(t, filepath.Join(files, "small.toml"), strings.Replace(scenario, c.old, c.new, 1))
		r := read(t, dir, files)
		if got := byName(r, "small").Stale; got != c.stale {
			t.Errorf("%s: stale is %v", c.new, got)
		}
		if got := strings.Contains(html(t, r), "of an earlier version"); got != c.stale {
			t.Errorf("%s: the page says so: %v", c.new, got)
		}
	}
}

func TestTheSameResultsGiveTheSameBytes(t *testing.T) {
	dir, files := made(t)
	var again [2]string
	for i := range again {
		r := read(t, dir, files)
		again[i] = html(t, r) + string(r.Markdown())
	}
	if again[0] != again[1] {
		t.Error("the same results give other bytes")
	}
}

func TestThePageOfTheCommittedResultsNeedsNothingElse(t *testing.T) {
	page := html(t, read(t, "../../results", "../../experiments"))
	if found := regexp.MustCompile(`(?i)(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//[^"')\s]*`).FindAllString(page, -1); len(found) > 0 {
		t.Errorf("the page wants %q", found)
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if ids[m[1]] {
			t.Errorf("the id %s stands twice", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !ids[m[1]] {
			t.Errorf("a link goes to #%s, and there is none", m[1])
		}
	}
	if most := 15 << 20; len(page) > most {
		t.Errorf("the page has %d bytes; keep it below %d", len(page), most)
	}
}

func unpack(t *testing.T, page []byte) []byte {
	t.Helper()
	page, err := Unpacked(page)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func TestTheCommittedReportIsThatOfTheResults(t *testing.T) {
	r := read(t, "../../results", "../../experiments")
	if err := r.Replay("../../experiments"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"CLAIMS.md", "report.html"} {
		committed, err := os.ReadFile(filepath.Join("../../results", name))
		if err != nil {
			t.Fatal(err)
		}
		now, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "report.html" {
			committed, now = unpack(t, committed), unpack(t, now)
		}
		if !bytes.Equal(committed, now) {
			t.Errorf("results/%s is not what the results say; run raftzab report", name)
		}
	}
}

func byName(r *Report, name string) *Scenario {
	return r.Scenarios[slices.IndexFunc(r.Scenarios, func(s *Scenario) bool { return s.Name == name })]
}
