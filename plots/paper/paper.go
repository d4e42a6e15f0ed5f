// Package paper answers how results look in print: it makes a LaTeX document of
// all figures with their captions, of what the data say of each claim, and of the
// medians; and the numbers as macros, so that a text need not repeat them by hand.
package paper

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"raftzab/plots"
	"raftzab/results"
)

// Document is the name of the file that LaTeX is to be given.
const Document = "raftzab.tex"

//go:embed paper.tex
var document []byte

//go:embed references.bib
var references []byte

// Write writes the document of some folders of results into out, and says what
// it had to go without. The same folders give the same bytes.
func Write(dirs []string, out string) (without []string, err error) {
	w := writer{out: out}
	for _, folder := range []string{"figures", "numbers"} {
		if err := os.MkdirAll(filepath.Join(out, folder), 0o777); err != nil {
			return nil, fmt.Errorf("cannot write the paper: %w", err)
		}
	}
	w.medians.WriteString(explained)
	w.claims.WriteString("\\begin{longtable}{@{}ll>{\\raggedright\\arraybackslash}p{5.1in}@{}}\nclaim & scenario & what the data say \\\\ \\hline\n\\endhead\n")
	for _, dir := range dirs {
		if err := w.scenario(dir); err != nil {
			return nil, err
		}
	}
	w.claims.WriteString("\\end{longtable}\n")
	for name, text := range map[string][]byte{Document: document, "references.bib": references, "numbers.tex": []byte(access), "figures.tex": w.figures.Bytes(),
		"claims.tex": w.claims.Bytes(), "medians.tex": w.medians.Bytes(), "notes.tex": w.notes.Bytes()} {
		if err := w.file(name, text); err != nil {
			return nil, err
		}
	}
	return w.without, nil
}

// A writer gathers the parts of the document.
type writer struct {
	out                             string
	figures, claims, medians, notes bytes.Buffer
	without                         []string
}

func (w *writer) file(name string, text []byte) error {
	if err := os.WriteFile(filepath.Join(w.out, name), text, 0o666); err != nil {
		return fmt.Errorf("cannot write the paper: %w", err)
	}
	return nil
}

// scenario adds what a folder has: its figures as they lie there, drawn before,
// and its numbers, if the data they are made of are there.
func (w *writer) scenario(dir string) error {
	d, err := results.Load(dir)
	missing := errors.Is(err, fs.ErrNotExist) && d != nil
	if err != nil && !missing {
		return err
	}
	name := filepath.Base(dir)
	var said struct{ Title, Question string }
	if _, err := toml.Decode(d.Manifest.Text, &said); err != nil || said.Title == "" {
		said.Title = name
	}
	fmt.Fprintf(&w.figures, "\\section{%s}\n%s\n\n", plots.EscapeTeX(said.Title), plots.EscapeTeX(said.Question))
	if err := w.pictures(name, dir); err != nil {
		return err
	}
	for _, v := range append(slices.Clone(d.Manifest.Verdicts), d.Run.Verdicts...) {
		w.verdict(name, &v)
	}
	if missing {
		w.without = append(w.without, fmt.Sprintf("the numbers of %s, and its figures as PGF unless they were drawn before: %v", name, err))
		return nil
	}
	return w.measures(name, d)
}

// pictures takes in the figures of a folder: as PGF, or as PNG where that is all
// there is.
func (w *writer) pictures(scenario, dir string) error {
	captions, err := filepath.Glob(filepath.Join(dir, "figures", "*.txt"))
	if err != nil {
		return err
	}
	if len(captions) > 0 {
		w.figures.WriteString("\\nopagebreak\n\n") // what was asked stands above the first answer
	}
	for _, path := range captions {
		base := strings.TrimSuffix(path, ".txt")
		caption, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("reading figures: %w", err)
		}
		picture, err := os.ReadFile(base + ".png")
		if err != nil {
			return fmt.Errorf("reading figures: %w", err)
		}
		size, err := png.DecodeConfig(bytes.NewReader(picture))
		if err != nil {
			return fmt.Errorf("%s.png: %w", base, err)
		}
		inches := float64(size.Width) / plots.DPI
		name := scenario + "-" + filepath.Base(base)
		show := fmt.Sprintf(`\includegraphics[width=%.2fin]{figures/%s.png}`, inches, name)
		ending := ".png"
		if pgf, err := os.ReadFile(base + ".pgf"); err == nil {
			picture, ending, show = pgf, ".pgf", fmt.Sprintf(`{\figurefont\input{figures/%s.pgf}}`, name)
		}
		if err := w.file(filepath.Join("figures", name+ending), picture); err != nil {
			return err
		}
		first, rest := split(strings.TrimSpace(string(caption)))
		fmt.Fprintf(&w.figures, "\\begin{figure}\n\\centering\n%s\n\\caption{%s}\\label{fig:%s}\n\\end{figure}\n\n", show, plots.EscapeTeX(first), name)
		if rest != "" {
			fmt.Fprintf(&w.notes, "\\paragraph{Figure~\\ref{fig:%s}.} %s\n\n", name, plots.EscapeTeX(rest))
		}
	}
	return nil
}

// sentence ends at a stop, but not at that of an initial.
var sentence = regexp.MustCompile(`[^A-Z .]\. `)

// split parts a caption into what goes below the figure, its first sentences,
// and the rest, which no page has room for.
func split(caption string) (first, rest string) {
	const room = 450
	if len(caption) <= room {
		return caption, ""
	}
	end := len(caption)
	for i, at := range sentence.FindAllStringIndex(caption, -1) {
		if i == 0 || at[1] <= room {
			end = at[1]
		}
	}
	return strings.TrimSpace(caption[:end]), caption[end:]
}

// verdict adds a row to the table of claims.
func (w *writer) verdict(scenario string, v *results.Verdict) {
	fmt.Fprintf(&w.claims, `%s & %s & %s \textbf{%s}`, plots.EscapeTeX(v.Claim), plots.EscapeTeX(scenario), plots.EscapeTeX(v.Says), plots.EscapeTeX(v.Verdict))
	for _, s := range []string{v.Limit, v.Reason} {
		if s != "" {
			w.claims.WriteString(": " + plots.EscapeTeX(s))
		}
	}
	fmt.Fprintf(&w.claims, `.\newline\footnotesize Rule: \texttt{%s}.`, code(v.Rule))
	for _, n := range v.Numbers { // each in a row, between which a page may end
		fmt.Fprintf(&w.claims, " \\\\\n& & \\footnotesize \\texttt{%s} = %s", code(n.Of), number(float64(n.Value), "censored"))
		if n.Interval != nil {
			fmt.Fprintf(&w.claims, " [%s, %s]", number(float64(n.Interval[0]), "no bound"), number(float64(n.Interval[1]), "no bound"))
		}
		fmt.Fprintf(&w.claims, " (n = %d)", n.N)
	}
	w.claims.WriteString(" \\\\[3pt]\n")
}

// code is an expression that may break at its operators and commas.
func code(s string) string {
	s = plots.EscapeTeX(strings.Join(strings.Fields(s), " "))
	return strings.NewReplacer(`\_`, `\_\allowbreak{}`, "(", `(\allowbreak{}`, ",", `,\allowbreak{}`, "/", `/\allowbreak{}`).Replace(s)
}
