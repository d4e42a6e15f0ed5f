package swarm

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	"raftzab/bench"
	"raftzab/bench/check"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/bench/network"
	"raftzab/bench/sim"
	"raftzab/bench/trace"
	"raftzab/protocols"
	"raftzab/raft"
	"raftzab/zab"
)

// A director says what befalls a run. It is called at the times that it asks
// for, and at no other, so that what it does can be told again: at a time, and
// before anything else that happens then.
type director interface {
	wake(now Time, on stage) (next Time)
	reply(now Time, r bench.Reply)
}

// A stage is what a director acts on.
type stage interface {
	fault.View
	inject(f fault.Fault)
	submit(to NodeID, r bench.Request)
	mended() bool
}

// play makes a run. What the director does goes down in record, where there is one.
func play(s *Story, d director, record *Story, tell func(*trace.Event)) *Report {
	members := s.nodes()
	voters := members[:s.Voters]
	switch s.System {
	case "raft":
		cfg := s.Raft
		cfg.Voters, cfg.Learners = voters, members[s.Voters:]
		return run(&world[raft.Message]{story: s, director: d, record: record, rules: check.Raft, kindName: raft.KindName}, tell,
			func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[raft.Message] {
				cfg := cfg
				cfg.ID = id
				return raft.New(cfg, r, rng)
			})
	case "zab":
		cfg := s.Zab
		cfg.Voters, cfg.Observers = voters, members[s.Voters:]
		return run(&world[zab.Message]{story: s, director: d, record: record, rules: check.Zab, kindName: zab.KindName}, tell,
			func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[zab.Message] {
				cfg := cfg
				cfg.ID = id
				return zab.New(cfg, r, rng)
			})
	}
	panic("swarm: no system " + s.System)
}

// A world is one run: the Handler of its cluster, and its Witness.
type world[M protocols.Message] struct {
	story    *Story
	director director
	record   *Story
	rules    check.Protocol
	kindName func(kind uint8) string

	n       int
	cluster *sim.Cluster[M]
	checks  *check.Invariants
	history *check.History
	asked   [clientSessions + 1][]protocols.ReadMode // by session and number, of reads
	report  *Report
	leader  NodeID
	heir    NodeID // whom the leader was last told to hand over to
	heirAt  Time
	due     Time // when the director, or healing, has something to do

	healed   bool
	askAt    Time
	rounds   int
	accepted []uint64          // Zab: acceptedEpoch by server, as asked for
	full     uint64            // Zab: the last epoch that was used up
	level    protocols.EntryID // where the state was when the latest fresh write was acknowledged
	fresh    []int             // after healing, by node: its fresh write is 0 not sent, 1 under way, 2 acknowledged
	err      error
}

// run carries the run out. An assertion inside a replica is a violation too.
func run[M protocols.Message](w *world[M], tell func(*trace.Event), replica func(NodeID, protocols.Recovered, *rand.Rand) protocols.Replica[M]) (report *Report) {
	s := w.story
	w.n = s.Voters + s.Learners
	report = &Report{System: s.System, Seed: s.Seed, Voters: s.Voters, Learners: s.Learners}
	w.report = report
	w.checks, w.history = check.New(s.Voters, w.rules), check.NewHistory()
	w.accepted = make([]uint64, w.n+1)
	if s.System == "zab" && s.Zab.Sync == zab.SyncQuorum {
		w.checks.Strict = check.ModesOf(protocols.ReadSync)
		w.history.Strict = w.checks.Strict
	}
	if tell != nil {
		all := tell
		tell = func(e *trace.Event) { // up to the breach: what follows is of no interest
			if v := w.checks.Violation(); v == nil || e.At <= v.At {
				all(e)
			}
		}
	}
	w.cluster = sim.New(sim.Config[M]{
		New: replica,
		Network: network.Config{Nodes: w.n, Channel: s.Air.Channel, RTOMin: s.Air.RTOMin, RTOMax: s.Air.RTOMax,
			Default: network.Quality{Delay: s.Air.Delay, Loss: s.Air.Loss, Duplicate: s.Air.Duplicate, Reorder: s.Air.Reorder}},
		Fsync:   s.Air.Fsync,
		Images:  s.Images,
		Witness: w, Trace: tell, KindName: w.kindName,
	}, s.Seed, 0)
	defer func() {
		if p := recover(); p != nil {
			report.Violation, report.At = fmt.Sprintf("panic: %v\n%s", p, debug.Stack()), w.cluster.Now()
		}
		report.Commits = w.checks.Commits()
		report.Events, report.Checksum = w.cluster.Events()
	}()
	for t := Time(0); t < s.End && !w.done() && w.checks.Violation() == nil && w.err == nil; {
		t = min(t+10*ms, s.End)
		w.cluster.Run(w, t)
	}
	switch v := w.checks.Violation(); {
	case v != nil:
		report.Violation, report.At = v.Error(), v.At
	case w.err != nil:
		report.Violation, report.At = w.err.Error(), w.cluster.Now()
	case s.Heal != 0 && !w.done():
		report.Violation, report.At = w.stuck(), s.End
	default:
		w.judge()
	}
	return report
}

// judging is how long porcupine may look at a history.
const judging = 200 * time.Millisecond

// judge asks whether the clients' history is linearizable.
func (w *world[M]) judge() {
	verdict, broken := w.history.Check(judging, w.checks.Ordered)
	if w.report.Verdict = verdict; broken != nil {
		w.report.Violation, w.report.At = broken.Error(), broken.At
	}
}

// Wake lets faults strike and clients speak. Where Run has only begun again,
// nothing is due.
func (w *world[M]) Wake(now Time) Time {
	if now < w.due {
		return w.due
	}
	heal := w.story.Heal
	if heal != 0 && !w.healed && now >= heal {
		w.mendAll()
		w.healed, w.fresh, w.askAt = true, make([]int, w.n+1), now
	}
	w.due = w.director.wake(now, w)
	switch {
	case w.healed:
		if now >= w.askAt {
			w.askAround()
			w.askAt += look
		}
		w.due = min(w.due, w.askAt)
	case heal != 0:
		w.due = min(w.due, heal)
	}
	return w.due
}

// mendAll ends every fault, whatever there was, and all loss.
func (w *world[M]) mendAll() {
	all := w.story.nodes()
	for _, f := range []fault.Fault{
		{Kind: fault.Heal},
		{Kind: fault.Link, From: all, To: all, Delay: w.story.Air.Delay},
		{Kind: fault.Disk, Nodes: all, Back: true},
		{Kind: fault.Clock, Nodes: all, Back: true},
		{Kind: fault.Resume, Nodes: all},
		{Kind: fault.Restart, Nodes: all},
	} {
		w.strike(f)
	}
}

func (w *world[M]) mended() bool { return w.healed }

// Status is what the director may see.
func (w *world[M]) Status(id NodeID) (protocols.Status, bool) { return w.cluster.Status(id) }

func (w *world[M]) inject(f fault.Fault) {
	if w.record != nil {
		w.record.Faults = append(w.record.Faults, Strike{w.cluster.Now(), f})
	}
	w.report.Faults[f.Kind]++
	switch {
	case f.Fail:
		w.report.Failing++
	case f.Kind == fault.Partition && overlap(f.Groups):
		w.report.Partial++
	case f.Kind == fault.Transfer && f.Nodes[0] != w.leader:
		w.heir, w.heirAt = f.Nodes[0], w.cluster.Now()
	}
	w.strike(f)
}

func overlap(groups [][]NodeID) bool {
	members := slices.Sorted(slices.Values(slices.Concat(groups...)))
	return len(slices.Compact(members)) < len(slices.Concat(groups...))
}

func (w *world[M]) strike(f fault.Fault) {
	if err := w.cluster.Inject(f); err != nil {
		w.err = err
	}
}

func (w *world[M]) submit(to NodeID, r bench.Request) {
	if w.record != nil {
		w.record.Requests = append(w.record.Requests, Ask{w.cluster.Now(), to, r})
	}
	w.send(to, r)
}

func (w *world[M]) send(to NodeID, r bench.Request) {
	now := w.cluster.Now()
	w.checks.Asked(now, to, r)
	w.history.Asked(now, to, r)
	if r.Op == kv.Get {
		asked := &w.asked[r.ID.Session]
		for len(*asked) <= int(r.ID.Seq) {
			*asked = append(*asked, 0)
		}
		(*asked)[r.ID.Seq] = 1 + r.Mode
	}
	w.cluster.Submit(to, r)
}

// Reply takes in what clients are told.
func (w *world[M]) Reply(now Time, r bench.Reply) {
	w.checks.Acknowledged(now, r)
	w.history.Acknowledged(now, r)
	if int(r.ID.Session) > clientSessions {
		w.freshReply(r)
		return
	}
	if asked := w.asked[r.ID.Session]; r.Outcome == bench.OK && int(r.ID.Seq) < len(asked) && asked[r.ID.Seq] > 0 {
		w.report.Reads[asked[r.ID.Seq]-1]++
	}
	w.director.reply(now, r)
}

// Listen names the events that are counted or checked.
func (w *world[M]) Listen() protocols.EventSet {
	return w.checks.Listen() | protocols.Events(protocols.Activated, protocols.LogTruncated, protocols.SyncChosen, protocols.Restored)
}

// handOver is how soon after it was asked for a change of leaders is taken for a
// transfer.
const handOver = second

// Observe counts.
func (w *world[M]) Observe(now Time, node NodeID, e protocols.Event) {
	w.checks.Observe(now, node, e)
	switch e.Kind {
	case protocols.Activated:
		if w.leader != 0 {
			w.report.LeaderChanges++
		}
		if w.leader = node; node == w.heir && now-w.heirAt < handOver {
			w.report.Transfers++
		}
		w.heir = 0
	case protocols.Restored:
		w.report.Restores++
	case protocols.LogTruncated:
		w.report.Truncations++
	case protocols.SyncChosen:
		w.report.Syncs[e.Phase]++
	}
}

// Booted, Wrote, Persisted, Delivered and Sent make the world the cluster's witness.
func (w *world[M]) Booted(now Time, node NodeID, r protocols.Recovered) {
	w.accepted[node] = r.Registers[0]
	w.checks.Booted(now, node, r)
}

func (w *world[M]) Wrote(now Time, node NodeID, x protocols.Write) {
	w.accepted[node] = x.Registers[0]
	if k := len(x.Entries); k > 0 && w.story.System == "zab" {
		if at := x.Entries[k-1].ID; at.Index == w.story.Zab.LastCounter && at.Epoch > w.full {
			w.full = at.Epoch
			w.report.Overflows++
		}
	}
	w.checks.Wrote(now, node, x)
}

func (w *world[M]) Persisted(now Time, node NodeID, seq uint64) { w.checks.Persisted(now, node, seq) }

func (w *world[M]) Delivered(now Time, node NodeID, restore protocols.EntryID, committed []protocols.Entry) {
	w.checks.Delivered(now, node, restore, committed)
}

func (w *world[M]) Sent(now Time, from, to NodeID, kind uint8, size int) {}
