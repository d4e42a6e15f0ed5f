// Command bugs hunts every bug of the zoo: it plants one after the other, lets
// the unmodified swarm look for it from several seeds, and prints who caught it
// and after how many seeds. It exits 1 if one got away.
//
//	go run ./bench/swarm/bugs [-hunts 5] [-only PATTERN]
package main

import (
	"encoding/json"
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
	flags.Parse(os.Args[1:])
	if *inside != "" {
		json.NewEncoder(os.Stdout).Encode(hunt(*inside, *from))
		return
	}
	pattern, err := regexp.Compile(*only)
	if err == nil {
		err = all(os.Stdout, pattern, *hunts)
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
}

// all hunts the bugs, each in a program that has it.
func all(w io.Writer, pattern *regexp.Regexp, hunts int) error {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("looking for go.mod: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(out)))
	dir, err := os.MkdirTemp("", "bugs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintln(w, "| bug | what it does | caught by | seeds, median | most |\n|---|---|---|---|---|")
	escaped := 0
	for _, b := range swarm.Bugs() {
		if !pattern.MatchString(b.Name) {
			continue
		}
		overlay, err := b.Overlay(dir, root)
		if err != nil {
			return err
		}
		program := filepath.Join(dir, b.Name)
		build := exec.Command("go", "build", "-overlay", overlay, "-o", program, "./bench/swarm/bugs")
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("bug %s does not compile: %w\n%s", b.Name, err, out)
		}
		var caught []prey
		for i := range hunts {
			var p prey
			out, err := exec.Command(program, "-inside", b.Name, "-from", fmt.Sprint(1+i*1_000_000)).Output()
			if err == nil {
				err = json.Unmarshal(out, &p)
			}
			if err != nil {
				return fmt.Errorf("bug %s: hunt %d: %w", b.Name, i+1, err)
			}
			if p.Others > 0 {
				fmt.Fprintf(os.Stderr, "%s: %d seeds broke in another way\n", b.Name, p.Others)
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
		fmt.Fprintf(w, "| %s | %s | %s, and it got away %d times | | over %d |\n", b.Name, b.Breaks, strings.Join(by, ", "), len(hunts)-len(seeds), b.Within)
		return false
	}
	if len(seeds) > 0 {
		fmt.Fprintf(w, "| %s | %s | %s | %d | %d |\n", b.Name, b.Breaks, strings.Join(by, ", "), seeds[len(seeds)/2], seeds[len(seeds)-1])
	}
	return true
}

// hunt runs the swarm from a seed on until something marks the bug of a name.
func hunt(name string, from uint64) (p prey) {
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
				return p
			}
			if by != "" {
				p.Others++
			}
		}
	}
	return p
}
