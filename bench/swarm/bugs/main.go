// Command bugs hunts every bug of the zoo: it plants one after the other, lets
// the unmodified swarm look for it from several seeds, and prints who caught it
// and after how many seeds. It exits 1 if one got away. With -shrink it also
// reduces the first catch of each bug to a story, and with -replay it shows such a
// story in a program that has the bug.
//
//	go run ./bench/swarm/bugs [-hunts 5] [-only PATTERN] [-shrink DIR]
//	go run ./bench/swarm/bugs -only NAME -replay FILE
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"raftzab/bench/swarm"
)

func main() {
	flags := flag.NewFlagSet("bugs", flag.ExitOnError)
	hunts := flags.Int("hunts", 5, "hunts of each bug, from seeds of their own")
	only := flags.String("only", "", "hunt only bugs whose names match this regular expression")
	inside := flags.String("inside", "", "used by the command itself: hunt in this binary, from seed -from on, for the bug of this name")
	from := flags.Uint64("from", 1, "with -inside: the first seed")
	shrink := flags.String("shrink", "", "reduce the first catch of each bug to a story, in this folder")
	replay := flags.String("replay", "", "show this story in a program that has the bug of -only")
	flags.Parse(os.Args[1:])
	if *inside != "" {
		json.NewEncoder(os.Stdout).Encode(hunt(*inside, *from, *shrink))
		return
	}
	pattern, err := regexp.Compile("^(?:" + *only + ")")
	switch {
	case err != nil:
	case *replay != "":
		err = show(pattern, *replay)
	default:
		err = all(os.Stdout, pattern, *hunts, *shrink)
	}
	var exit *exec.ExitError
	if *replay != "" && errors.As(err, &exit) { // it has told why itself
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A prey is how one hunt ended.
type prey struct {
	Seeds  int    // tried; the last of them caught it
	By     string // what caught it; empty: nothing did
	Others int    // seeds in which something broke that is no mark of this bug
	Shrunk string // how small it got, where that was asked for
}

// all hunts the bugs, each in a program that has it.
func all(w io.Writer, pattern *regexp.Regexp, hunts int, stories string) error {
	root, dir, err := places()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintln(w, "| bug | caught by | seeds, median | most | rule that it breaks |\n|---|---|---|---|---|")
	escaped := 0
	for _, b := range swarm.Bugs() {
		if !pattern.MatchString(b.Name) {
			continue
		}
		if test := b.Test(); test != "" {
			caught, err := try(&b, root, dir)
			if err != nil {
				return err
			}
			if !caught {
				test += " passes with it"
				escaped++
			}
			fmt.Fprintf(w, "| %s | %s |  |  | %s |\n", b.Name, test, b.Source)
			continue
		}
		program, err := plant(&b, root, dir, "./bench/swarm/bugs")
		if err != nil {
			return err
		}
		var caught []prey
		for i := range hunts {
			args := []string{"-inside", b.Name, "-from", fmt.Sprint(1 + i*1_000_000)}
			if i == 0 && stories != "" {
				args = append(args, "-shrink", stories)
			}
			var p prey
			out, err := exec.Command(program, args...).Output()
			if err == nil {
				err = json.Unmarshal(out, &p)
			}
			if err != nil {
				return fmt.Errorf("bug %s: hunt %d: %w", b.Name, i+1, err)
			}
			if p.Others > 0 {
				fmt.Fprintf(os.Stderr, "%s: %d seeds broke in another way\n", b.Name, p.Others)
			}
			if p.Shrunk != "" {
				fmt.Fprintf(os.Stderr, "%s: %s\n", b.Name, p.Shrunk)
			}
			caught = append(caught, p)
		}
		if !report(w, &b, caught) {
			escaped++
		}
	}
	if escaped > 0 {
		return fmt.Errorf("%d bugs got away", escaped)
	}
	return nil
}

// places returns the root of the repository and a folder to build in.
func places() (root, dir string, err error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", "", fmt.Errorf("looking for go.mod: %w", err)
	}
	dir, err = os.MkdirTemp("", "bugs")
	return filepath.Dir(strings.TrimSpace(string(out))), dir, err
}

// plant builds a program that has the bug.
func plant(b *swarm.Bug, root, dir, pkg string) (program string, err error) {
	overlay, err := b.Overlay(dir, root)
	if err != nil {
		return "", err
	}
	program = filepath.Join(dir, b.Name)
	build := exec.Command("go", "build", "-overlay", overlay, "-o", program, pkg)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("bug %s does not compile: %w\n%s", b.Name, err, out)
	}
	return program, nil
}

// try reports whether the bug's test fails with it.
func try(b *swarm.Bug, root, dir string) (bool, error) {
	overlay, err := b.Overlay(dir, root)
	if err != nil {
		return false, err
	}
	test := exec.Command("go", "test", "-overlay", overlay, "-run", "^"+b.Test()+"$", "./"+b.Protocol)
	test.Dir = root
	out, err := test.CombinedOutput()
	caught := strings.Contains(string(out), "--- FAIL: "+b.Test())
	if err != nil && !caught {
		return false, fmt.Errorf("bug %s: %w\n%s", b.Name, err, out)
	}
	return caught, nil
}

// show replays a story with the one bug that the pattern names.
func show(pattern *regexp.Regexp, story string) error {
	bugs := slices.DeleteFunc(swarm.Bugs(), func(b swarm.Bug) bool { return !pattern.MatchString(b.Name) })
	if len(bugs) != 1 {
		return fmt.Errorf("-only names %d bugs; with -replay it must be one", len(bugs))
	}
	root, dir, err := places()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := plant(&bugs[0], root, dir, "./cmd/raftzab")
	if err != nil {
		return err
	}
	replay := exec.Command(program, "replay", story)
	replay.Stdout, replay.Stderr = os.Stdout, os.Stderr
	return replay.Run()
}

// report prints a bug's line, and says whether every hunt caught it.
func report(w io.Writer, b *swarm.Bug, hunts []prey) bool {
	var seeds []int
	count := map[string]int{}
	for _, p := range hunts {
		if p.By != "" {
			seeds = append(seeds, p.Seeds)
			count[p.By]++
		}
	}
	slices.Sort(seeds)
	var by []string
	for _, name := range b.Caught {
		if count[name] > 0 {
			by = append(by, fmt.Sprintf("%s (%d)", name, count[name]))
		}
	}
	if len(seeds) < len(hunts) {
		fmt.Fprintf(w, "| %s | %s, and it got away %d times |  | over %d | %s |\n", b.Name, strings.Join(by, ", "), len(hunts)-len(seeds), b.Within, b.Source)
		return false
	}
	if len(seeds) > 0 {
		fmt.Fprintf(w, "| %s | %s | %d | %d | %s |\n", b.Name, strings.Join(by, ", "), seeds[len(seeds)/2], seeds[len(seeds)-1], b.Source)
	}
	return true
}

// hunt runs the swarm from a seed on until something marks the bug of a name.
func hunt(name string, from uint64, stories string) (p prey) {
	bugs := swarm.Bugs()
	i := slices.IndexFunc(bugs, func(b swarm.Bug) bool { return b.Name == name })
	if i < 0 {
		panic("no bug " + name)
	}
	b := &bugs[i]
	found := make([]string, 4*runtime.GOMAXPROCS(0)) // by seed: a few at a time, so that the first one counts
	for p.Seeds < b.Within {
		found = found[:min(len(found), b.Within-p.Seeds)]
		var wait sync.WaitGroup
		for k := range found {
			seed := from + uint64(p.Seeds+k)
			wait.Go(func() { found[k] = swarm.CaughtBy(swarm.Run(b.Protocol, seed, nil)) })
		}
		wait.Wait()
		for _, by := range found {
			p.Seeds++
			if slices.Contains(b.Caught, by) {
				p.By = by
				if stories != "" {
					p.Shrunk = shrink(b, from+uint64(p.Seeds-1), stories)
				}
				return p
			}
			if by != "" {
				p.Others++
			}
		}
	}
	return p
}

// shrink reduces the run of a seed and leaves the story, and says how small it got.
func shrink(b *swarm.Bug, seed uint64, stories string) string {
	file := filepath.Join(stories, b.Name+".toml")
	story, _ := swarm.Record(b.Protocol, seed)
	x := swarm.Shrink(story, swarm.DefaultWork, nil)
	if err := os.MkdirAll(stories, 0o755); err != nil {
		return err.Error()
	}
	comment := x.Comment(seed, "go run ./bench/swarm/bugs -only "+b.Name+" -replay "+filepath.Base(file))
	if err := os.WriteFile(file, x.Story.Encode("With the bug "+b.Name+": "+b.Breaks+".\n\n"+comment), 0o644); err != nil {
		return err.Error()
	}
	return x.String()
}
