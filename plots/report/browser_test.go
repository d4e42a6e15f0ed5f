package report

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var screenshots = flag.String("screenshots", "", "keep pictures of the page in this `folder`")

// A browser shows a page, and keeps what goes wrong in it.
type browser struct {
	*testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string
}

// open shows a page in a headless Chromium. Where there is none, the test is skipped.
func open(t *testing.T, page string) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium here: apt-get install chromium")
	}
	path := filepath.Join(t.TempDir(), "report.html")
	write(t, path, page)
	limited, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(stop)
	allocated, stop := chromedp.NewExecAllocator(limited, chromedp.ExecPath(program), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1400, 1000), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	t.Cleanup(stop)
	b := &browser{T: t}
	ctx, stop := chromedp.NewContext(allocated, chromedp.WithListener(b.hear))
	t.Cleanup(stop)
	b.ctx = ctx
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate("file://"+path), chromedp.WaitVisible(chromedp.CSS("h1")))
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
		if !strings.HasPrefix(e.Request.URL, "file:") && !strings.HasPrefix(e.Request.URL, "data:") {
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

// evaluate returns what a script comes to, once all before it is drawn.
func evaluate[T any](b *browser, script string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](`new Promise((done, fail) => requestAnimationFrame(() => requestAnimationFrame(() => {
		try { done((() => { `+script+` })()) } catch (e) { fail(e) } })))`, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// screenshot keeps a picture of what is seen where -screenshots asks for it.
func (b *browser) screenshot(name string) {
	b.Helper()
	if *screenshots == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o666); err != nil {
		b.Fatal(err)
	}
}

// to goes where a link of the page leads.
func (b *browser) to(id string) {
	b.Helper()
	if top := evaluate[float64](b, `document.documentElement.style.scrollBehavior = "auto";
		document.querySelector('a[href="#`+id+`"]').click(); return document.getElementById("`+id+`").getBoundingClientRect().top`); top < -1 || top > 1000 {
		b.Errorf("after a click on a link to #%s it is %v pixels from the top", id, top)
	}
	b.screenshot(id)
}

func TestAReaderWalksThroughThePage(t *testing.T) {
	r := read(t, "../../results", "../../experiments")
	if err := r.Replay("../../experiments"); err != nil {
		t.Fatal(err)
	}
	b := open(t, html(t, r))
	b.screenshot("top")

	// From the table of claims to a claim, and from there to its scenario.
	judged := r.Claims[slices.IndexFunc(r.Claims, func(c *Claim) bool { return len(c.Parts) > 0 })]
	b.to(judged.ID)
	b.to(judged.Parts[0].Scenario)
	with := r.Scenarios[slices.IndexFunc(r.Scenarios, func(s *Scenario) bool { return len(s.Figures) > 0 && s.tests(judged.ID) })]
	b.to(with.Name + "-" + with.Figures[0].Name)
	if broken := evaluate[int](b, `return [...document.images].filter(i => !i.naturalWidth).length`); broken > 0 {
		t.Errorf("%d pictures are not shown", broken)
	}

	// Cells by wall time, up and down.
	const column = `[...document.querySelector("details.table table").tHead.rows[0].cells].findIndex(c => c.textContent === "seconds")`
	b.to(with.Name)
	for _, c := range []struct{ name, order string }{{"sorted", "ascending"}, {"sorted-again", "descending"}} {
		wrong := evaluate[string](b, `const details = document.querySelector("details.table"); details.open = true;
			const table = details.querySelector("table"), column = `+column+`, head = table.tHead.rows[0].cells[column];
			head.querySelector("button").click(); details.scrollIntoView();
			const seconds = [...table.tBodies[0].rows].map(row => parseFloat(row.cells[column].textContent));
			const sorted = seconds.toSorted((a, b) => "`+c.order+`" === "ascending" ? a - b : b - a);
			return head.getAttribute("aria-sort") !== "`+c.order+`" ? "sorted " + head.getAttribute("aria-sort") :
				seconds.length < 2 || String(seconds) !== String(sorted) ? "the order is " + seconds : ""`)
		if wrong != "" {
			t.Errorf("%s: %s", c.name, wrong)
		}
		b.screenshot(c.name)
	}
	left := evaluate[[]int](b, `const rows = document.querySelector("details.table table").tBodies[0].rows, filter = document.querySelector("details.table .filter");
		filter.value = rows[0].cells[0].textContent + " " + rows[0].cells[2].textContent; filter.dispatchEvent(new Event("input"));
		return [rows.length, [...rows].filter(r => !r.hidden).length]`)
	if left[1] == 0 || left[1] >= left[0] {
		t.Errorf("filtered, %d of %d rows are left", left[1], left[0])
	}

	// Through an election, until Raft and Zab have a new leader each.
	b.to("elections")
	evaluate[bool](b, `for (let i = 0; i < 400; i++) document.querySelector("section.spacetime button[name=next]").click(); return true`)
	leaders := evaluate[[]string](b, `return [...document.querySelector("section.spacetime").querySelectorAll("svg.plot")].map(p => [...p.querySelectorAll("g.node[data-role=leader][data-active=true]")].map(g => g.dataset.epoch).join())`)
	if !slices.Equal(leaders, []string{"2", "2"}) {
		t.Errorf("at the end of the diagram leaders are of term and epoch %q; want the second", leaders)
	}
	b.screenshot("elections-end")

	b.mu.Lock()
	defer b.mu.Unlock()
	if b.problems != nil {
		t.Errorf("the browser complains:\n%s", strings.Join(b.problems, "\n"))
	}
}
