package run

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"raftzab/bench"
	"raftzab/bench/check"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/bench/random"
	"raftzab/protocols"
	"raftzab/zab"
)

var (
	kills    = flag.Int("kills", 4, "how often a node is killed under load, a protocol")
	killSeed = flag.Uint64("killseed", 1, "of the clients' and the kills' choices; what processes do with them is theirs")
)

// Nodes die by kill -9 under load, one after the other, the next as soon as all
// serve again, and after each round all at once, and a leader whose last entries
// nobody else has; they come back on the disks that they left. No acknowledged write is lost, and the clients' history is linearizable.
//
// A kill takes what the process has not given to the kernel. What the kernel has
// not given to the disk survives it: an fsync that does nothing is not found here,
// but in bench/live/wal, whose tests have a disk that forgets.
func TestNothingIsLostToKills(t *testing.T) {
	for _, c := range []struct {
		system string
		mode   protocols.ReadMode
	}{{"raft", protocols.ReadIndex}, {"zab", protocols.ReadSync}} {
		t.Run(c.system, func(t *testing.T) {
			cell := liveCell(c.system, 200*ms)
			cell.Seed = *killSeed
			s := &cell.Settings
			s.Network.Delay = random.Always(Time(ms) / 2)
			s.Zab.Sync, s.Zab.FinalizeWait = zab.SyncQuorum.String(), 50*ms
			s.Cluster.SnapshotEntries = 500 // so that some lives begin with a snapshot, and some learners are sent one
			trailing := 100
			s.Raft.Trailing, s.Zab.CommittedLog = &trailing, &trailing
			system, err := Lookup(c.system)
			if err != nil {
				t.Fatal(err)
			}
			where := "over the switch"
			if why := system.Missing(cell.World()); why != "" {
				cell.Loopback, where = true, "on loopback ("+why+")"
			}
			began := time.Now()
			g := &siege{t: t, sys: raise(t, cell), nodes: s.Cluster.Voters, mode: c.mode, rng: random.Stream(*killSeed, 0, random.Schedule, 0), history: check.NewHistory()}
			g.history.Strict = check.ModesOf(c.mode)
			g.hold(*kills)
			g.sweep(c.system == "raft")
			verdict, violation := g.history.Check(3*time.Minute, nil)
			t.Logf("%s, %s: seed %d; %d kills of one node, %d of them of the leader, %d of all at once, %d of a leader that had been cut off; all served again after %v at most",
				c.system, where, *killSeed, g.killed, g.leaders, g.massacres, g.severed, g.longest.Round(time.Millisecond))
			t.Logf("%s: %d writes acknowledged, %d never; %d strict reads answered; attempts: %d refused, %d of unknown outcome, %d without an answer; %d keys; history: %v; %v in all",
				c.system, g.acked, g.unacked(), g.reads, g.refused, g.unknown, g.silent, len(g.keys), verdict, time.Since(began).Round(time.Second))
			if verdict != check.Linearizable {
				t.Errorf("the history is %v: %v", verdict, violation)
			}
			if g.killed < *kills || g.acked == 0 || g.reads == 0 {
				t.Errorf("%d of %d kills, %d writes acknowledged, %d reads", g.killed, *kills, g.acked, g.reads)
			}
		})
	}
}

// A siege is clients that never stop, while nodes are killed. It is the Handler.
type siege struct {
	t       *testing.T
	sys     servers
	nodes   int
	mode    protocols.ReadMode // of its reads
	rng     *rand.Rand
	history *check.History

	callers []*caller
	keys    []*key
	slots   [4]uint32 // the keys that are shared at present
	value   uint64    // the last that was written; each is written once

	want     int      // kills
	down     []NodeID // or about to be
	struck   bool     // since the last kill not all have served
	cutOff   bool     // who is about to be down, before it is
	isolated bool
	at       Time // of the next kill, or restart
	since    Time // of the last kill
	ended    bool // there are kills enough, and clients ask for nothing new
	longest  time.Duration

	killed, leaders, massacres, severed          int
	acked, reads, refused, unknown, silent, idle int
}

// A caller is one client: one session, one request at a time.
type caller struct {
	session, seq uint32
	ledger       bool // writes each key once, and never reads
	node         NodeID
	request      bench.Request
	open         bool // it waits for an answer,
	asked        Time // since
	again        Time // when it asks again; 0: it does not
}

// A key is what is known of one.
type key struct {
	acked   map[uint64]uint64 // value, by version
	written map[uint64]bool   // values; true: acknowledged
	asked   int               // writes and reads
}

const (
	shared   = 8
	ledgers  = 4
	lifetime = 1000 // requests for a shared key before another takes its place: porcupine's memory grows with the square
	pause    = 4 * Time(ms)
	answers  = 500 * Time(ms) // a caller that has waited for so long hangs up
)

// hold is the siege from beginning to end.
func (g *siege) hold(kills int) {
	g.t.Helper()
	g.want = kills
	for i := range g.slots {
		g.slots[i] = g.fresh()
	}
	for i := range shared + ledgers {
		g.callers = append(g.callers, &caller{session: uint32(i + 1), ledger: i >= shared, node: NodeID(1 + i%g.nodes)})
	}
	g.at = g.sys.Now() + 300*Time(ms)
	for limit := g.sys.Now() + Time(settling)*Time(kills+1); !g.ended || g.idle < len(g.callers); {
		now := g.sys.Now()
		if err := g.sys.Run(g, now+100*Time(ms)); err != nil {
			g.t.Fatal(err)
		}
		if g.struck && len(g.down) == 0 && now-g.since > Time(settling) || now > limit {
			g.t.Fatalf("after %d kills and %v not all serve: %s", g.killed, time.Duration(now-g.since), g.states())
		}
	}
	if err := g.sys.Ready(settling); err != nil {
		g.t.Fatal(err)
	}
}

func (g *siege) states() (text string) {
	for id := NodeID(1); int(id) <= g.nodes; id++ {
		s, ok := g.sys.Status(id)
		text += fmt.Sprintf("%d: %+v, %v; ", id, s, ok)
	}
	return text
}

func (g *siege) Listen() protocols.EventSet            { return 0 }
func (g *siege) Observe(Time, NodeID, protocols.Event) {}

func (g *siege) Wake(now Time) Time {
	g.strike(now)
	g.idle = 0
	for _, c := range g.callers {
		switch {
		case c.open && now-c.asked > answers:
			g.silent++
			g.sys.Disconnect(c.session, c.node)
			g.failed(now, c, protocols.None)
		case !c.open && c.again != 0 && now >= c.again:
			g.submit(now, c)
		case !c.open && c.again == 0 && !g.ended:
			g.next(now, c)
		case !c.open && c.again == 0:
			g.idle++
		}
	}
	return now + pause
}

// strike kills and restarts. After each round of single nodes all are killed at once,
// and then, where the network can do it, the leader goes with entries on its disk
// that nobody else has.
func (g *siege) strike(now Time) {
	leader := leads(g.sys, g.nodes)
	rounds := g.killed / g.nodes
	switch {
	case g.cutOff && now >= g.at:
		g.inject(fault.PowerOff, g.down)
		g.cutOff, g.since = false, now
		g.at = now + Time(500*ms) + Time(g.rng.Int64N(200*int64(ms))) // the others go on without it
	case g.cutOff:
	case len(g.down) > 0 && now >= g.at:
		if g.isolated {
			g.inject(fault.Heal, nil)
		}
		g.inject(fault.Restart, g.down)
		g.down, g.isolated = nil, false
	case len(g.down) > 0:
	case g.struck && leader != protocols.None:
		g.struck, g.longest = false, max(g.longest, time.Duration(now-g.since))
		g.at = now + Time(g.rng.Int64N(20*int64(ms)))
	case g.struck || now < g.at:
	case rounds > g.massacres:
		g.massacres++
		g.kill(now, leader, 1, 2, 3)
	case rounds > g.severed && g.sys.Supports(fault.PowerOff) && g.sys.Supports(fault.Isolate):
		if leader == protocols.None {
			return
		}
		g.severed++
		g.down = []NodeID{leader}
		g.inject(fault.Isolate, g.down)
		g.struck, g.cutOff, g.isolated, g.since = true, true, true, now
		g.at = now + Time(5*ms) + Time(g.rng.Int64N(20*int64(ms)))
	case g.killed == g.want:
		g.ended = true
	default:
		g.killed++
		g.kill(now, leader, NodeID(1+(g.killed-1)%g.nodes))
	}
}

func (g *siege) kill(now Time, leader NodeID, ids ...NodeID) {
	if len(ids) == 1 && ids[0] == leader {
		g.leaders++
	}
	g.inject(fault.Crash, ids)
	g.down, g.struck, g.since = ids, true, now
	g.at = now + Time(g.rng.Int64N(150*int64(ms)))
}

func (g *siege) inject(k fault.Kind, ids []NodeID) {
	if err := g.sys.Inject(fault.Fault{Kind: k, Nodes: ids}); err != nil {
		g.t.Fatal(err)
	}
}

// fresh returns a key that nobody has used.
func (g *siege) fresh() uint32 {
	g.keys = append(g.keys, &key{acked: map[uint64]uint64{}, written: map[uint64]bool{}})
	return uint32(len(g.keys) - 1)
}

// next makes up a caller's next request.
func (g *siege) next(now Time, c *caller) {
	c.seq++
	r := bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: c.session, Seq: c.seq}, Size: 64}}
	if c.ledger {
		r.Key = g.fresh()
	} else {
		slot := &g.slots[g.rng.IntN(len(g.slots))]
		if g.keys[*slot].asked > lifetime {
			*slot = g.fresh()
		}
		r.Key = *slot
	}
	g.keys[r.Key].asked++
	if !c.ledger && g.rng.IntN(2) == 0 {
		r.Op, r.Mode = kv.Get, g.mode
	} else {
		g.value++
		r.Op, r.Value = kv.Put, g.value
		g.keys[r.Key].written[r.Value] = false
	}
	c.request = r
	g.submit(now, c)
}

func (g *siege) submit(now Time, c *caller) {
	c.open, c.asked, c.again = true, now, 0
	g.history.Asked(now, c.node, c.request)
	g.sys.Submit(c.node, c.request)
}

func (g *siege) Reply(now Time, r bench.Reply) {
	if int(r.ID.Session) > len(g.callers) {
		return
	}
	c := g.callers[r.ID.Session-1]
	if !c.open || r.ID != c.request.ID || r.Node != c.node {
		return // it has hung up on that one
	}
	c.open = false
	switch r.Outcome {
	case bench.OK:
		g.history.Acknowledged(now, r)
		if c.request.Op == kv.Get {
			g.reads++
		} else {
			g.acked++
			k := g.keys[c.request.Key]
			if v, twice := k.acked[r.Version]; twice || r.Version == 0 {
				g.t.Errorf("key %d: writes of values %d and %d were both acknowledged with version %d", c.request.Key, v, c.request.Value, r.Version)
			}
			k.acked[r.Version], k.written[c.request.Value] = c.request.Value, true
		}
		if !g.ended {
			g.next(now, c)
		}
	case bench.Refused:
		g.refused++
		g.elsewhere(c, r.Leader)
		g.repeat(now, c)
	case bench.Unknown:
		g.unknown++
		g.failed(now, c, r.Leader)
	}
}

// failed decides what becomes of a request whose outcome nobody knows. Of the
// writes half are tried again, under their name; the others are given up, and may
// have had their effect.
func (g *siege) failed(now Time, c *caller, leader NodeID) {
	c.open = false
	g.elsewhere(c, leader)
	if c.request.Op == kv.Get || g.rng.IntN(2) == 0 {
		g.repeat(now, c)
	} else {
		c.again = 0
	}
}

func (g *siege) repeat(now Time, c *caller) {
	if c.request.Op == kv.Get { // each attempt is an operation of its own
		if g.ended {
			c.again = 0
			return
		}
		c.seq++
		c.request.ID.Seq = c.seq
	}
	c.again = now + pause
}

// elsewhere is where a caller tries next.
func (g *siege) elsewhere(c *caller, leader NodeID) {
	if leader == protocols.None || leader == c.node {
		leader = NodeID(1 + g.rng.IntN(g.nodes))
	}
	c.node = leader
}

func (g *siege) unacked() (n int) {
	for _, k := range g.keys {
		n += len(k.written) - len(k.acked)
	}
	return n
}
