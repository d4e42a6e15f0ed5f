package zab

import "raftzab/protocols"

// A Vote proposes a leader by what makes it fit for the office.
type Vote struct {
	Leader    NodeID
	Zxid      Zxid   // its last
	PeerEpoch uint64 // its currentEpoch
}

// beats is totalOrderPredicate: the greater (peerEpoch, zxid, leader). The
// round of the election takes no part, and equal votes do not beat each other.
func (v Vote) beats(w Vote) bool {
	if v.PeerEpoch != w.PeerEpoch {
		return v.PeerEpoch > w.PeerEpoch
	}
	if v.Zxid != w.Zxid {
		return w.Zxid.Less(v.Zxid)
	}
	return v.Leader > w.Leader
}

// A ballot is a vote as a notification brought it.
type ballot struct {
	vote    Vote
	round   uint64         // the sender's electionEpoch
	state   protocols.Role // the sender's
	present bool
}

func (m *Message) ballot() ballot {
	return ballot{Vote{m.Leader, m.Zxid, m.PeerEpoch}, m.ElectionEpoch, m.State, true}
}

// same is Vote.equals, the equality that counts votes. Where one of the two is
// still looking, everything must agree. Two that have found their leader need
// to agree only on who it is and in which epoch: those who elected it name the
// zxid and round of that election, those who joined later do not know them
// (ZOOKEEPER-1805).
func (b *ballot) same(c *ballot) bool {
	if b.state == protocols.Candidate || c.state == protocols.Candidate {
		return b.vote == c.vote && b.round == c.round
	}
	return b.vote.Leader == c.vote.Leader && b.vote.PeerEpoch == c.vote.PeerEpoch
}
