package main

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"raftzab/experiments"
)

// Pages show commands in fences, and between backquotes, and scenarios to save
// under a name; the help shows commands indented; the Makefile calls $(BIN).
var (
	fence    = regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```")
	fenced   = regexp.MustCompile(`(?m)^(?:\$ )?(?:(?:\./)?bin/|go run \./cmd/)?(raftzab .*)$`)
	quoted   = regexp.MustCompile("`(?:bin/|go run \\./cmd/)?(raftzab [^`\n]*)`")
	helped   = regexp.MustCompile(`(?m)^  (raftzab .*)$`)
	made     = regexp.MustCompile(`\$\(BIN\) ([a-z].*)`)
	saved    = regexp.MustCompile("(?s)as `([a-z-]+\\.toml)`:\n\n```toml\n(.*?)```")
	behind   = regexp.MustCompile(`\s+(#|&&|\|).*|   .*`)
	argument = regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`)
)

func TestEveryCommandThatAPageShowsIsOne(t *testing.T) {
	t.Chdir(root(t))
	total := 0
	for _, page := range []string{"README.md", "ARCHITECTURE.md", "experiments/README.md", "results/README.md"} {
		text := read(t, filepath.FromSlash(page))
		folder := t.TempDir()
		for _, m := range saved.FindAllSubmatch(text, -1) {
			file(t, filepath.Join(folder, string(m[1])), string(m[2]))
		}
		for _, block := range fence.FindAllSubmatch(text, -1) {
			for _, m := range fenced.FindAllSubmatch(block[1], -1) {
				total++
				understand(t, page, string(m[1]), folder)
			}
		}
		for _, m := range quoted.FindAllSubmatch(text, -1) {
			total++
			if words := strings.Fields(string(m[1])); len(words) == 2 { // what a command is called, without arguments
				if c, _, err := command().Find(words[1:]); err != nil || !c.HasParent() {
					t.Errorf("%s: `%s`: there is no such command", page, m[1])
				}
			} else {
				understand(t, page, string(m[1]), folder)
			}
		}
	}
	for _, c := range append(command().Commands(), command()) {
		for _, m := range helped.FindAllStringSubmatch(c.Long, -1) {
			total++
			understand(t, c.CommandPath()+" --help", m[1], "")
		}
	}
	for _, m := range made.FindAllSubmatch(read(t, "Makefile"), -1) {
		total++
		understand(t, "Makefile", "raftzab "+strings.NewReplacer("$(SEEDS)", "1", "$(TIER)", "quick", "$(OUT)", "results").Replace(string(m[1])), "")
	}
	if total < 10 {
		t.Errorf("found %d commands only: the patterns are wrong", total)
	}
}

func understand(t *testing.T, where, line, folder string) {
	t.Helper()
	if err := understood(line, folder); err != nil {
		t.Errorf("%s: %s: %v", where, line, err)
	}
}

// understood goes as far as a command goes before it runs anything: its name,
// flags and number of arguments, and its scenarios with what flags do to them.
// FILE stands for a scenario and DIR for a folder; what the page lets the reader
// save is in folder.
func understood(line, folder string) error {
	line = behind.ReplaceAllString(line, "")
	var words []string
	for _, word := range argument.FindAllString(line, -1)[1:] {
		words = append(words, strings.Trim(word, `'"`))
	}
	root := command()
	root.InitDefaultHelpFlag()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(words...)
	c, rest, err := root.Find(words)
	if err != nil {
		return err
	}
	c.InitDefaultHelpFlag()
	if err := c.ParseFlags(rest); err != nil {
		return err
	}
	args := c.Flags().Args()
	if err := c.ValidateArgs(args); err != nil {
		return err
	}
	files := slices.DeleteFunc(slices.Clone(args), func(name string) bool { return path.Ext(name) != ".toml" })
	if slices.Contains(args, "FILE") || c.Name() != "run" && c.Name() != "check" && c.Name() != "replay" {
		files = append(files, "experiments/election-latency.toml")
	}
	if len(files) == 0 {
		return nil
	}
	if all, err := filepath.Glob(files[0]); err == nil && len(all) > 1 { // the shell does so
		files = all
	}
	for i, name := range files {
		if there := filepath.Join(folder, name); folder != "" && path.Dir(name) == "." {
			files[i] = there
		}
	}
	_, err = experiments.Load(files, optionsOf(c))
	return err
}

func optionsOf(c *cobra.Command) (o experiments.Options) {
	o.Set, _ = c.Flags().GetStringArray("set")
	o.Case, _ = c.Flags().GetString("case")
	o.Mode, _ = c.Flags().GetString("mode")
	o.Tier, _ = c.Flags().GetString("tier")
	o.Systems, _ = c.Flags().GetStringSlice("systems")
	if system, err := c.Flags().GetString("system"); err == nil {
		o.Systems = strings.Split(system, ",")
	}
	return o
}

func TestACommandThatIsNoneIsSeen(t *testing.T) {
	t.Chdir(root(t))
	const scenario = "experiments/election-latency.toml"
	for line, ok := range map[string]bool{
		"raftzab run " + scenario + " --set network.loss=0.05 --out DIR":                true,
		"raftzab run " + scenario + " --set 'network.delay=uniform(1ms, 2ms)'   # slow": true,
		"raftzab check FILE && echo right":                                              true,
		"raftzab replay --swarm 4711 --system raft":                                     true,
		"raftzab help run":                                                true,
		"raftzab rum " + scenario:                                         false,
		"raftzab run":                                                     false,
		"raftzab run " + scenario + " --jobz 2":                           false,
		"raftzab run experiments/elections.toml":                          false,
		"raftzab run " + scenario + " --case x":                           false,
		"raftzab run " + scenario + " --set network.los=0.05":             false,
		"raftzab replay " + scenario + " --system rafft":                  false,
		fmt.Sprintf("raftzab check %s --set 'network.loss=2'", scenario):  false,
		fmt.Sprintf("raftzab swarm -n many # %s is not looked at", "all"): false,
	} {
		if err := understood(line, ""); (err == nil) != ok {
			t.Errorf("%s: %v", line, err)
		}
	}
}
