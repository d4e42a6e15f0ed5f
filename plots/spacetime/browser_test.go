package spacetime_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"raftzab/bench/run"
	"raftzab/bench/trace"
	"raftzab/experiments"
	"raftzab/plots/browser"
	"raftzab/plots/spacetime"
)

// elections are those of Raft and of Zab on one seed, each cut to its window.
func elections(t *testing.T) (titles []string, traces []*trace.Trace) {
	t.Helper()
	for _, system := range []string{"raft", "zab"} {
		scenarios, err := experiments.Load([]string{filepath.FromSlash("../../experiments/election-latency.toml")},
			experiments.Options{Systems: []string{system}, Mode: "sim", Case: "crash"})
		if err != nil {
			t.Fatal(err)
		}
		x, broken, err := run.Record(&scenarios[0].Cells[0], 12, false)
		if err != nil || broken != nil {
			t.Fatal(err, broken)
		}
		titles, traces = append(titles, system), append(traces, x)
	}
	return titles, trace.CutElections(300_000_000, 300_000_000, traces...)
}

// press clicks a button of a diagram, by its name.
func press(b *browser.Page, name string) {
	b.Helper()
	b.Do(chromedp.Click(`section.spacetime button[name="` + name + `"]`))
}

// read evaluates an expression in which s is the diagram.
func read[T any](b *browser.Page, expression string) T {
	b.Helper()
	return browser.Evaluate[T](b, `return (s => `+expression+`)(document.querySelector("section.spacetime"))`)
}

// number is an attribute of the diagram.
func number(b *browser.Page, name string) float64 {
	b.Helper()
	x, err := strconv.ParseFloat(read[string](b, "s.dataset."+name), 64)
	if err != nil {
		b.Fatal(err)
	}
	return x
}

// leaders are the nodes of a panel that lead, and may commit, as node:epoch.
func leaders(b *browser.Page, panel int) []string {
	b.Helper()
	return read[[]string](b, `[...s.querySelectorAll("svg.plot")[`+strconv.Itoa(panel)+`].querySelectorAll("g.node[data-role=leader][data-active=true]")].map(g => g.dataset.node + ":" + g.dataset.epoch)`)
}

// The walk of a student through an election of Raft and one of Zab.
func TestAnElectionCanBeWalkedThrough(t *testing.T) {
	titles, traces := elections(t)
	var page bytes.Buffer
	if err := spacetime.Page(&page, "Two elections", titles, traces); err != nil {
		t.Fatal(err)
	}
	if page.Len() > 500_000 {
		t.Errorf("the page has %d bytes", page.Len())
	}
	b := browser.Open(t, page.Bytes(), 1500, 1150, "section.spacetime svg.plot g.node")
	b.Screenshot("whole")

	for panel := range titles {
		old := leaders(b, panel)
		if len(old) != 1 || !strings.HasSuffix(old[0], ":1") {
			t.Fatalf("%s: before the first step %v lead", titles[panel], old)
		}
	}
	gone, steps := false, 0
	for ; !slices.ContainsFunc(leaders(b, 0), func(l string) bool { return strings.HasSuffix(l, ":2") }); steps++ {
		if steps == 300 {
			t.Fatal("300 steps, and Raft has no new leader")
		}
		gone = gone || len(leaders(b, 0)) == 0
		press(b, "forward")
	}
	if !gone {
		t.Error("Raft had a leader all the time")
	}
	if at := number(b, "step"); at != float64(steps) {
		t.Errorf("%d times forward, and the diagram is at step %v", steps, at)
	}
	if told := read[string](b, `s.querySelector(".now").textContent`); !strings.Contains(told, "is now the active leader of term 2") {
		t.Errorf("told: %s", told)
	}
	b.Screenshot("raft-leads")

	// What the mouse does: a tooltip, a closer look at a phase, the wheel.
	middle := read[[]float64](b, `{ const r = s.querySelector("path.current").getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] }`)
	b.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, middle[0], middle[1]))
	if tip := read[string](b, `s.querySelector(".tip").hidden ? "" : s.querySelector(".tip").textContent`); !strings.Contains(tip, "AppendEntriesResponse term=2") || !strings.Contains(tip, "received +219.758 ms") {
		t.Errorf("the tooltip says %q", tip)
	}
	b.Do(chromedp.Click("svg.plot rect.phase"))
	closer := number(b, "to") - number(b, "from")
	read[bool](b, `s.querySelector("svg.plot").dispatchEvent(new WheelEvent("wheel", { deltaY: -200, cancelable: true, clientX: 700 }))`)
	if nearer := number(b, "to") - number(b, "from"); closer > 300 || nearer > .8*closer {
		t.Errorf("a phase is shown in %v ms, and with the wheel in %v", closer, nearer)
	}
	press(b, "fit")

	press(b, "back")
	if len(leaders(b, 0)) > 0 {
		t.Errorf("a step back %v lead", leaders(b, 0))
	}
	b.Do(chromedp.Focus("section.spacetime"), chromedp.KeyEvent(kb.ArrowRight))
	if len(leaders(b, 0)) != 1 {
		t.Errorf("the right arrow leads to %v", leaders(b, 0))
	}

	// Zab, turn by turn, looked at closely.
	b.Do(chromedp.SetValue("select[name=only]", "1"))
	read[bool](b, `s.querySelector("select[name=only]").dispatchEvent(new Event("change"))`)
	press(b, "election")
	if wide := number(b, "to") - number(b, "from"); wide > 320 {
		t.Errorf("the election is shown in %v ms", wide)
	}
	for turns := 0; !slices.ContainsFunc(leaders(b, 1), func(l string) bool { return strings.HasSuffix(l, ":2") }); turns++ {
		if turns == 60 {
			t.Fatal("60 turns, and Zab has no new leader")
		}
		press(b, "next")
	}
	b.Screenshot("zab-leads")
	for range 5 {
		press(b, "in")
	}
	if wide := number(b, "to") - number(b, "from"); wide > 40 {
		t.Errorf("zoomed in five times, and %v ms are shown", wide)
	}
	b.Screenshot("zab-close")

	arrows := func() int { return read[int](b, `s.querySelectorAll("path.messages[data-type=PING]").length`) }
	press(b, "fit")
	all := number(b, "steps")
	if arrows() == 0 {
		t.Error("there are no PINGs to hide")
	}
	b.Do(chromedp.Click(`input[data-type="PING"]`))
	if arrows() != 0 || number(b, "steps") >= all {
		t.Errorf("without PINGs there are %d paths of them, and %v of %v steps", arrows(), number(b, "steps"), all)
	}
	b.Screenshot("filtered")

	b.Sound()
}
