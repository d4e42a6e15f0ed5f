package protocoltest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"raftzab/bench"
	"raftzab/protocols"
)

// How much a conversation prints.
type detail uint8

const (
	quiet    detail = iota // what clients see
	story                  // and elections, roles, phases, commits, truncations
	messages               // and every message and fsync
)

// A printer gathers lines. Those of one instant that differ only in the node
// become one, "1,2,4: votes for 3 in term 2", as long as each node's own lines
// keep their order.
type printer struct {
	detail detail
	lines  []printed
	past   span
}

// A span is entries without a text of their own, committed one after the other
// by one node: they share a line.
type span struct {
	at          instant
	node        nodeID // None: nothing
	first, last protocols.EntryID
}

type printed struct {
	at    instant
	nodes []nodeID // whose line it is
	named bool     // it begins with them
	text  string
}

// commits prints, with what follows, that a node commits an entry of a history.
func (p *printer) commits(at instant, node nodeID, id protocols.EntryID) {
	if s := &p.past; s.node != node || s.at != at {
		p.flush()
		*s = span{at, node, id, id}
	}
	p.past.last = id
}

func (p *printer) flush() {
	s := p.past
	p.past = span{}
	switch {
	case s.node == protocols.None:
	case s.first == s.last:
		p.say(s.at, s.node, "commits %v", s.first)
	default:
		p.say(s.at, s.node, "commits %v to %v", s.first, s.last)
	}
}

// say prints what happened at a node.
func (p *printer) say(at instant, node nodeID, format string, args ...any) {
	p.flush()
	text := fmt.Sprintf(format, args...)
	for i := len(p.lines) - 1; i >= 0 && p.lines[i].at == at; i-- {
		l := &p.lines[i]
		if slices.Contains(l.nodes, node) {
			break
		}
		if l.named && l.text == text {
			l.nodes = append(l.nodes, node)
			return
		}
		if p.detail == messages { // a line moved up could pass its cause
			break
		}
	}
	p.lines = append(p.lines, printed{at, []nodeID{node}, true, text})
}

// note prints a line that names by itself the nodes it concerns.
func (p *printer) note(at instant, nodes []nodeID, format string, args ...any) {
	p.flush()
	p.lines = append(p.lines, printed{at, nodes, false, fmt.Sprintf(format, args...)})
}

// take returns what was said, and forgets it.
func (p *printer) take() string {
	p.flush()
	var b strings.Builder
	for _, l := range p.lines {
		if l.named {
			slices.Sort(l.nodes)
			b.WriteString(list(l.nodes) + ": ")
		}
		b.WriteString(l.text + "\n")
	}
	p.lines = p.lines[:0]
	return b.String()
}

func list(ids []nodeID) string {
	var s []string
	for _, id := range ids {
		s = append(s, strconv.Itoa(int(id)))
	}
	return strings.Join(s, ",")
}

// event says what an event means in the words of the protocol's paper. What
// another event says as well is left out: a leader was elected, a candidate
// began a round, a commit shows in what is applied.
func (c *conversation[M]) event(node nodeID, e protocols.Event) {
	switch e.Kind {
	case protocols.RoundBegan:
		c.stood[e.Epoch] = true
	case protocols.VoteCast:
		c.tally.Votes++
	case protocols.Elected:
		c.won[e.Epoch] = true
	}
	if c.print.detail < story {
		return
	}
	p, words := &c.print, &c.protocol
	say := func(format string, args ...any) { p.say(c.world.now, node, format, args...) }
	switch e.Kind {
	case protocols.RoleChanged:
		if e.Role == protocols.Follower || e.Role == protocols.Observer {
			say("%v%s", e.Role, in(words.Epoch, e.Epoch))
		}
	case protocols.RoundBegan:
		say("%s%s", words.Candidate, in(words.Round, e.Epoch))
	case protocols.VoteCast:
		if e.Peer == node {
			say("votes for itself%s", in(words.Round, e.Epoch))
			return
		}
		say("votes for %d%s", e.Peer, in(words.Round, e.Epoch))
	case protocols.VoteRefused:
		say("refuses %d its vote%s", e.Peer, in(words.Round, e.Epoch))
	case protocols.Elected:
		say("elected%s", in(words.Round, e.Epoch))
	case protocols.PhaseEntered:
		if e.Phase == protocols.Election { // RoundBegan
			return
		}
		say("%s%s", strings.ToLower(e.Phase.String()), in(words.Epoch, e.Epoch))
	case protocols.Activated:
		say("may commit%s", in(words.Epoch, e.Epoch))
	case protocols.Proposed:
		say("proposes %v %s", e.At, c.operation(e.ID))
	case protocols.LogTruncated:
		say("cuts its log to %v", e.At)
	case protocols.SyncChosen:
		say("brings %d level from %v by %s", e.Peer, e.At, strings.ToUpper(e.Phase.String()))
	case protocols.Applied:
		if c.operation(e.ID) == "" {
			p.commits(c.world.now, node, e.At)
			return
		}
		say("commits %v %s", e.At, c.operation(e.ID))
	case protocols.Restored:
		say("takes the snapshot %v", e.At)
	case protocols.WaitRestarted:
		say("waits anew for a better vote%s", in(words.Round, e.Epoch))
	}
}

func in(unit string, number uint64) string {
	if number == 0 {
		return ""
	}
	return fmt.Sprintf(" in %s %d", unit, number)
}

func (c *conversation[M]) reply(r bench.Reply) {
	what, asked := c.operation(r.ID), c.asked[r.ID]
	switch {
	case r.Outcome == bench.Unknown:
		what += " unknown: it may or may not take effect"
	case r.Outcome == bench.Refused && r.Leader != protocols.None:
		what += fmt.Sprintf(" refused, ask %d", r.Leader)
	case r.Outcome == bench.Refused:
		what += " refused"
	case asked.read && r.Version == 0:
		what += " is not there"
	case asked.read:
		what += " is " + c.values.name(r.Value)
	default:
		what += " OK"
	}
	if asked.client != "client" && r.Outcome == bench.OK { // one that may try again: how often has its key been written?
		what += fmt.Sprintf(", version %d", r.Version)
	}
	c.print.note(c.world.now, []nodeID{r.Node}, "%s <- %d: %s", asked.client, r.Node, what)
}

// operation names what a request asks for.
func (c *conversation[M]) operation(id protocols.RequestID) string {
	if id == (protocols.RequestID{}) {
		return "no-op"
	}
	return c.asked[id].text
}

// status prints what each node says of itself.
func (c *conversation[M]) status() {
	for _, h := range c.world.hosts[1:] {
		if !h.up {
			c.print.say(c.world.now, h.id, "down")
			continue
		}
		s := h.node.Status()
		role := s.Role.String()
		if s.Role == protocols.Candidate {
			role = c.protocol.Candidate
		}
		if s.Role != protocols.Leader && s.Leader != protocols.None {
			role += fmt.Sprintf(" of %d", s.Leader)
		}
		if s.Role == protocols.Leader && !s.Active {
			role += ", not yet active,"
		}
		if h.paused {
			role = "paused, " + role
		}
		c.print.say(c.world.now, h.id, "%s%s, log to %v, committed to %v", role, in(c.protocol.Epoch, s.Epoch), s.Last, s.Committed)
	}
}

// log prints each node's log, or what the disk of a node that is down holds:
// the snapshot that recovery starts from, if any, and the entries, which may
// begin below it.
func (c *conversation[M]) log() {
	for _, h := range c.world.hosts[1:] {
		r := h.disk
		r.Entries = slices.Clone(r.Entries)
		for _, w := range h.pending {
			r.Apply(w)
		}
		var committed protocols.EntryID
		line := ""
		if h.up {
			committed = h.node.Status().Committed
		} else {
			line = "down "
		}
		snapshot := r.Snapshot.At != (protocols.EntryID{})
		if snapshot {
			line += fmt.Sprintf("[%v]", r.Snapshot.At)
			if r.Snapshot.At != h.disk.Snapshot.At {
				line += "*"
			}
			if line += " "; committed == r.Base {
				line += "| "
			}
		}
		if len(r.Entries) == 0 && !snapshot {
			line += "empty"
		}
		for i, e := range r.Entries {
			line += strings.TrimSpace(fmt.Sprintf("%v %s", e.ID, c.operation(e.Command.ID)))
			if !slices.Contains(h.disk.Entries, e) {
				line += "*"
			}
			if h.up && committed == e.ID {
				line += " |"
			} else if i+1 < len(r.Entries) {
				line += ","
			}
			line += " "
		}
		c.print.say(c.world.now, h.id, "%s", strings.TrimSpace(line))
	}
}

// names gives words numbers and numbers back their words.
type names struct {
	words []string
	base  uint64 // of the first word's number; numbers below it stand for themselves
}

func (n *names) number(word string) uint64 {
	if v, err := strconv.ParseUint(word, 10, 32); err == nil && n.base > 0 {
		return v
	}
	i := slices.Index(n.words, word)
	if i < 0 {
		i, n.words = len(n.words), append(n.words, word)
	}
	return n.base + uint64(i)
}

func (n *names) name(number uint64) string {
	if number < n.base {
		return strconv.FormatUint(number, 10)
	}
	return n.words[number-n.base]
}
