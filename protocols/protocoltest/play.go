package protocoltest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"raftzab/protocols"
)

// A Played is what came of playing a conversation.
type Played struct {
	Text string // the conversation, with what the protocol answered in the place of what it says was answered

	// What the servers did, in all its ensembles.
	Rounds      int // rounds of voting that somebody began
	SplitRounds int // those that nobody won
	Votes       int // that were cast, changed ones included
}

// Play plays a conversation. An error is a command that cannot be carried out, or a
// breach of the contract, and says in which line.
func Play[M protocols.Message](text string, p Protocol[M]) (played Played, err error) {
	c := newConversation(p)
	var b strings.Builder
	n, answer, open := 0, false, 0 // in an answer; the command that waits for its own
	for line := range strings.Lines(text) {
		n++
		words := strings.TrimSpace(line)
		switch {
		case answer && words != "": // what it was
			continue
		case words == "", words[0] == '#':
			answer = false
		case words == "----":
			if open == 0 {
				return played, fmt.Errorf("line %d: an answer without a command", n)
			}
			answer, open = true, 0
			if line += c.print.take(); line == "----\n" {
				line += "ok\n"
			}
		default:
			open = n
			if err := caught(func() error { return c.command(words) }); err != nil {
				return played, fmt.Errorf("line %d: %s: %w", n, words, err)
			}
		}
		b.WriteString(line)
	}
	if open > 0 {
		return played, fmt.Errorf("line %d: what came of it is not asked for; write ---- below", open)
	}
	err = caught(func() error { c.end(); return nil })
	c.tally.Text = b.String()
	return c.tally, err
}

// Differ says where two texts differ first; empty: nowhere.
func Differ(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		switch {
		case i >= len(g):
			return fmt.Sprintf("line %d: %q does not come", i+1, w[i])
		case i >= len(w):
			return fmt.Sprintf("line %d: %q comes on top", i+1, g[i])
		case g[i] != w[i]:
			return fmt.Sprintf("line %d: %q comes in the place of %q", i+1, g[i], w[i])
		}
	}
	return ""
}

// Converse plays the conversations in a folder, each in a test of its own, T being
// *testing.T, and compares what comes out with what they say, or writes it down instead.
func Converse[M protocols.Message, T interface {
	Error(...any)
	Fatal(...any)
	Run(string, func(T)) bool
}](t T, folder string, rewrite bool, p Protocol[M]) {
	files, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("no conversation in ", folder, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			played, err := Play(string(text), p)
			if err != nil {
				t.Fatal(fmt.Errorf("%s: %w", file, err))
			}
			if rewrite {
				err = os.WriteFile(file, []byte(played.Text), 0o644)
			} else if d := Differ(played.Text, string(text)); d != "" {
				t.Error(file + ": " + d + "; all of it:\n" + played.Text)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
