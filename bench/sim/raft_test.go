package sim

import (
	"math/rand/v2"
	"testing"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/bench/network"
	"raftzab/bench/random"
	"raftzab/protocols"
	"raftzab/raft"
)

// compacting is a Raft cluster with an image every 20 entries, a log that keeps 5
// below it, and chunks that a snapshot does not fit into.
func compacting(t testing.TB, voters, learners int, edit func(*Config[raft.Message])) *world {
	var members []NodeID
	for id := 1; id <= voters+learners; id++ {
		members = append(members, NodeID(id))
	}
	return ensemble(t, voters+learners, func(c *Config[raft.Message]) {
		c.Images = 20
		c.New = func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[raft.Message] {
			c := raft.Default()
			c.ID, c.Voters, c.Learners = id, members[:voters], members[voters:]
			c.Trailing, c.ChunkSize = 5, 50
			return raft.New(c, r, rng)
		}
		if edit != nil {
			edit(c)
		}
	})
}

// load writes a number to key 1, again and again, under an ID of its own, to
// whoever leads.
func (w *world) load(from, until Time) {
	for t := from; t < until; t += 2 * ms {
		w.run(t)
		if leader := w.leader(); leader != 0 {
			w.seq++
			w.Submit(leader, put(1, w.seq, 1, uint64(w.seq)))
		}
	}
}

func (w *world) reads(id NodeID, session uint32) bench.Reply {
	w.Submit(id, bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: session, Seq: 1}, Key: 1, Op: kv.Get}})
	w.run(w.now + 50*ms)
	if len(w.replies) == 0 {
		return bench.Reply{}
	}
	return w.replies[len(w.replies)-1]
}

// A server that was away for longer than the logs go back is brought level by a
// snapshot, in chunks, over either channel; it keeps no more than it needs; and
// after the power has failed everywhere, all start from what they have.
func TestRaftBringsALateServerLevelBySnapshot(t *testing.T) {
	for _, channel := range []network.Channel{network.Stream, network.Datagram} {
		w := compacting(t, 3, 1, func(c *Config[raft.Message]) { c.Network.Channel = channel })
		w.run(1000 * ms)
		late := w.leader()%3 + 1
		w.inject(fault.PowerOff, late, 4)
		w.load(1000*ms, 2000*ms)
		w.inject(fault.Restart, late, 4)
		w.run(4000 * ms)
		restored := map[NodeID]int{}
		for _, o := range w.events {
			if o.event.Kind == protocols.Restored {
				restored[o.node]++
			}
		}
		if restored[late] == 0 || restored[4] == 0 || len(restored) != 2 {
			t.Errorf("%v: servers %d and 4 were away; restored: %v", channel, late, restored)
		}
		w.inject(fault.PowerOff, 1, 2, 3, 4)
		for id, h := range w.hosts[1:] {
			if len(h.images) != 1 || h.images[0].Snapshot().At != h.disk.Snapshot.At {
				t.Errorf("%v: server %d has %v on its disk; recovery starts from %v", channel, id+1, h.names(), h.disk.Snapshot.At)
			}
		}
		w.inject(fault.Restart, 1, 2, 3, 4)
		w.run(6000 * ms)
		for id := NodeID(1); id <= 4; id++ {
			if r := w.reads(id, uint32(id)+1); r.Value != uint64(w.seq) || w.seq < 400 {
				t.Errorf("%v: server %d reads %+v, want %d", channel, id, r, w.seq)
			}
		}
	}
}

// Whatever goes wrong, no server ever asks the driver for what there is not (a
// snapshot that never arrived, a chunk of one that is gone), nor delivers twice;
// and when all is mended, everybody has the same state.
func TestRaftKeepsItsSideOfTheContractInChaos(t *testing.T) {
	var restores int
	var count [fault.Kinds]int
	for seed := range uint64(12) {
		rng := random.Stream(seed, 0, random.Swarm, 0)
		w := compacting(t, 3, int(seed%3), func(c *Config[raft.Message]) {
			c.Network.Channel = network.Channel(seed % 2)
			c.Network.Default.Loss = 0.02
		})
		w.Reset(seed, 0)
		n := len(w.hosts) - 1
		chaos := fault.NewChaosOf(fault.Options{Voters: 3, Observers: n - 3, Drift: 0.2, Skew: 100 * ms, Transfer: true, Datagram: true, FailDisk: true, Partial: true}, rng)
		for at := 500 * ms; at < 8000*ms; at += 100 * ms {
			if err := w.Inject(chaos.Next(w)); err != nil {
				t.Fatal(err)
			}
			w.load(at, at+100*ms)
		}
		for _, f := range chaos.Settle(random.Always(5 * ms)) {
			if err := w.Inject(f); err != nil {
				t.Fatal(err)
			}
		}
		w.load(8000*ms, 8001*ms)
		w.run(20_000 * ms)
		w.load(20_000*ms, 20_001*ms)
		w.run(22_000 * ms)
		want := w.reads(w.leader(), 2)
		for id := 1; id <= n; id++ {
			if r := w.reads(NodeID(id), uint32(2+id)); r.Value != want.Value || r.Version != want.Version || r.Version == 0 {
				t.Errorf("seed %d: server %d reads %+v, the leader %+v", seed, id, r, want)
			}
		}
		for _, o := range w.events {
			if o.event.Kind == protocols.Restored {
				restores++
			}
		}
		for k, times := range chaos.Count {
			count[k] += times
		}
	}
	t.Logf("%d snapshots installed; faults by kind: %v", restores, count)
	if restores < 10 {
		t.Errorf("%d snapshots installed: too few to show anything", restores)
	}
}
