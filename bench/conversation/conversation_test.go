package conversation

import (
	"slices"
	"strings"
	"testing"

	"raftzab"
)

func TestEveryConversationGoesAsWritten(t *testing.T) {
	for _, protocol := range []string{"raft", "zab"} {
		names := Names(protocol)
		if len(names) < 15 || !slices.Contains(names, "elect") {
			t.Errorf("%s has the conversations %q", protocol, names)
		}
		for _, name := range names {
			if _, wrong := Play(protocol, name); wrong != "" {
				t.Error(wrong)
			}
		}
	}
}

// The story of R4 has three terms: one with a leader, one that is shared out two
// and two, and one that the first timer decides.
func TestWhatServersDoIsCounted(t *testing.T) {
	played, _ := Play("raft", "split-vote")
	if played.Rounds != 3 || played.SplitRounds != 1 || played.Votes != 4+4+4 {
		t.Errorf("%d rounds, %d of them split, %d votes", played.Rounds, played.SplitRounds, played.Votes)
	}
}

func TestAConversationThatGoesOtherwiseIsSeen(t *testing.T) {
	text, err := raftzab.Conversations.ReadFile("raft/testdata/elect.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"1,2,3,4: votes for 5 in term 1", "1,2,3,4: votes for 4 in term 1", "line 19: "},
		{"advance 2s\n----\nok", "advance 2s\n----\n5: elected in term 2", "line 34: "},
		{"advance 2s", "advance 2 s", "line 32: advance 2 s: write for instance"},
		{"advance 2s\n----\nok", "advance 2s", "line 32: what came of it is not asked for"},
		{"ensemble 5\nstatus\n", "", "an answer without a command"},
	} {
		changed := strings.Replace(string(text), c.old, c.new, 1)
		if changed == string(text) {
			t.Fatalf("%q is not in the text", c.old)
		}
		if _, wrong := play("raft", "elect", changed); !strings.Contains(wrong, c.want) {
			t.Errorf("%q: got %q, want %q in it", c.new, wrong, c.want)
		}
	}
	if _, wrong := Play("raft", "nothing"); wrong == "" {
		t.Error("plays what is not there")
	}
}
