package report

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"raftzab/results"
)

var (
	//go:embed page.html
	page string
	//go:embed style.css
	style string
	//go:embed script.js
	script string
)

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"style":   func() template.CSS { return template.CSS(style) },
	"script":  func() template.JS { return template.JS(script) },
	"slug":    func(verdict string) string { return strings.ReplaceAll(verdict, " ", "-") },
	"mark":    func(verdict string) string { return marks[verdict] },
	"trim":    strings.TrimSpace,
	"picture": picture,
	"value":   func(x results.Number) string { return decided(x, "censored") },
	"bound":   func(x results.Number) string { return decided(x, "no bound") },
}).Parse(page))

// marks tell verdicts apart where there are no colours.
var marks = map[string]string{results.Holds: "✓", results.Limited: "◐", results.Refuted: "✗", results.NotMeasured: "○"}

// picture keeps an SVG apart from the page, so that names within it cannot meet
// those of another.
func picture(svg []byte) template.URL {
	return template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(svg))
}

// HTML returns the page, with all that it needs in it.
func (r *Report) HTML() ([]byte, error) {
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, r)
	return b.Bytes(), err
}

// A Tally is how many claims have a verdict.
type Tally struct {
	Verdict string
	N       int
}

// Tallies counts the claims by verdict.
func (r *Report) Tallies() (all []Tally) {
	for _, v := range []string{results.Holds, results.Limited, results.Refuted, results.NotMeasured} {
		t := Tally{Verdict: v}
		for _, c := range r.Claims {
			if c.Verdict == v {
				t.N++
			}
		}
		all = append(all, t)
	}
	return all
}

// A Group is the claims about one thing.
type Group struct {
	Title  string
	Claims []*Claim
}

// Groups puts claims of a group together.
func (r *Report) Groups() (all []Group) {
	for _, c := range r.Claims {
		if n := len(all); n == 0 || all[n-1].Title != c.Group() {
			all = append(all, Group{Title: c.Group()})
		}
		g := &all[len(all)-1]
		g.Claims = append(g.Claims, c)
	}
	return all
}

// Ran are the scenarios that have results.
func (r *Report) Ran() []*Scenario {
	return slices.DeleteFunc(slices.Clone(r.Scenarios), func(s *Scenario) bool { return s.Data == nil })
}

// NotRun are those that have none.
func (r *Report) NotRun() []*Scenario {
	return slices.DeleteFunc(slices.Clone(r.Scenarios), func(s *Scenario) bool { return s.Data != nil })
}

// Of returns the verdict of a claim.
func (r *Report) Of(id string) string {
	for _, c := range r.Claims {
		if c.ID == id {
			return c.Verdict
		}
	}
	return results.NotMeasured
}

// Trials is how many rows of data there are in all.
func (r *Report) Trials() string {
	n := 0
	for _, s := range r.Ran() {
		for _, f := range s.Files() {
			if strings.HasPrefix(f.Name, "trials-") {
				n += f.Rows
			}
		}
	}
	return commas(n)
}

func commas(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Machines are those that the results come from.
func (r *Report) Machines() (all []string) {
	for _, s := range r.Ran() {
		if m := s.Machine(); !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}

// Commits are those that the results come from.
func (r *Report) Commits() (all []string) {
	for _, s := range r.Ran() {
		if c := s.Commit(); !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return all
}

// Commit is that of the program which ran the scenario.
func (s *Scenario) Commit() string {
	c := s.Data.Manifest.Commit
	return c[:min(12, len(c))]
}

// Machine is what the scenario ran on.
func (s *Scenario) Machine() string {
	m := s.Data.Run.Machine
	return fmt.Sprintf("%s, %d cores, %s/%s, kernel %s", m.CPU, m.Cores, m.OS, m.Arch, m.Kernel)
}

// Day is when the run began.
func (s *Scenario) Day() string { return s.Data.Run.Started.UTC().Format("2006-01-02 15:04 UTC") }

// Versions are those of the libraries, and of what live systems ran on.
func (s *Scenario) Versions() (all []string) {
	all = append(all, s.Data.Run.Go)
	for _, v := range []struct{ of, is string }{{"Java ", s.Data.Run.Java}, {"ZooKeeper ", s.Data.Run.ZooKeeper}} {
		if v.is != "" {
			all = append(all, v.of+v.is)
		}
	}
	for _, module := range slices.Sorted(maps.Keys(s.Data.Manifest.Versions)) {
		all = append(all, module+" "+s.Data.Manifest.Versions[module])
	}
	return all
}

// Files are the data files of the run, those too that are not here.
func (s *Scenario) Files() []results.File { return s.Data.Files() }

// Notes say where a system was treated differently from the others.
func (s *Scenario) Notes() (all []string) {
	for _, c := range s.Data.Manifest.Cells {
		for _, n := range c.Notes {
			if text := c.System + " (" + c.Mode + "): " + n; !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return all
}

// A Block is a paragraph of the comment at the head of a scenario, or lines that
// stand as they are.
type Block struct {
	As   bool
	Text string
}

// About is what the file says at its head of what it asks and expects.
func (s *Scenario) About() (all []Block) {
	open := false
	for line := range strings.Lines(s.Text) {
		text, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "#")
		if !ok {
			break
		}
		text = strings.TrimPrefix(text, " ")
		as := strings.HasPrefix(text, "  ")
		switch {
		case strings.TrimSpace(text) == "":
			open = false
		case open && all[len(all)-1].As == as:
			separator := " "
			if as {
				separator = "\n"
			}
			all[len(all)-1].Text += separator + text
		default:
			all, open = append(all, Block{as, text}), true
		}
	}
	return all
}
