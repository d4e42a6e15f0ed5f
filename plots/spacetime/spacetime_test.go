package spacetime_test

import (
	"bytes"
	"flag"
	"regexp"
	"strings"
	"testing"

	"raftzab/bench/trace"
	"raftzab/plots/spacetime"
)

var screenshots = flag.String("screenshots", "", "keep pictures of what the browser shows in this `folder`")

func TestADiagramAsksNobodyForAnything(t *testing.T) {
	titles, traces := elections(t)
	var a, b bytes.Buffer
	for _, out := range []*bytes.Buffer{&a, &b} {
		if err := spacetime.Fragment(out, titles, traces); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same traces give another diagram")
	}
	text := strings.ReplaceAll(a.String(), "http://www.w3.org/2000/svg", "") // a name, which nobody fetches
	if m := regexp.MustCompile(`(?i)https?:|src=|href=|@import|url\((&quot;|['"])?[^#'"]`).FindString(text); m != "" {
		t.Errorf("it refers to %q", m)
	}
}

func TestWhatATraceSaysIsNoMarkup(t *testing.T) {
	x := &trace.Trace{Header: trace.Header{Voters: 1}}
	x.Add(&trace.Event{Kind: trace.Boot, Node: 1, Text: "</script><b>bold"})
	var out bytes.Buffer
	if err := spacetime.Fragment(&out, []string{"<i>"}, []*trace.Trace{x}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "<b>") || strings.Contains(out.String(), "<i>") || strings.Count(out.String(), "</script>") != 2 {
		t.Error(out.String()[:400])
	}
}

func TestEachTraceNeedsATitle(t *testing.T) {
	if err := spacetime.Fragment(&bytes.Buffer{}, []string{"raft", "zab"}, []*trace.Trace{{}}); err == nil || !strings.Contains(err.Error(), "2 titles for 1 traces") {
		t.Error(err)
	}
}
