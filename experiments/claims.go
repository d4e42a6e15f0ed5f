package experiments

import "slices"

// A Claim is a statement about Raft and Zab that experiments put to the test. They are
// those of an introduction to Raft that goes on to list how Raft and Zab differ;
// textbooks and blogs repeat them.
type Claim struct {
	ID   string // stable: scenarios, results and pages name it
	Says string
}

// Group returns what the claim is about.
func (c *Claim) Group() string {
	switch c.ID[0] {
	case 'R':
		return "What Raft promises"
	case 'D':
		return "How requests are handled differently"
	default:
		return "How leaders are elected differently"
	}
}

// Claims are all there are, those of a group side by side.
var Claims = []Claim{
	{"R1", "A server is follower, candidate or leader. A follower whose election timeout, drawn from 150-300 ms, runs out becomes a candidate; granting a vote and hearing from the leader set the timer anew."},
	{"R2", "More than half of the votes make a leader, 3 of 5; its heartbeats keep it in office."},
	{"R3", "After the leader has crashed the others elect a new one. The old one comes back with an older term and steps down by itself."},
	{"R4", "Of four servers two stand at once and get two votes each: nobody wins term 2, and the first whose timer runs out wins term 3."},
	{"R5", "A candidate whose timer ran out late, when the others have voted, is refused, and steps down at the leader's heartbeat."},
	{"R6", "A write is first uncommitted in the leader's log, then on a majority, then committed and answered. The next AppendEntries tells the followers."},
	{"R7", "Five servers are split 2 | 3, with the old leader on the small side: a write there stays uncommitted and its client gets an error, while the large side elects a leader and commits. After healing the old leader steps down, its write is removed and the other one is everywhere."},
	{"R8", "Logs that lack entries, have too many, or both, as the six followers in figure 7 of the Raft paper, all converge on the leader's, which finds where they agree by stepping nextIndex back."},
	{"R9", "Voters refuse a candidate whose log is less up to date than their own, so a new leader has every committed entry."},
	{"R10", "A leader commits entries of earlier terms only through one of its own term (figure 8 of the Raft paper)."},
	{"R11", "Votes may be split again and again; random timeouts make that rare."},
	{"D1", "A client of ZooKeeper talks to any one server for everything; a client of Raft looks for the leader and talks to it."},
	{"D2", "A Zab server answers reads from its own state: possibly old, but always something that a majority had confirmed."},
	{"D3", "A sync before the read makes it return the latest value."},
	{"D4", "Observers raise read throughput, and slow down neither writes nor elections."},
	{"D5", "Zab's leader broadcasts COMMIT as soon as half have acknowledged, then applies and answers. Raft's commits and answers first, and followers learn of it with the next heartbeat; that does no harm, since reads go to the leader."},
	{"E1", "Zab's votes are one-way and mesh-like: a server sends its vote again only when it finds a better candidate. Raft's are requests and responses."},
	{"E2", "In one round a Zab server may vote many times; a Raft server votes once a term."},
	{"E3", "Zab prefers the newest data, then the largest myid. Even with a majority it waits 200 ms for something better, and because of the network the best need not win. A Raft candidate with a majority is leader at once."},
	{"E4", "An election of Zab takes longer, but one round always elects; a round of Raft takes about constant time, but one may not be enough."},
	{"E5", "It is harder to be accepted as leader in Zab: half of the votes received must be for it, or half of the servers must follow it already, and it must say itself that it leads. In Raft the first AppendEntries of the new term is enough."},
	{"E6", "Raft makes split votes rarer by drawing its timeouts at random."},
}

// ClaimOf returns the claim of this id, or nil.
func ClaimOf(id string) *Claim {
	i := slices.IndexFunc(Claims, func(c Claim) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &Claims[i]
}

func claimIDs() (ids []string) {
	for _, c := range Claims {
		ids = append(ids, c.ID)
	}
	return ids
}
