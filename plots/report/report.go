// Package report answers what all results together say: of each claim, in
// CLAIMS.md, and on one page with everything that the results hold, report.html. Both
// are made of results folders alone, and the same folders give the same bytes.
package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"raftzab/experiments"
	"raftzab/results"
)

// A Report is what the page tells.
type Report struct {
	Claims    []*Claim
	Scenarios []*Scenario // by name
	Elections []Election  // to walk through
}

// A Scenario is a scenario file, its results, or both.
type Scenario struct {
	Name, Title, Question string
	Claims                []string
	Minutes               float64       // by the file
	Text                  string        // of the run; failing that, of the file
	Stale                 bool          // the file asks for something else by now
	Data                  *results.Data // without rows; nil: it has not been run
	Summaries             []results.Summary
	Figures               []Figure
}

// A Figure is a picture with its caption.
type Figure struct {
	Name, Caption string
	SVG           []byte
	Table         []byte // its numbers as CSV, or nil
}

// Read reads the results in the folders of dir, and the scenario files that there
// are in files.
func Read(dir, files string) (*Report, error) {
	manifests, err := filepath.Glob(filepath.Join(dir, "*", "manifest.json"))
	if err != nil {
		return nil, err
	}
	if len(manifests) == 0 {
		return nil, fmt.Errorf("there is no */manifest.json in %s; run a scenario first: make experiments", dir)
	}
	r := &Report{}
	for _, m := range manifests {
		s, err := withResults(filepath.Dir(m))
		if err != nil {
			return nil, err
		}
		r.Scenarios = append(r.Scenarios, s)
	}
	paths, err := filepath.Glob(filepath.Join(files, "*.toml"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading scenarios: %w", err)
		}
		now := &Scenario{Name: strings.TrimSuffix(filepath.Base(path), ".toml"), Text: string(text)}
		if err := now.head(path); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(r.Scenarios, func(s *Scenario) bool { return s.Name == now.Name })
		if i < 0 {
			r.Scenarios = append(r.Scenarios, now)
			continue
		}
		s := r.Scenarios[i]
		s.Minutes, s.Claims = now.Minutes, now.Claims
		s.Stale = !experiments.Alike([]byte(s.Text), text)
	}
	slices.SortFunc(r.Scenarios, func(a, b *Scenario) int { return strings.Compare(a.Name, b.Name) })
	r.Claims = claims(r.Scenarios)
	return r, nil
}

// withResults reads the results of one scenario, without its trials, which are many and
// need not be there.
func withResults(dir string) (*Scenario, error) {
	d, err := results.Describe(dir)
	if err != nil {
		return nil, err
	}
	d.Warnings = d.Changed(dir)
	s := &Scenario{Name: d.Manifest.Scenario, Text: d.Manifest.Text, Data: d}
	if s.Summaries, err = results.ReadSummaries(dir); errors.Is(err, fs.ErrNotExist) {
		d.Warnings = append(d.Warnings, "the table of what was measured is not here; where the data are, raftzab plot "+filepath.ToSlash(dir)+" makes it")
	} else if err != nil {
		return nil, err
	}
	if err := s.head(filepath.Join(dir, "manifest.json")); err != nil {
		return nil, err
	}
	svgs, err := filepath.Glob(filepath.Join(dir, "figures", "*.svg"))
	if err != nil {
		return nil, err
	}
	for _, path := range svgs {
		stem := strings.TrimSuffix(path, ".svg")
		f := Figure{Name: filepath.Base(stem)}
		if f.SVG, err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("reading figures: %w", err)
		}
		caption, err := os.ReadFile(stem + ".txt")
		if err != nil {
			return nil, fmt.Errorf("reading figures: %w", err)
		}
		f.Caption = strings.TrimSpace(string(caption))
		if f.Table, err = os.ReadFile(stem + ".csv"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading figures: %w", err)
		}
		s.Figures = append(s.Figures, f)
	}
	return s, nil
}

// head takes from the text what a reader is told of a scenario. It is not strict:
// older texts may have keys that there are no more.
func (s *Scenario) head(path string) error {
	var head struct {
		Title, Question string
		Claims          []string
		Minutes         float64
	}
	if _, err := toml.Decode(s.Text, &head); err != nil {
		return fmt.Errorf("%s: the text of the scenario: %w", path, err)
	}
	s.Title, s.Question, s.Claims, s.Minutes = head.Title, head.Question, head.Claims, head.Minutes
	return nil
}

func (s *Scenario) tests(claim string) bool { return slices.Contains(s.Claims, claim) }

// Verdicts are what the run says of its claims.
func (s *Scenario) Verdicts() []results.Verdict {
	if s.Data == nil {
		return nil
	}
	return slices.Concat(s.Data.Manifest.Verdicts, s.Data.Run.Verdicts)
}

// Command is what runs the scenario as it was run.
func (s *Scenario) Command() string {
	command := "raftzab run experiments/" + s.Name + ".toml"
	if s.Data != nil {
		for _, flag := range s.Data.Manifest.Flags {
			command += " " + flag
		}
		if s.Data.Manifest.Shard != "" {
			command += " --shard " + s.Data.Manifest.Shard
		}
	}
	return command
}

// Took says how long the run took, or will take by what the file says; of a run that was
// interrupted nobody knows.
func (s *Scenario) Took() string {
	switch {
	case s.Data != nil && !s.Data.Run.Ended.IsZero() && s.Data.Run.Resumed == nil:
		return minutes(s.Data.Run.Ended.Sub(s.Data.Run.Started).Minutes())
	case s.Minutes > 0:
		return "about " + minutes(s.Minutes)
	}
	return ""
}

// Tolerance says how far another run's numbers may be from these.
func (s *Scenario) Tolerance() string {
	switch {
	case s.Data == nil:
		return "not run"
	case len(s.Data.Run.Files) > 0:
		return "intervals"
	}
	return "none"
}

func minutes(m float64) string {
	if m < 1 {
		return (time.Duration(m*60) * time.Second).String()
	}
	return fmt.Sprintf("%.0f min", m)
}

// Write leaves report.html and CLAIMS.md in dir.
func (r *Report) Write(dir string) error {
	page, err := r.HTML()
	if err == nil {
		page, err = packed(page)
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return &results.UnwritableError{Dir: dir, Err: err}
	}
	for _, f := range []struct {
		name string
		text []byte
	}{{"report.html", page}, {"CLAIMS.md", r.Markdown()}} {
		path := filepath.Join(dir, f.name)
		if err := os.WriteFile(path+".partial", f.text, 0o666); err != nil {
			return &results.UnwritableError{Dir: dir, Err: err}
		}
		if err := os.Rename(path+".partial", path); err != nil {
			return &results.UnwritableError{Dir: dir, Err: err}
		}
	}
	return nil
}
