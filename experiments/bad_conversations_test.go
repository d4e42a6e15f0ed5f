package experiments

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file with conversations only needs no cluster, and may have nothing that would be without effect.
func TestConversationsAreRuns(t *testing.T) {
	const head = "title = \"T\"\nquestion = \"Q?\"\nseed = 1\n"
	const play = "[[run]]\nmode = \"conversation\"\nsystems = [\"raft\"]\ntrials = 1\n"
	for _, c := range []struct{ text, want string }{
		{head + play, ""},
		{head + play + "cases = [\"figure7\"]\n", ""},
		{head + play + "cases = [\"figure9\"]\n", `:8: run[0].cases[0]: raft has no conversation "figure9"; the nearest is figure`},
		{head + play + "cases = [\"elect\", \"elect\"]\n", `:8: run[0].cases[1]: "elect" stands twice; leave one`},
		{head + play + "cases = []\n", `:8: run[0].cases: is empty; name a conversation, or take it out to play all`},
		{head + strings.Replace(play, "= 1", "= 9", 1), `:7: run[0].trials: 9 are too many: a conversation goes the same way each time; write 1`},
		{head + strings.Replace(play, "raft", "etcd", 1), `:6: run[0].systems[0]: etcd does not run in mode "conversation"; write "sim", or leave it out`},
		{head + play + "turns = true\n", `:8: run[0].turns: says nothing of conversations; take it out`},
		{head + play + "[network]\nloss = 0.1\n", `: network: has no effect: conversations say themselves what happens; take it out, or add a [[run]] of another mode`},
		{head + play + "[[case]]\nname = \"a\"\n", `: case: has no effect: conversations say themselves what happens; take it out, or add a [[run]] of another mode`},
		{head + play + "[[run]]\nmode = \"sim\"\nsystems = [\"zab\"]\ntrials = 2\n[cluster]\nvoters = 3\n[sweep]\n\"network.loss\" = [0.1, 0.2]\n", ""},
	} {
		path := filepath.Join(t.TempDir(), "x.toml")
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		scenarios, err := Load([]string{path}, Options{Trials: 7})
		switch {
		case err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s\n%v; want %q in it", c.text, err, c.want)
		case err == nil && c.want != "":
			t.Errorf("%s\npasses; want %q", c.text, c.want)
		case err == nil:
			for _, cell := range scenarios[0].Cells {
				if cell.System == "raft" && cell.Trials != 1 || cell.System == "zab" && cell.Trials != 7 {
					t.Errorf("%v has %d trials", &cell, cell.Trials)
				}
			}
		}
	}
}
