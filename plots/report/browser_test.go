package report

import (
	"slices"
	"testing"

	"raftzab/plots/browser"
)

// to goes where a link of the page leads.
func to(b *browser.Page, id string) {
	b.Helper()
	if top := browser.Evaluate[float64](b, `document.documentElement.style.scrollBehavior = "auto";
		document.querySelector('a[href="#`+id+`"]').click(); return document.getElementById("`+id+`").getBoundingClientRect().top`); top < -1 || top > 1000 {
		b.Errorf("after a click on a link to #%s it is %v pixels from the top", id, top)
	}
	b.Screenshot(id)
}

func TestAReaderWalksThroughThePage(t *testing.T) {
	r := read(t, "../../results", "../../experiments")
	if err := r.Replay("../../experiments"); err != nil {
		t.Fatal(err)
	}
	page, err := packed([]byte(html(t, r)))
	if err != nil {
		t.Fatal(err)
	}
	b := browser.Open(t, page, 1400, 1000, "h1")
	b.Screenshot("top")

	// From the table of claims to a claim, and from there to its scenario.
	judged := r.Claims[slices.IndexFunc(r.Claims, func(c *Claim) bool { return len(c.Parts) > 0 })]
	to(b, judged.ID)
	to(b, judged.Parts[0].Scenario)
	with := r.Scenarios[slices.IndexFunc(r.Scenarios, func(s *Scenario) bool { return len(s.Figures) > 0 && s.tests(judged.ID) })]
	to(b, with.Name+"-"+with.Figures[0].Name)
	if broken := browser.Evaluate[int](b, `return [...document.images].filter(i => !i.naturalWidth).length`); broken > 0 {
		t.Errorf("%d pictures are not shown", broken)
	}

	// Cells by wall time, up and down.
	const column = `[...document.querySelector("details.table table").tHead.rows[0].cells].findIndex(c => c.textContent === "seconds")`
	to(b, with.Name)
	for _, c := range []struct{ name, order string }{{"sorted", "ascending"}, {"sorted-again", "descending"}} {
		wrong := browser.Evaluate[string](b, `const details = document.querySelector("details.table"); details.open = true;
			const table = details.querySelector("table"), column = `+column+`, head = table.tHead.rows[0].cells[column];
			head.querySelector("button").click(); details.scrollIntoView();
			const seconds = [...table.tBodies[0].rows].map(row => parseFloat(row.cells[column].textContent));
			const sorted = seconds.toSorted((a, b) => "`+c.order+`" === "ascending" ? a - b : b - a);
			return head.getAttribute("aria-sort") !== "`+c.order+`" ? "sorted " + head.getAttribute("aria-sort") :
				seconds.length < 2 || String(seconds) !== String(sorted) ? "the order is " + seconds : ""`)
		if wrong != "" {
			t.Errorf("%s: %s", c.name, wrong)
		}
		b.Screenshot(c.name)
	}
	left := browser.Evaluate[[]int](b, `const rows = document.querySelector("details.table table").tBodies[0].rows, filter = document.querySelector("details.table .filter");
		filter.value = rows[0].cells[0].textContent + " " + rows[0].cells[2].textContent; filter.dispatchEvent(new Event("input"));
		return [rows.length, [...rows].filter(r => !r.hidden).length]`)
	if left[1] == 0 || left[1] >= left[0] {
		t.Errorf("filtered, %d of %d rows are left", left[1], left[0])
	}

	// Through an election, until Raft and Zab have a new leader each.
	to(b, "elections")
	browser.Evaluate[bool](b, `for (let i = 0; i < 400; i++) document.querySelector("section.spacetime button[name=next]").click(); return true`)
	leaders := browser.Evaluate[[]string](b, `return [...document.querySelector("section.spacetime").querySelectorAll("svg.plot")].map(p => [...p.querySelectorAll("g.node[data-role=leader][data-active=true]")].map(g => g.dataset.epoch).join())`)
	if !slices.Equal(leaders, []string{"2", "2"}) {
		t.Errorf("at the end of the diagram leaders are of term and epoch %q; want the second", leaders)
	}
	b.Screenshot("elections-end")

	b.Sound()
}
