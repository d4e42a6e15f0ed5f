package run

import (
	"slices"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/protocols"
	"raftzab/results"
)

// Rivals are two writes to one key while the network is split, as in every
// introduction to Raft: the minority's to the old leader, one probe interval after
// the split, and the majority's to the new leader as soon as it is active. All the
// while a client of each server reads the key there, wherever that leads. So a write
// of the minority that comes through is seen, though nobody acknowledged it: in the
// versions of the key, which count its writes.
type rivals struct {
	asked    bool
	voters   int
	interval Time
	seq      []uint32 // by server: of a session behind the probes'
	waiting  []uint32 // by server: the read that is under way; 0: none
	level    []bool   // by server: it has returned the majority's write since the heal
	next     Time     // when to read again

	begun, healed      Time
	first, last        []uint32 // by server on the small side: probes from the split to the heal; first 0: on the other side
	told               [bench.Unknown + 1]int
	minority, majority rivalWrite
	before, version    uint64 // the key's versions: before the split, and the greatest that was read
	leveled            Time   // when the last server had returned the majority's write
}

// A rivalWrite is one of the two.
type rivalWrite struct {
	id         protocols.RequestID
	node       NodeID
	sent, told Time
	outcome    bench.Outcome
}

// rivalKey is a key that nobody else writes.
const rivalKey = 0

// ofRivals are the columns that a trial with rivals fills.
var ofRivals = []string{"minority_write", "minority_write_ms", "majority_write_ms", "minority_kept", "level_ms",
	"minority_acknowledged", "minority_refused", "minority_unknown", "minority_unanswered"}

func (r *rivals) reset(s *Settings, probed bool) {
	n := s.Cluster.Voters
	if len(r.seq) != n+1 {
		r.seq = make([]uint32, n+1)
	}
	*r = rivals{asked: probed && s.wants(ofRivals...), voters: n, interval: s.Probe.Interval.Time(), seq: r.seq,
		waiting: make([]uint32, n+1), level: make([]bool, n+1), first: make([]uint32, n+1), last: make([]uint32, n+1)}
}

// restart begins numbering anew, where a trial has servers of its own.
func (r *rivals) restart() { clear(r.seq) }

// struck takes in that a fault strikes: the split, or its end.
func (r *rivals) struck(now Time, f fault.Fault, leader NodeID, p *prober) {
	switch {
	case !r.asked:
	case r.begun == 0 && (f.Kind == fault.Partition || f.Kind == fault.Isolate):
		r.begun, r.minority.node = now, leader
		for _, id := range side(f, leader) {
			r.first[id] = p.seq[id] + 1
		}
	case r.begun != 0 && r.healed == 0 && f.Kind == fault.Heal:
		r.healed = now
		copy(r.last, p.seq)
	}
}

// side is those that a fault leaves on the leader's side.
func side(f fault.Fault, leader NodeID) []NodeID {
	for _, g := range f.Groups {
		if slices.Contains(g, leader) {
			return g
		}
	}
	return []NodeID{leader}
}

// wake reads and writes what is due and returns when to be called again.
func (r *rivals) wake(now Time, c *conductor) Time {
	if !r.asked || r.leveled != 0 {
		return 0
	}
	if now < r.next {
		return r.next
	}
	r.next = now + r.interval
	if w := &r.minority; r.begun != 0 && w.sent == 0 && now >= r.begun+r.interval {
		r.write(now, w, c)
	}
	if w := &r.majority; c.election.active != 0 && r.begun != 0 && (w.sent == 0 || w.told != 0 && w.outcome == bench.Refused) {
		w.node = c.election.winner
		r.write(now, w, c)
	}
	for id := NodeID(1); int(id) <= r.voters; id++ {
		if r.waiting[id] == 0 {
			r.waiting[id] = r.submit(now, id, kv.Get, c).Seq
		}
	}
	return r.next
}

func (r *rivals) write(now Time, w *rivalWrite, c *conductor) {
	w.id, w.sent, w.told = r.submit(now, w.node, kv.Put, c), now, 0
}

func (r *rivals) submit(now Time, id NodeID, op uint8, c *conductor) protocols.RequestID {
	r.seq[id]++
	q := protocols.RequestID{Session: uint32(r.voters) + uint32(id), Seq: r.seq[id]}
	c.submit(now, id, bench.Request{Command: protocols.Command{ID: q, Key: rivalKey, Op: op, Size: 8, Value: valueOf(q)}})
	return q
}

func valueOf(q protocols.RequestID) uint64 { return uint64(q.Session)<<32 | uint64(q.Seq) }

// reply takes in what a client is told, a probe's too.
func (r *rivals) reply(now Time, a bench.Reply) {
	if !r.asked {
		return
	}
	if s, seq := a.ID.Session, a.ID.Seq; int(s) <= r.voters {
		if r.first[s] != 0 && seq >= r.first[s] && (r.healed == 0 || seq <= r.last[s]) {
			r.told[a.Outcome]++
		}
		return
	}
	for _, w := range []*rivalWrite{&r.minority, &r.majority} {
		if a.ID == w.id {
			w.told, w.outcome = now, a.Outcome
			return
		}
	}
	if id := NodeID(int(a.ID.Session) - r.voters); r.waiting[id] == a.ID.Seq {
		r.waiting[id] = 0
		if a.Outcome == bench.OK {
			r.read(now, id, a)
		}
	}
}

// read takes in what a server has returned.
func (r *rivals) read(now Time, id NodeID, a bench.Reply) {
	if r.begun == 0 {
		r.before = max(r.before, a.Version)
	}
	r.version = max(r.version, a.Version)
	if r.healed == 0 || r.majority.told == 0 {
		return
	}
	r.level[id] = a.Value == valueOf(r.majority.id)
	if r.leveled == 0 && !slices.Contains(r.level[1:], false) {
		r.leveled = now
	}
}

// over reports whether there is nothing to wait for; rest: no fault is to come.
func (r *rivals) over(rest bool) bool {
	return !r.asked || r.leveled != 0 || r.begun == 0 && rest
}

// report fills the row.
func (r *rivals) report(row *results.Trial) {
	if !r.asked || r.begun == 0 {
		return
	}
	row.MinorityWrite = results.Unanswered
	if w := &r.minority; w.told != 0 {
		row.MinorityWrite, row.MinorityTook = outcomes[w.outcome], milliseconds(w.told-w.sent)
	}
	if w := &r.majority; w.told != 0 && w.outcome == bench.OK {
		row.MajorityTook = milliseconds(w.told - r.begun)
	}
	if r.healed == 0 {
		return
	}
	asked := 0
	for id, first := range r.first {
		if first != 0 {
			asked += int(r.last[id] - first + 1)
		}
	}
	ok, refused, unknown := r.told[bench.OK], r.told[bench.Refused], r.told[bench.Unknown]
	row.MinorityAcks, row.MinorityRefuse, row.MinorityOpen = results.Number(ok), results.Number(refused), results.Number(unknown)
	row.MinorityMute = results.Number(asked - ok - refused - unknown)
	if r.leveled != 0 {
		row.LevelMS, row.MinorityKept = milliseconds(r.leveled-r.healed), results.Number(r.version-r.before-1)
	}
}

// outcomes are what clients are told, in words.
var outcomes = [...]string{bench.OK: results.Acknowledged, bench.Refused: results.Refused, bench.Unknown: results.Unknown}
