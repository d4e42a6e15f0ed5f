package run

import (
	"raftzab/bench"
	"raftzab/bench/check"
	"raftzab/bench/fault"
	"raftzab/bench/trace"
	"raftzab/protocols"
	"raftzab/results"
)

type (
	Time   = protocols.Time
	NodeID = protocols.NodeID
)

// An election measures how a leader is replaced, from what the nodes tell.
// All intervals begin with the fault at t0; the terms are those of
// results.Trial.
type election struct {
	protocol  string // "raft" or "zab": what a round is, and who is best
	nodes     int    // with a vote,
	observers int    // and without
	begun     bool
	apart     bool // servers have started in terms of their own, of which oldEpoch is one below the greatest
	t0        Time
	old       NodeID // the leader at t0
	dead      bool   // it is down, not only cut off
	oldEpoch  uint64
	detected  Time // when the first server gave the leader up
	active    Time
	left      Time   // when the deposed leader left its office
	paper     Time   // when every other server had heard from a new leader
	heardOf   uint64 // the greatest epoch of a new leader that somebody has heard from
	hearers   int    // how many have, of that one
	winner    NodeID
	newEpoch  uint64
	votes     int
	refused   int // votes
	messages  int
	bytes     int
	restarts  int
	hindered  hindrances
	stood     []uint64 // rounds in which somebody stood
	won       []uint64 // of those, the ones with a winner
	seats     []seat   // by node
	countable func(kind uint8) bool
}

// A seat is what the measurement knows of one node.
type seat struct {
	role    protocols.Role
	entered int              // times it entered a round since t0
	elected Time             // when it last won, since t0
	stand   protocols.Status // with what data it stood or voted last
	known   bool
	term    uint64 // Raft: the last one in which somebody voted for it,
	votes   int    // how many did,
	had     int    // and how many had when it was last elected
	heard   uint64 // the last new leader's epoch that it has heard of from that leader itself
}

// electionEvents is what an election listens to.
var electionEvents = protocols.Events(protocols.RoleChanged, protocols.RoundBegan, protocols.VoteCast, protocols.VoteRefused,
	protocols.Elected, protocols.Activated, protocols.WaitRestarted)

func (e *election) reset() {
	seats := e.seats[:0]
	for range e.nodes + e.observers + 1 {
		seats = append(seats, seat{})
	}
	e.hindered.reset(e.nodes)
	*e = election{protocol: e.protocol, nodes: e.nodes, observers: e.observers, countable: e.countable, hindered: e.hindered, stood: e.stood[:0], won: e.won[:0], seats: seats}
}

// begin marks t0: f is about to strike the leader.
func (e *election) begin(now Time, f fault.Fault, v bench.System) {
	e.dead = f.Kind == fault.Crash || f.Kind == fault.PowerOff
	e.begun, e.t0 = true, now
	for id := NodeID(1); int(id) <= e.nodes; id++ {
		s, ok := v.Status(id)
		e.seats[id].stand, e.seats[id].known = s, ok
		if ok && s.Role == protocols.Leader && s.Active && (e.old == 0 || s.Epoch > e.oldEpoch) {
			e.old, e.oldEpoch = id, s.Epoch
		}
		if e.old != id && e.seats[id].role == protocols.Candidate && e.detected == 0 {
			e.detected = now // somebody had given it up before
		}
	}
	e.hindered.begin(v)
}

func (e *election) observe(now Time, node NodeID, ev protocols.Event, v bench.System) {
	s := &e.seats[node]
	now = max(now, e.t0) // what a process did just before the fault may be told just behind it
	if ev.Kind == protocols.RoleChanged {
		if s.role = ev.Role; node == e.old && ev.Role != protocols.Leader {
			e.leaves(now)
		}
	}
	e.grants(node, ev)
	if !e.begun || e.active != 0 {
		return
	}
	switch ev.Kind {
	case protocols.RoleChanged:
		if ev.Role == protocols.Candidate && node != e.old && e.detected == 0 {
			e.detected = now
		}
	case protocols.RoundBegan:
		s.entered++
		e.stood = add(e.stood, ev.Epoch)
		s.stand, s.known = v.Status(node)
	case protocols.VoteCast:
		e.votes++
		s.stand, s.known = v.Status(node)
	case protocols.VoteRefused:
		e.refused++
		s.stand, s.known = v.Status(node)
	case protocols.Elected:
		s.elected = now
		e.won = add(e.won, ev.Epoch)
	case protocols.WaitRestarted:
		e.restarts++
	case protocols.Activated:
		if e.old == 0 && !e.apart || ev.Epoch > e.oldEpoch {
			e.active, e.winner, e.newEpoch = now, node, ev.Epoch
			e.hindered.end(v)
		}
	}
}

// grants counts the votes of Raft by candidate, those before the fault too: who is
// elected after it may have stood before.
func (e *election) grants(node NodeID, ev protocols.Event) {
	switch ev.Kind {
	case protocols.VoteCast:
		s := &e.seats[ev.Peer]
		if s.term < ev.Epoch {
			s.term, s.votes = ev.Epoch, 0
		}
		s.votes++
	case protocols.Elected:
		e.seats[node].had = e.seats[node].votes
	}
}

// leaves takes in that the deposed leader has left its office, or is down.
func (e *election) leaves(now Time) {
	if e.begun && e.left == 0 {
		e.left = now
	}
}

// heard takes in that a server has had a message from the leader of an epoch.
// paper_ms ends when all the others have, of one leader.
func (e *election) heard(now Time, node NodeID, epoch uint64) {
	if !e.begun || e.paper != 0 || int(node) > e.nodes || epoch <= e.oldEpoch || node == e.old || e.seats[node].heard >= epoch {
		return
	}
	if e.seats[node].heard = epoch; epoch > e.heardOf {
		e.heardOf, e.hearers = epoch, 0
	}
	if epoch == e.heardOf {
		if e.hearers++; e.hearers == e.others() {
			e.paper = now
		}
	}
}

// others is how many servers are to hear of the new leader.
func (e *election) others() int { return e.nodes - 2 }

// followed reports whether they all have.
func (e *election) followed() bool { return e.paper != 0 || e.others() < 1 }

// sent counts a message of the election. What the deposed leader goes on sending
// is none, and what is sent to it while it is down reaches no wire in life: there
// is no connection.
func (e *election) sent(from, to NodeID, kind uint8, size int) {
	if e.begun && e.active == 0 && e.countable(kind) && from != e.old && !(to == e.old && e.dead) {
		e.messages++
		e.bytes += size
	}
}

func add(set []uint64, x uint64) []uint64 {
	for _, y := range set {
		if x == y {
			return set
		}
	}
	return append(set, x)
}

// report fills the row. What has not come about is left out, and so is what
// only the inside of a system tells.
func (e *election) report(row *results.Trial, inside bool) {
	if e.detected != 0 {
		row.DetectMS = milliseconds(e.detected - e.t0)
	}
	if e.paper != 0 {
		row.PaperMS = milliseconds(e.paper - e.t0)
	}
	if e.active == 0 {
		return
	}
	w := &e.seats[e.winner]
	row.ElectMS = milliseconds(e.active - e.t0)
	if e.left != 0 && !e.dead {
		row.OverlapMS = milliseconds(e.left - e.active)
	}
	if e.detected != 0 && w.elected >= e.detected {
		row.VoteMS = milliseconds(w.elected - e.detected)
		row.ActivateMS = milliseconds(e.active - w.elected)
	}
	row.Leader = results.Number(e.winner)
	row.BestLeader = e.bestWon()
	if e.votes > 0 {
		row.Votes = results.Number(e.votes)
	}
	if inside {
		row.Refused = results.Number(e.refused)
	}
	if inside {
		row.Messages, row.Bytes = results.Number(e.messages), results.Number(e.bytes)
	}
	switch e.protocol {
	case "raft":
		row.Rounds = results.Number(e.newEpoch - e.oldEpoch)
		row.WinnerVotes = results.Number(w.had)
		lost, upTo := 0, 0
		for _, term := range e.stood {
			if term < e.newEpoch && !contains(e.won, term) {
				lost++
			}
			if term <= e.newEpoch {
				upTo++
			}
		}
		if row.SplitRounds = results.Number(lost); e.apart {
			row.Rounds = results.Number(upTo)
		}
	case "zab":
		if w.entered > 0 {
			row.Rounds, row.SplitRounds = results.Number(w.entered), results.Number(w.entered-1)
		}
		if inside {
			row.WaitRestarts = results.Number(e.restarts)
		}
		e.hindered.report(row, e.winner, inside)
	}
}

// marks are the ends of the phases that report has, with the fault before them.
func (e *election) marks() (marks []trace.Mark) {
	if !e.begun {
		return nil
	}
	marks = append(marks, trace.Mark{At: e.t0, Name: "begin"})
	if e.detected != 0 {
		marks = append(marks, trace.Mark{At: e.detected, Name: "detect"})
	}
	if e.active == 0 {
		return marks
	}
	if w := &e.seats[e.winner]; e.detected != 0 && w.elected >= e.detected {
		marks = append(marks, trace.Mark{At: w.elected, Name: "vote"})
	}
	return append(marks, trace.Mark{At: e.active, Name: "activate"})
}

func contains(set []uint64, x uint64) bool {
	for _, y := range set {
		if x == y {
			return true
		}
	}
	return false
}

// bestWon compares the winner with every other survivor, each by the data with
// which it last stood or voted.
func (e *election) bestWon() results.Number {
	w := &e.seats[e.winner]
	if !w.known {
		return results.None
	}
	for id := 1; id <= e.nodes; id++ {
		s := &e.seats[id]
		if NodeID(id) != e.winner && NodeID(id) != e.old && s.known && e.better(s.stand, NodeID(id), w.stand) {
			return 0
		}
	}
	return 1
}

func (e *election) better(s protocols.Status, id NodeID, w protocols.Status) bool {
	if e.protocol == "zab" {
		if s.Epoch != w.Epoch {
			return s.Epoch > w.Epoch
		}
		if s.Last != w.Last {
			return w.Last.Less(s.Last)
		}
		return id > e.winner
	}
	return w.Last.Less(s.Last)
}

func milliseconds(t Time) results.Number { return results.Number(t) / 1e6 }

// A witness passes what a system does on to the checks, and counts messages.
type witness struct {
	*check.Invariants
	conductor *conductor
}

func (w witness) Booted(now Time, node NodeID, r protocols.Recovered) {
	w.Invariants.Booted(now, node, r)
	w.conductor.timers.start(now, node)
}

func (w witness) Sent(now Time, from, to NodeID, kind uint8, size int) {
	w.conductor.sent(from, to, kind, size)
	w.conductor.election.hinders(from, to, kind, w.conductor.sys)
	if g := w.conductor.stage; g != nil {
		g.sent(now, from)
	}
}
