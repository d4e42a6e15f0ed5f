package spacetime_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"raftzab/bench/run"
	"raftzab/bench/trace"
	"raftzab/experiments"
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

// A browser shows a page, and keeps what goes wrong in it.
type browser struct {
	*testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string
}

// open shows a page in a headless Chromium. Where there is none, the test is skipped.
func open(t *testing.T, page []byte) *browser {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		t.Skip("no chromium here: apt-get install chromium")
	}
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, page, 0o666); err != nil {
		t.Fatal(err)
	}
	limited, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(stop)
	allocated, stop := chromedp.NewExecAllocator(limited, chromedp.ExecPath(program), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1500, 1150), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	t.Cleanup(stop)
	b := &browser{T: t}
	ctx, stop := chromedp.NewContext(allocated, chromedp.WithListener(b.hear))
	t.Cleanup(stop)
	b.ctx = ctx
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate("file://"+file), chromedp.WaitVisible("section.spacetime svg.plot g.node"))
	return b
}

// hear takes in what a page must not do.
func (b *browser) hear(event any) {
	problem := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		if problem = e.ExceptionDetails.Text; e.ExceptionDetails.Exception != nil {
			problem += " " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		problem = "console." + string(e.Type)
	case *log.EventEntryAdded:
		problem = e.Entry.Text
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "file:") {
			problem = "it asks for " + e.Request.URL
		}
	}
	if problem != "" {
		b.mu.Lock()
		b.problems = append(b.problems, problem)
		b.mu.Unlock()
	}
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

// settled waits until what was asked for is drawn.
func (b *browser) settled() {
	b.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`, chromedp.EvalAwaitPromise)); err != nil {
		b.Fatal(err)
	}
}

// press clicks a button of a diagram, by its name.
func (b *browser) press(name string) {
	b.Helper()
	b.do(chromedp.Click(`section.spacetime button[name="` + name + `"]`))
	b.settled()
}

// read evaluates an expression in which s is the diagram.
func read[T any](b *browser, expression string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](`(s => `+expression+`)(document.querySelector("section.spacetime"))`))
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// number is an attribute of the diagram.
func (b *browser) number(name string) float64 {
	b.Helper()
	x, err := strconv.ParseFloat(read[string](b, "s.dataset."+name), 64)
	if err != nil {
		b.Fatal(err)
	}
	return x
}

// leaders are the nodes of a panel that lead, and may commit, as node:epoch.
func (b *browser) leaders(panel int) []string {
	b.Helper()
	return read[[]string](b, `[...s.querySelectorAll("svg.plot")[`+strconv.Itoa(panel)+`].querySelectorAll("g.node[data-role=leader][data-active=true]")].map(g => g.dataset.node + ":" + g.dataset.epoch)`)
}

// screenshot keeps a picture where -screenshots asks for it.
func (b *browser) screenshot(name string) {
	b.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.Fatal(err)
	}
	if len(png) < 20_000 {
		b.Errorf("the picture %s has %d bytes: there is nothing on it", name, len(png))
	}
	if *screenshots != "" {
		if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o666); err != nil {
			b.Fatal(err)
		}
	}
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
	b := open(t, page.Bytes())
	b.screenshot("whole")

	for panel := range titles {
		old := b.leaders(panel)
		if len(old) != 1 || !strings.HasSuffix(old[0], ":1") {
			t.Fatalf("%s: before the first step %v lead", titles[panel], old)
		}
	}
	gone, steps := false, 0
	for ; !slices.ContainsFunc(b.leaders(0), func(l string) bool { return strings.HasSuffix(l, ":2") }); steps++ {
		if steps == 300 {
			t.Fatal("300 steps, and Raft has no new leader")
		}
		gone = gone || len(b.leaders(0)) == 0
		b.press("forward")
	}
	if !gone {
		t.Error("Raft had a leader all the time")
	}
	if at := b.number("step"); at != float64(steps) {
		t.Errorf("%d times forward, and the diagram is at step %v", steps, at)
	}
	if told := read[string](b, `s.querySelector(".now").textContent`); !strings.Contains(told, "is now the active leader of term 2") {
		t.Errorf("told: %s", told)
	}
	b.screenshot("raft-leads")

	// What the mouse does: a tooltip, a closer look at a phase, the wheel.
	middle := read[[]float64](b, `{ const r = s.querySelector("path.current").getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] }`)
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, middle[0], middle[1]))
	b.settled()
	if tip := read[string](b, `s.querySelector(".tip").hidden ? "" : s.querySelector(".tip").textContent`); !strings.Contains(tip, "AppendEntriesResponse term=2") || !strings.Contains(tip, "received +219.758 ms") {
		t.Errorf("the tooltip says %q", tip)
	}
	b.do(chromedp.Click("svg.plot rect.phase"))
	b.settled()
	closer := b.number("to") - b.number("from")
	read[bool](b, `s.querySelector("svg.plot").dispatchEvent(new WheelEvent("wheel", { deltaY: -200, cancelable: true, clientX: 700 }))`)
	b.settled()
	if nearer := b.number("to") - b.number("from"); closer > 300 || nearer > .8*closer {
		t.Errorf("a phase is shown in %v ms, and with the wheel in %v", closer, nearer)
	}
	b.press("fit")

	b.press("back")
	if len(b.leaders(0)) > 0 {
		t.Errorf("a step back %v lead", b.leaders(0))
	}
	b.do(chromedp.Focus("section.spacetime"), chromedp.KeyEvent(kb.ArrowRight))
	b.settled()
	if len(b.leaders(0)) != 1 {
		t.Errorf("the right arrow leads to %v", b.leaders(0))
	}

	// Zab, turn by turn, looked at closely.
	b.do(chromedp.SetValue("select[name=only]", "1"))
	read[bool](b, `s.querySelector("select[name=only]").dispatchEvent(new Event("change"))`)
	b.press("election")
	if wide := b.number("to") - b.number("from"); wide > 320 {
		t.Errorf("the election is shown in %v ms", wide)
	}
	for turns := 0; !slices.ContainsFunc(b.leaders(1), func(l string) bool { return strings.HasSuffix(l, ":2") }); turns++ {
		if turns == 60 {
			t.Fatal("60 turns, and Zab has no new leader")
		}
		b.press("next")
	}
	b.screenshot("zab-leads")
	for range 5 {
		b.press("in")
	}
	if wide := b.number("to") - b.number("from"); wide > 40 {
		t.Errorf("zoomed in five times, and %v ms are shown", wide)
	}
	b.screenshot("zab-close")

	arrows := func() int { return read[int](b, `s.querySelectorAll("path.messages[data-type=PING]").length`) }
	b.press("fit")
	all := b.number("steps")
	if arrows() == 0 {
		t.Error("there are no PINGs to hide")
	}
	b.do(chromedp.Click(`input[data-type="PING"]`))
	b.settled()
	if arrows() != 0 || b.number("steps") >= all {
		t.Errorf("without PINGs there are %d paths of them, and %v of %v steps", arrows(), b.number("steps"), all)
	}
	b.screenshot("filtered")

	b.mu.Lock()
	defer b.mu.Unlock()
	if b.problems != nil {
		t.Errorf("the browser complains:\n%s", strings.Join(b.problems, "\n"))
	}
}
