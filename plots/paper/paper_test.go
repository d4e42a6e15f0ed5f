package paper

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"raftzab/plots"
	"raftzab/results"
)

// folder leaves invented results of elections with a cell whose times are known,
// and names that LaTeX would misread.
func folder(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	f, err := results.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := results.Manifest{Scenario: name, Text: "title = \"50 % of #1 & more\"\nquestion = \"How {long}, in $?\"", Seed: 1, Commit: "0123456789abcdef"}
	m.Verdicts = []results.Verdict{{Claim: "E4", Says: "a_b is < 5 %", Verdict: results.Limited, Limit: "only with check_quorum", Rule: "median(elect_ms, system = \"zab\") > 1",
		Numbers: []results.Deciding{{Of: "median(elect_ms)", Value: 40, N: 6, Interval: &[2]results.Number{10, results.None}}}, Repeat: results.Bytes}}
	swept := []string{"raft.check_quorum"}
	w, err := f.Trials("sim", "raft", swept)
	if err != nil {
		t.Fatal(err)
	}
	position := 0
	for _, on := range []string{"true", "false"} {
		c := results.Cell{Mode: "sim", Case: "crash & burn", System: "raft", Trials: 7, Swept: []results.Setting{{Key: swept[0], Value: on}}, Notes: []string{"it is 100 % _new_"}}
		c.Settings = json.RawMessage(`{"Cluster":{"Voters":5},"Network":{"Delay":"uniform(4ms, 6ms)"},"Observe":"30s","Faults":[{"Kind":"crash","Target":"leader"}],"Probe":{"Interval":"2ms"}}`)
		m.Cells = append(m.Cells, c)
		for i, ms := range []results.Number{10, 20, 30, 40, 50, 60, results.None} {
			for _, probed := range []bool{false, true} {
				row := results.NewTrial()
				row.Scenario, row.Case, row.Mode, row.System, row.Swept, row.Trial, row.Seed, row.Probed, row.Outcome = name, c.Case, "sim", "raft", c.Swept, i, 1, probed, results.OK
				if row.ElectMS = ms; i == 6 {
					row.Outcome = results.Censored
				}
				if probed {
					row.ElectMS, row.OutageMS = ms+1000, ms+100
				}
				if err := w.Put(position, row); err != nil {
					t.Fatal(err)
				}
				position++
			}
		}
	}
	if err := f.Finish(m, results.Run{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// figure leaves a figure in a folder, in these formats.
func figure(t *testing.T, dir, name, caption string, files ...string) {
	t.Helper()
	into := filepath.Join(dir, "figures")
	if err := os.MkdirAll(into, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(into, name+".txt"), []byte(caption), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, ending := range files {
		if err := os.WriteFile(filepath.Join(into, name+"."+ending), drawn(t, ending), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// drawn is a figure of other invented results, in a format.
func drawn(t *testing.T, format string) []byte {
	t.Helper()
	dir := unswept(t)
	if _, err := plots.All(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "figures", "election-latency."+format))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// unswept leaves results that have distributions.
func unswept(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	f, err := results.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	w, err := f.Trials("sim", "raft", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		row := results.NewTrial()
		row.Case, row.Mode, row.System, row.Trial, row.Outcome, row.ElectMS = "a_b & 50 %", "sim", "raft", i, results.OK, results.Number(100+10*i)
		if err := w.Put(i, row); err != nil {
			t.Fatal(err)
		}
	}
	m := results.Manifest{Cells: []results.Cell{{Mode: "sim", Case: "a_b & 50 %", System: "raft", Settings: json.RawMessage(`{}`)}}}
	if err := f.Finish(m, results.Run{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %s in\n%s", part, text)
		}
	}
}

// Six elections of 10 to 60 ms and one without end: the median is 40, whatever
// clients saw in other trials.
func TestNumbersAreThoseOfTheTrials(t *testing.T) {
	dir, out := folder(t, "some"), t.TempDir()
	if without, err := Write([]string{dir}, out); err != nil || len(without) > 0 {
		t.Fatal(without, err)
	}
	const cell = `\raftzabset{some/crash - burn, raft.check_quorum=true/raft/`
	contains(t, read(t, out, "numbers", "some.tex"), cell+`elect_ms/n}{7}`, cell+`elect_ms/censored}{1}`, cell+`elect_ms/median}{40}`, cell+`elect_ms/mean}{censored}`,
		cell+`outage_ms/median}{140}`, cell+`outage_ms/n}{7}`)
	contains(t, read(t, out, "medians.tex"), "\\textbf{raft} crash \\& burn,\\allowbreak{} raft.check\\_\\allowbreak{}quorum=true} \\\\*\nelect\\_ms & 7 & 1 & 40 [")
	if tail := "elect_ms/p95}"; strings.Contains(read(t, out, "numbers", "some.tex"), tail) {
		t.Error("seven trials have a 95th percentile")
	}
}

func TestClaimsCarryVerdictRuleAndNumbers(t *testing.T) {
	out := t.TempDir()
	if _, err := Write([]string{folder(t, "some")}, out); err != nil {
		t.Fatal(err)
	}
	contains(t, read(t, out, "claims.tex"), `E4 & some & a\_b is \textless{} 5 \% \textbf{holds with a limit}: only with check\_quorum.`,
		`\textquotedbl{}zab\textquotedbl{}`, `= 40 [10, no bound] (n = 6)`)
	contains(t, read(t, out, "figures.tex"), `\section{50 \% of \#1 \& more}`, `How \{long\}, in \$?`)
}

func TestFiguresAreOfPGFOrElseOfPNGInTheSameSize(t *testing.T) {
	dir, out := folder(t, "some"), t.TempDir()
	figure(t, dir, "with", "A & b. C.", "png", "pgf")
	figure(t, dir, "without", "A.", "png")
	if _, err := Write([]string{dir}, out); err != nil {
		t.Fatal(err)
	}
	contains(t, read(t, out, "figures.tex"), `{\figurefont\input{figures/some-with.pgf}}`, `\caption{A \& b. C.}\label{fig:some-with}`,
		`\includegraphics[width=3.33in]{figures/some-without.png}`, "\\begin{figure}\n")
	for _, name := range []string{"some-with.pgf", "some-without.png"} {
		if read(t, out, "figures", name) == "" {
			t.Errorf("%s is empty", name)
		}
	}
}

// What is below the figure ends with a sentence, and the rest goes to the notes.
func TestLongCaptionsArePartedBetweenSentences(t *testing.T) {
	long := "Seen in D. Ongaro's figure. " + strings.Repeat("x", 500) + ". Settings."
	if first, rest := split(long); first != "Seen in D. Ongaro's figure." || !strings.HasPrefix(rest, "xxx") {
		t.Errorf("%q and %q", first, rest)
	}
	if first, rest := split("One only."); first != "One only." || rest != "" {
		t.Errorf("%q and %q", first, rest)
	}
	if first, rest := split("One. Two. Three."); first != "One. Two. Three." || rest != "" {
		t.Errorf("%q and %q", first, rest)
	}
}

func TestDataThatAreNotKeptAreSaidToBeMissing(t *testing.T) {
	dir, out := folder(t, "some"), t.TempDir()
	if err := os.Remove(filepath.Join(dir, results.TrialsName("sim", "raft"))); err != nil {
		t.Fatal(err)
	}
	without, err := Write([]string{dir}, out)
	if err != nil || len(without) != 1 || !strings.Contains(without[0], "the numbers of some") {
		t.Fatal(without, err)
	}
	contains(t, read(t, out, "claims.tex"), "E4 & some")
}

func TestNumbersHaveFourDigitsThatCount(t *testing.T) {
	for x, want := range map[float64]string{169.94: "169.9", 12345.6: "12346", 0.0041234: "0.004123", 2: "2", 0: "0", 100: "100", 0.5: "0.5"} {
		if got := number(x, "-"); got != want {
			t.Errorf("%v is written %s, not %s", x, got, want)
		}
	}
}

func TestTheDocumentIsTypeset(t *testing.T) {
	if _, err := exec.LookPath("pdflatex"); err != nil {
		t.Skip("pdflatex is not here")
	}
	dir, out := folder(t, "some"), t.TempDir()
	figure(t, dir, "with", "A & b_c, 50 % of #1, \\x {y} ~z ^ \"q\" <1> |. C.", "png", "pgf")
	figure(t, dir, "without", "A.", "png")
	if _, err := Write([]string{dir}, out); err != nil {
		t.Fatal(err)
	}
	typeset := func() (string, error) {
		c := exec.Command("pdflatex", "-interaction=nonstopmode", "-halt-on-error", Document)
		c.Dir = out
		said, err := c.CombinedOutput()
		return string(said), err
	}
	if said, err := typeset(); err != nil || !strings.Contains(said, "Output written on raftzab.pdf") {
		t.Fatalf("%v\n%s", err, said)
	}
	uses := strings.Replace(read(t, out, Document), `\input{figures}`, `Raft needs \raftzab{some}{crash - burn, raft.check_quorum=true}{raft}{elect_ms}{median} ms.`, 1)
	for text, want := range map[string]bool{uses: true, strings.Replace(uses, "{median} ms.", "{medium} ms.", 1): false} {
		if err := os.WriteFile(filepath.Join(out, Document), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if said, err := typeset(); (err == nil) != want || !want && !strings.Contains(said, "There is no number") {
			t.Errorf("typeset %v\n%s", err, said)
		}
	}
}
