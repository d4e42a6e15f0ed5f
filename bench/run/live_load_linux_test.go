package run

import (
	"cmp"
	"flag"
	"os"
	"slices"
	"testing"
	"time"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/live"
	"raftzab/protocols"
)

var (
	loadFor    = flag.Duration("load", 200*time.Millisecond, "how long each round of the load test measures a system")
	loadWarm   = flag.Duration("warm", 0, "how long the load test loads each system before it measures: a JVM compiles meanwhile")
	loadRounds = flag.Int("rounds", 1, "of the load test: each measures each system of a pair once")
)

const (
	loaders  = 64
	loadKeys = 16 // as many as a ZooKeeper ensemble has here
)

// loadJVM are flags for servers that are measured by their throughput.
var loadJVM = []string{"-Xms512m", "-Xmx512m", "-Dzookeeper.jmx.log4j.disable=true"}

// What our Raft and our Zab do under load, beside the products: 64 clients, each
// with one connection and one write of 128 bytes under way, fsync on, three servers
// on loopback. The two of a pair are up at the same time and are measured in turns,
// so that whatever else the machine does strikes both. The test demands no speed:
// it tells it, and that all writes go through.
//
// Clients and servers share the cores of one machine. ZooKeeper's servers have a
// heap and a compiler as for production here (loadJVM), and not those with which
// five of them start quickly; its clients' library takes more of the cores than
// ours.
func TestLoad(t *testing.T) {
	if *profiles != "" {
		if err := os.MkdirAll(*profiles, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv(profilesKey, *profiles)
	}
	for _, pair := range [][2]string{{"raft", "hashicorp"}, {"zab", "zookeeper"}} {
		t.Run(pair[0]+" beside "+pair[1], func(t *testing.T) {
			var crowds []*crowd
			for _, name := range pair {
				system, err := Lookup(name)
				if err != nil {
					t.Fatal(err)
				}
				if why := system.Missing(World{Mode: Live, Loopback: true}); why != "" {
					t.Logf("without %s: %s", name, why)
					continue
				}
				crowds = append(crowds, newCrowd(t, system))
			}
			if len(crowds) == 0 {
				t.Skip("neither can run here")
			}
			fsync, err := FsyncLatency(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range crowds {
				if *loadWarm > 0 {
					c.round(*loadWarm)
					c.rounds = nil
				}
			}
			before, _ := live.ReadPressure()
			for range *loadRounds {
				for _, c := range crowds {
					c.round(*loadFor)
				}
			}
			after, _ := live.ReadPressure()
			report(t, crowds)
			t.Logf("something waited for a core during %.0f %% of the time; %d rounds of %v; one fsync alone took %v", 100*after.Since(before), *loadRounds, *loadFor, fsync)
		})
	}
}

// report prints what was measured, as a table, and the ratios by rounds.
func report(t *testing.T, crowds []*crowd) {
	t.Logf("%-10s %6s %10s %9s %9s   %s", "system", "round", "writes/s", "p50 ms", "p99 ms", "refused, unknown")
	for _, c := range crowds {
		for i, r := range c.rounds {
			t.Logf("%-10s %6d %10.0f %9.2f %9.2f   %d, %d", c.system.Name, i+1, r.rate, r.p50, r.p99, r.refused, r.unknown)
		}
	}
	if len(crowds) < 2 {
		return
	}
	a, b := crowds[0], crowds[1]
	for _, what := range []struct {
		name string
		of   func(*round) float64
	}{{"writes/s", func(r *round) float64 { return r.rate }}, {"p50", func(r *round) float64 { return r.p50 }}, {"p99", func(r *round) float64 { return r.p99 }}} {
		var ratios []float64
		for i := range a.rounds {
			ratios = append(ratios, what.of(&a.rounds[i])/what.of(&b.rounds[i]))
		}
		slices.Sort(ratios)
		t.Logf("%s of %s / %s: %.2f (median of %d rounds, from %.2f to %.2f)", what.name, a.system.Name, b.system.Name,
			ratios[len(ratios)/2], len(ratios), ratios[0], ratios[len(ratios)-1])
	}
}

// A crowd is closed-loop clients of one ensemble. It is the Handler.
type crowd struct {
	t       *testing.T
	system  *System
	sys     servers
	clients []*writer
	stop    bool
	from    Time // measuring began; 0: not yet
	took    []float64
	this    round
	rounds  []round
}

// A round is what was measured in one.
type round struct {
	rate, p50, p99   float64 // writes acknowledged in a second; ms
	refused, unknown int
}

// A writer is one client with one write under way.
type writer struct {
	request bench.Request
	node    NodeID
	sent    Time
	open    bool
	known   bool // the server has answered: it is connected
	again   Time // when to try once more
}

func newCrowd(t *testing.T, system *System) *crowd {
	cell := liveCell(system.Name, 1000*ms) // nobody shall be elected under load
	cell.Loopback = true
	if system.Name != "zookeeper" {
		cell.Settings.Cluster.SnapshotEntries = 100_000 // ZooKeeper's own
	}
	system.Complete(&cell.Settings)
	c := &crowd{t: t, system: system, sys: raise(t, cell, loadJVM...)}
	leader := leads(c.sys, 3)
	for i := range loaders {
		w := &writer{node: NodeID(1 + i%3)}
		if system.Protocol == "raft" {
			w.node = leader
		}
		w.request = bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: uint32(i + 1)}, Op: kv.Put, Key: uint32(i % loadKeys), Size: 128}}
		c.clients = append(c.clients, w)
	}
	return c
}

// round warms up, measures, and lets what is under way end.
func (c *crowd) round(d time.Duration) {
	c.t.Helper()
	c.stop, c.from, c.took, c.this = false, 0, c.took[:0], round{}
	run := func(d time.Duration) {
		c.t.Helper()
		if err := c.sys.Run(c, c.sys.Now()+Time(d)); err != nil {
			c.t.Fatal(err)
		}
	}
	warm := d / 8
	if len(c.rounds) == 0 {
		warm = d // compilers, caches and preallocated files take their time
	}
	run(max(warm, 200*time.Millisecond))
	for limit := c.sys.Now() + Time(settling); slices.ContainsFunc(c.clients, func(w *writer) bool { return !w.known }); {
		if run(20 * time.Millisecond); c.sys.Now() > limit {
			c.t.Fatalf("%s: not all clients get through", c.system.Name)
		}
	}
	refused, unknown := c.this.refused, c.this.unknown // connecting begins with a refusal
	c.from = c.sys.Now()
	run(d)
	elapsed := time.Duration(c.sys.Now() - c.from)
	r := round{rate: float64(len(c.took)) / elapsed.Seconds(), refused: c.this.refused - refused, unknown: c.this.unknown - unknown}
	c.stop, c.from = true, 0
	for limit := c.sys.Now() + Time(settling); c.busy(); {
		if run(20 * time.Millisecond); c.sys.Now() > limit {
			c.t.Fatalf("%s: writes are not answered", c.system.Name)
		}
	}
	if len(c.took) == 0 {
		c.t.Fatalf("%s: no write went through in %v", c.system.Name, elapsed)
	}
	slices.Sort(c.took)
	r.p50, r.p99 = c.took[len(c.took)/2], c.took[len(c.took)*99/100]
	c.rounds = append(c.rounds, r)
	if c.system.Protocol == "raft" && cmp.Or(leads(c.sys, 3), c.clients[0].node) != c.clients[0].node {
		c.t.Logf("%s: the leader changed to %d", c.system.Name, leads(c.sys, 3))
	}
}

func (c *crowd) busy() bool {
	return slices.ContainsFunc(c.clients, func(w *writer) bool { return w.open })
}

func (c *crowd) Listen() protocols.EventSet            { return 0 }
func (c *crowd) Observe(Time, NodeID, protocols.Event) {}

func (c *crowd) Wake(now Time) Time {
	for _, w := range c.clients {
		if !w.open && !c.stop && now >= w.again {
			c.submit(w)
		}
	}
	return now + 5*Time(ms)
}

func (c *crowd) submit(w *writer) {
	w.request.ID.Seq++
	w.request.Value++
	w.open, w.sent = true, c.sys.Now()
	c.sys.Submit(w.node, w.request)
}

func (c *crowd) Reply(now Time, r bench.Reply) {
	w := c.clients[r.ID.Session-1]
	w.open, w.again = false, 0
	switch r.Outcome {
	case bench.OK:
		w.known = true
		if c.from != 0 && now >= c.from {
			c.took = append(c.took, float64(now-w.sent)/1e6)
		}
		if !c.stop {
			c.submit(w)
		}
		return
	case bench.Unknown:
		c.this.unknown++
	case bench.Refused:
		c.this.refused++
		if c.system.Protocol == "raft" && r.Leader != protocols.None {
			w.node = r.Leader
		}
	}
	w.again = now + 5*Time(ms)
}
