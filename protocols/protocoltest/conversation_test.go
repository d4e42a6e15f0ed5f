package protocoltest

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write down what comes out of the conversations")

func TestLanguageConversations(t *testing.T) {
	Converse(t, "testdata", *rewrite, toyProtocol(""))
}

// commands returns the command lines of a conversation.
func commands(t *testing.T, path string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	output := false
	for line := range strings.Lines(string(text)) {
		switch line = strings.TrimSpace(line); {
		case line == "":
			output = false
		case line == "----":
			output = true
		case !output && line[0] != '#':
			lines = append(lines, line)
		}
	}
	return lines
}

// Raft and Zab tell the same story in files of the same name, so that the two
// outputs can be laid side by side.
func TestCommonStoriesHaveTheSameCommands(t *testing.T) {
	for _, name := range []string{"elect", "leader-crash", "old-leader-returns", "one-write", "partition"} {
		raft := commands(t, filepath.Join("../../raft/testdata", name+".txt"))
		zab := commands(t, filepath.Join("../../zab/testdata", name+".txt"))
		if len(raft) == 0 || !slices.Equal(raft, zab) {
			t.Errorf("%s: raft has %q, zab has %q", name, raft, zab)
		}
	}
}

// A command that cannot be carried out says why, or what to write instead.
func TestBadCommandsSayWhatIsWrong(t *testing.T) {
	for line, want := range map[string]string{
		"dance":                  "no such command",
		"ensemble":               "ensemble 5",
		"ensemble many":          "number from 1",
		"ensemble 3 speed=9":     "speed=9 is no option",
		"ensemble 3 delay=9x":    "unknown unit",
		"ensemble 3 learners=99": "from 0 to 15",
		"ensemble 3 delay=-5ms":  "does not go back",
		"ensemble 3 channel=tin": "stream and datagram",
		"history 1: 1 1":         "ensemble 3 stopped",
		"term 1=8":               "ensemble 3 stopped",
		"term 1":                 "term 1=8",
		"boot 1":                 "node 1 is up",
		"compact 1":              "no state yet",
		"duplicate 1->2":         "channel=datagram",
		"reorder 1->2":           "channel=datagram",
		"cut 1":                  "cut 1->2",
		"clock 1":                "clock 2 x1.5",
		"clock 1 -5ms":           "clock 2 x1.5",
		"clock 1 +-5ms":          "does not go back",
		"resume 1":               "not paused",
		"transfer 1":             "transfer @leader 3",
		"transfer 1 2,3":         "one can lead",
		"crash @observer1":       "no @observer1",
		"propose 1 x=7 index":    "no way to propose",
		"propose 1 x=7 as=bob":   "as=bob#1",
		"trace loud":             "trace story",
		"advance":                "advance 150ms",
		"advance 9x":             "unknown unit",
		"crash":                  "which node",
		"crash 4":                "no node",
		"crash 1 all":            "keep=1",
		"crash @down":            "no @down",
		"restart 1":              "node 1 is up",
		"timeout @follower9":     "no @follower9",
		"timeout @followers":     "@follower1",
		"timeout 2":              "waits for nothing",
		"deliver 1":              "deliver 1->2",
		"deliver 2->3":           "nothing is under way",
		"deliver 1->2 none":      "number from 1",
		"propose 1 x":            "propose 1 x=7",
		"propose 1":              "what?",
		"read 1 x=7":             "read 1 x",
		"read 1 x well":          "local, leader",
	} {
		c := newConversation(toyProtocol(""))
		if err := c.command(line); err == nil {
			t.Errorf("%s: accepted before there is an ensemble", line)
			continue
		}
		for _, first := range []string{"ensemble 3", "advance 3ms"} {
			if err := c.command(first); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.command(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q in it", line, err, want)
		}
	}
}
