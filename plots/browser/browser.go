// Package browser shows tests what a reader sees of a page, in a headless Chromium.
package browser

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var screenshots = flag.String("screenshots", "", "keep pictures of what the browser shows in this `folder`")

// A Page is what a browser shows, with what goes wrong in it.
type Page struct {
	*testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string
}

// Open shows a page in a window of so many pixels, and returns when what the CSS
// selector ready says is to be seen. Where there is no Chromium the test is skipped.
func Open(t *testing.T, html []byte, width, height int, ready string) *Page {
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
	if err := os.WriteFile(file, html, 0o666); err != nil {
		t.Fatal(err)
	}
	limited, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(stop)
	allocated, stop := chromedp.NewExecAllocator(limited, chromedp.ExecPath(program), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(width, height), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	t.Cleanup(stop)
	p := &Page{T: t}
	ctx, stop := chromedp.NewContext(allocated, chromedp.WithListener(p.hear))
	t.Cleanup(stop)
	p.ctx = ctx
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	p.Do(chromedp.Navigate("file://"+file), chromedp.WaitVisible(chromedp.CSS(ready)))
	return p
}

// hear takes in what a page must not do.
func (p *Page) hear(event any) {
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
		p.mu.Lock()
		p.problems = append(p.problems, problem)
		p.mu.Unlock()
	}
}

// Sound fails the test if the page has thrown or logged anything, or asked for more
// than its own file.
func (p *Page) Sound() {
	p.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.problems != nil {
		p.Errorf("the browser complains:\n%s", strings.Join(p.problems, "\n"))
	}
}

// Do takes steps in the page.
func (p *Page) Do(steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.Fatal(err)
	}
}

// Evaluate returns what the body of a function in JavaScript returns, once all before
// it is drawn.
func Evaluate[T any](p *Page, body string) T {
	p.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](`new Promise((done, fail) => requestAnimationFrame(() => requestAnimationFrame(() => {
		try { done((() => { `+body+` })()) } catch (e) { fail(e) } })))`, chromedp.EvalAwaitPromise))
	if err != nil {
		p.Fatal(err)
	}
	return v
}

// Screenshot demands that something is to be seen, and keeps a picture of it where
// -screenshots asks for that.
func (p *Page) Screenshot(name string) {
	p.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.Fatal(err)
	}
	if len(png) < 20_000 {
		p.Errorf("the picture %s has %d bytes: there is nothing on it", name, len(png))
	}
	if *screenshots != "" {
		if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o666); err != nil {
			p.Fatal(err)
		}
	}
}
