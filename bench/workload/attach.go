package workload

import "raftzab/protocols"

// bound reports whether a session is the leader's.
func (p *Population) bound(session uint32) bool {
	writes := session%perClient == 1
	return p.cfg.Attach == Leader || writes && !p.cfg.Forwards
}

// move takes a session away from a server that has failed it, unless it has moved
// already.
func (p *Population) move(session uint32, from NodeID) {
	if s := &p.sessions[session]; s.node == from {
		p.attach(session, from%NodeID(p.cfg.Voters+p.cfg.Observers)+1)
		if s.node == from && p.bound(session) { // the leader itself
			s.node = from%NodeID(p.cfg.Voters) + 1
		}
	}
}

// attach gives a session the first server from id on that it may have. Who leads is
// looked up as it is then; while nobody does, every voter is as good.
func (p *Population) attach(session uint32, id NodeID) {
	leader := p.leader()
	all := NodeID(p.cfg.Voters + p.cfg.Observers)
	s := &p.sessions[session]
	if p.bound(session) && leader != protocols.None && p.cfg.Finding == Known {
		s.node = leader
		return
	}
	for range all {
		voter := int(id) <= p.cfg.Voters
		switch {
		case p.bound(session) && p.cfg.Finding != Each:
			if voter {
				s.node = id
				return
			}
		case p.cfg.Attach == Any, p.cfg.Attach == Observers && !voter, p.cfg.Attach == Followers && voter && (id != leader || p.cfg.Voters == 1):
			s.node = id
			return
		}
		id = id%all + 1
	}
}

// leader is the active leader of the greatest epoch.
func (p *Population) leader() (leader NodeID) {
	var epoch uint64
	for id := NodeID(1); int(id) <= p.cfg.Voters; id++ {
		if s, ok := p.on.Status(id); ok && s.Role == protocols.Leader && s.Active && (leader == protocols.None || s.Epoch > epoch) {
			leader, epoch = id, s.Epoch
		}
	}
	return leader
}
