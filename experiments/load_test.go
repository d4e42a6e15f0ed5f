package experiments

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// least is the smallest scenario; tests add to it and take from it.
const least = `title = "t"
question = "q?"
seed = 1
[[run]]
mode = "sim"
systems = ["raft"]
trials = 10
[cluster]
voters = 5
`

// write puts a scenario into a folder of its own and goes there, so that
// messages have short names.
func write(t *testing.T, text string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("x.toml", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return "x.toml"
}

func load(t *testing.T, text string, o Options) *Scenario {
	t.Helper()
	ss, err := Load([]string{write(t, text)}, o)
	if err != nil {
		t.Fatal(err)
	}
	return ss[0]
}

func TestBadInput(t *testing.T) {
	for _, c := range []struct {
		name, add string // to least, which has 9 lines
		want      string
	}{
		{"unknown key", "[raft]\nhartbeat = \"5ms\"\n", ``},
		{"unknown section", "[netwrok]\ndelay = \"5ms\"\n", ``},
		{"verdict", "[[verdict]]\nclaim = \"R3\"\n", ``},
		{"a key in the wrong section", "delay = \"5ms\"\n", ``},
		{"top-level key after a header", "warmup = \"5ms\"\n", ``},
		{"unknown key in a fault", "[[fault]]\nat=\"2s\"\nkind=\"crash\"\ntargt = \"leader\"\ntarget = \"leader\"\n", ``},
		{"unknown key in a case", "[[case]]\nname = \"a\"\n\"network.los\" = 0.1\n", ``},
		{"unknown key in a sweep", "[sweep]\n\"fault[0].knd\" = [1]\n", ``},
		{"bad duration", "[probe]\ninterval = \"3 s\"\n", ``},
		{"bad duration 2", "[probe]\ninterval = \"soon\"\n", ``},
		{"no unit", "[probe]\ninterval = 1\n", ``},
		{"negative duration", "[probe]\ninterval = \"-1s\"\n", ``},
		{"century", "[probe]\ninterval = \"876000h\"\n", ``},
		{"zero timeout", "[raft]\nelection_timeout = \"0s-1s\"\n", ``},
		{"range upside down", "[raft]\nelection_timeout = \"300ms-150ms\"\n", ``},
		{"no range", "[raft]\nelection_timeout = \"300ms\"\n", ``},
		{"dist upside down", "[network]\ndelay = \"uniform(6ms, 4ms)\"\n", ``},
		{"dist", "[network]\ndelay = \"unifrom(6ms, 4ms)\"\n", ``},
		{"notification", "[zab]\nmax_notification_interval = \"1ms\"\n", ``},
		{"prob over 1", "[network]\nloss = 1.5\n", ``},
		{"prob 1", "[network]\nloss = 1\n", ``},
		{"prob text", "[network]\nloss = \"5%\"\n", ``},
		{"nan", "[network]\nloss = nan\n", ``},
		{"negative count", "[zab]\nsync_limit = -1\n", ``},
		{"fraction", "[zab]\nsync_limit = 1.5\n", ``},
		{"restart running", "[[fault]]\nat = \"2s\"\nkind = \"restart\"\ntarget = \"node:1\"\n", ``},
		{"restart leader", "[[fault]]\nat = \"2s\"\nkind = \"restart\"\ntarget = \"leader\"\n", ``},
		{"crash down", "[[fault]]\nat = \"2s\"\nkind = \"crash\"\ntarget = \"node:1\"\n[[fault]]\nat = \"3s\"\nkind = \"power-off\"\ntarget = \"node:1\"\n", ``},
		{"crash pause", "[[fault]]\nat = \"2s\"\nkind = \"pause\"\nfor = \"2s\"\ntarget = \"node:1\"\n[[fault]]\nat = \"3s\"\nkind = \"crash\"\ntarget = \"node:1\"\n", ``},
		{"pause crash", "[[fault]]\nat = \"2s\"\nkind = \"crash\"\nfor = \"2s\"\ntarget = \"node:1\"\n[[fault]]\nat = \"3s\"\nkind = \"pause\"\ntarget = \"node:1\"\n", ``},
		{"order by chance", "[[fault]]\nat = \"uniform(2s, 4s)\"\nkind = \"crash\"\ntarget = \"node:1\"\n[[fault]]\nat = \"3s\"\nkind = \"restart\"\ntarget = \"node:1\"\n", ``},
		{"heal nothing", "[[fault]]\nat = \"2s\"\nkind = \"heal\"\n", ``},
		{"at before warmup", "[[fault]]\nat = \"500ms\"\nkind = \"crash\"\ntarget = \"leader\"\n", ``},
		{"at past limit", "[[fault]]\nat = \"61s\"\nkind = \"crash\"\ntarget = \"leader\"\n", ``},
		{"at endless", "[[fault]]\nat = \"pareto(2s, 2)\"\nkind = \"crash\"\ntarget = \"leader\"\n", ``},
		{"no such node", "[[fault]]\nat = \"2s\"\nkind = \"crash\"\ntarget = \"node:9\"\n", ``},
		{"no such target", "[[fault]]\nat = \"2s\"\nkind = \"crash\"\ntarget = \"leeder\"\n", ``},
		{"no such kind", "[[fault]]\nat = \"2s\"\nkind = \"poweroff\"\ntarget = \"leader\"\n", ``},
		{"missing", "[[fault]]\nkind = \"crash\"\n", ``},
		{"missing target", "[[fault]]\nat=\"2s\"\nkind = \"crash\"\n", ``},
		{"foreign parameter", "[[fault]]\nat=\"2s\"\nkind = \"crash\"\ntarget = \"leader\"\ngroups = [[1],[2]]\n", ``},
		{"for restart", "[[fault]]\nat=\"2s\"\nkind = \"crash\"\ntarget = \"leader\"\nfor = \"0s\"\n", ``},
		{"groups", "[[fault]]\nat=\"2s\"\nkind = \"partition\"\ngroups = [[1,2],[2,7],[]]\n", ``},
		{"groups all", "[[fault]]\nat=\"2s\"\nkind = \"partition\"\ngroups = [[1,2,3,4,5]]\n", ``},
		{"cut itself", "[[fault]]\nat=\"2s\"\nkind = \"cut\"\nfrom = \"node:1\"\nto = \"node:1\"\n", ``},
		{"link nothing", "[[fault]]\nat=\"2s\"\nkind = \"link\"\nfrom = \"node:1\"\n", ``},
		{"links", "[[link]]\nfrom = [1]\nto = [1]\n", ``},
		{"links2", "[[link]]\nfrom = [0]\nto = [9]\nloss = 0.1", ``},
		{"unsupported", "[raft]\nheartbeat = \"200ms\"", ``},
		{"empty sweep", "[sweep]\n", ``},
		{"empty list sweep", "[sweep]\n\"network.loss\" = []\n", ``},
		{"no list sweep", "[sweep]\n\"network.loss\" = 0.5\n", ``},
		{"sweep dup", "[sweep]\n\"network.loss\" = [0, 0.0]\n", ``},
		{"sweep bad value", "[sweep]\n\"network.loss\" = [0, \n3]\n", ``},
		{"sweep section", "[sweep]\n\"network\" = [1]\n", ``},
		{"sweep title", "[sweep]\n\"title\" = [\"a\"]\n", ``},
		{"sweep index", "[sweep]\n\"fault[0].kind\" = [\"crash\"]\n", ``},
		{"huge sweep", "[sweep]\n\"cluster.voters\" = [1,2,3,4,5,6,7,8,9,10,11]\n\"raft.heartbeat\" = [\"1ms\",\"2ms\",\"3ms\",\"4ms\",\"5ms\",\"6ms\",\"7ms\",\"8ms\",\"9ms\",\"10ms\"]\n\"zab.sync_limit\"=[1,2,3,4,5,6,7,8,9,10]\n\"zab.init_limit\"=[1,2,3,4,5,6,7,8,9,10]\n", ``},
		{"case dup", "[[case]]\nname=\"a\"\n[[case]]\nname=\"a\"\n[[case]]\n", ``},
		{"second run", "[[run]]\nmode = \"sim\"\nsystems = [\"raft\"]\ntrials = 0\n", ``},
		{"same cell", "[[run]]\nmode = \"sim\"\nsystems = [\"raft\"]\ntrials = 1\n", ``},
		{"systems", "[[run]]\nmode = \"sin\"\nsystems = [\"rafft\"]\ntrials = 1\n", ``},
		{"systems2", "[[run]]\nmode = \"live\"\nsystems = [\"rafft\", \"raft\"]\ntrials = 1\ncases=[\"x\"]\n", ``},
		{"not TOML", "x = = 1\n", ``},
		{"not TOML2", "x = 5ms\n", ``},
		{"dup", "[cluster]\nvoters = 3", ``},
		{"table", "[fault]\nat = 3", ``},
		{"section", "[[disk]]\nfsync = 3", ``},
		{"line noise", "\x1b[31m", ``},
		{"matched", "[[case]]\nname=\"a\"\ntimeouts=\"matched\"\n\"zab.tick\"=\"1s\"\n\"cluster.voters\"=3", ``},
		{"tm", "[[case]]\nname=\"a\"\ntimeouts=\"mached\"\n", ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load([]string{write(t, least+c.add)}, Options{})
			if err == nil {
				t.Fatal("loaded")
			}
			println(c.name + "\n    " + strings.ReplaceAll(err.Error(), "\n", "\n    "))
		})
	}
}

func TestX(t *testing.T) {
	p, _ := filepath.Glob("*.toml")
	_, err := Load(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Load([]string{write(t, "")}, Options{})
	println(err.Error())
	os.Mkdir("d", 0o755)
	os.WriteFile("y.toml", make([]byte, 2<<20), 0o644)
	_, err = Load([]string{"d", "y.toml", "x.tom", "/dev/zero", "/nonexist/a.toml", "x.toml/x"}, Options{Set: []string{"a", "b=1", "network.loss=2", "seed=x", "fault[0].kind=crash", "case=3", "raft.heartbeat=1ms", "raft.heartbeat=2ms"}})
	println(err.Error())
	_, err = Load([]string{"x.toml"}, Options{Systems: []string{"zap"}, Mode: "liv", Case: "q", Trials: -1})
	println(err.Error())
}
