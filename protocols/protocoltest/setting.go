package protocoltest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"raftzab/protocols"
)

// A setting is what stands behind the word ensemble.
type setting struct {
	voters, observers int
	seed              uint64
	delay, fsync      instant
	images            int
	datagrams         bool
	stopped           bool
	options           []Option
}

// parseSetting takes the words for itself that the world knows, and leaves the
// others to the protocol.
func parseSetting(words []string) (setting, error) {
	s := setting{seed: 1, delay: 5 * millisecond, fsync: millisecond}
	for _, word := range words {
		key, value, pair := strings.Cut(word, "=")
		var err error
		switch {
		case word == "stopped":
			s.stopped = true
		case key == "seed":
			s.seed, err = strconv.ParseUint(value, 10, 64)
		case key == "delay":
			s.delay, err = parseDuration(value)
		case key == "fsync":
			s.fsync, err = parseDuration(value)
		case key == "learners" || key == "observers":
			s.observers, err = count(key, value)
		case key == "images":
			s.images, err = count(key, value)
		case word == "channel=stream" || word == "channel=datagram":
			s.datagrams = value == "datagram"
		case key == "channel":
			err = fmt.Errorf("%q is no channel; there are stream and datagram", value)
		default:
			if !pair {
				value = "true"
			}
			s.options = append(s.options, Option{key, value})
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

func count(key, value string) (int, error) {
	n, err := strconv.ParseUint(value, 10, 4)
	if err != nil {
		return 0, fmt.Errorf("%s=%s; write a number from 0 to 15", key, value)
	}
	return int(n), nil
}

func parseDuration(text string) (instant, error) {
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		err = fmt.Errorf("time does not go back by %s", text)
	}
	return instant(d), err
}

// ensemble makes a new world.
func (c *conversation[M]) ensemble(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("write for instance ensemble 5")
	}
	n, err := strconv.ParseUint(args[0], 10, 5)
	if err != nil || n == 0 {
		return fmt.Errorf("%q nodes; write a number from 1 to 31", args[0])
	}
	s, err := parseSetting(args[1:])
	if err != nil {
		return err
	}
	s.voters = int(n)
	always := func(d instant) func() instant { return func() instant { return d } }
	say := func(node nodeID, format string, args ...any) {
		if c.print.detail == messages {
			c.print.note(c.world.now, []nodeID{node}, format, args...)
		}
	}
	w, err := newWorld(c.protocol, s, always(s.delay), always(s.fsync), sight[M]{
		event:     c.event,
		reply:     c.reply,
		arrived:   func(from, to nodeID, m M) { say(to, "%d->%d %v", from, to, m) },
		lost:      func(from, to nodeID, m M) { say(from, "%d->%d lost: %v", from, to, m) },
		broke:     func(at, peer nodeID) { say(at, "%d: connection with %d broke", at, peer) },
		persisted: func(at nodeID, seq uint64) { say(at, "%d: durable up to write %d", at, seq) },
		saved: func(at nodeID, s protocols.Snapshot) {
			if c.print.detail >= story {
				c.print.say(c.world.now, at, "makes the snapshot %v", s.At)
			}
		},
		delivered: func(nodeID, protocols.Entry) {},
		restored:  func(nodeID, protocols.EntryID) {},
	})
	if err != nil {
		return err
	}
	c.end()
	c.stood, c.won = map[uint64]bool{}, map[uint64]bool{}
	c.world, c.asked, c.clients, c.sessions = w, map[protocols.RequestID]request{}, map[string]uint32{}, 0
	c.past = map[protocols.EntryID]protocols.Entry{}
	if !s.stopped {
		for _, id := range w.members() {
			w.start(id)
		}
	}
	return nil
}

// history gives nodes that have not run yet a log: the epochs of its entries,
// each followed by what it sets, if that matters. An entry of one position is
// the same at every node.
func (c *conversation[M]) history(args []string) error {
	const usage = "write for instance history 1: 1 1 4, or history 1: 1 x=7 1 x=8"
	if len(args) == 0 {
		return errors.New(usage)
	}
	hosts, err := c.stopped(strings.TrimSuffix(args[0], ":"))
	if err != nil {
		return err
	}
	var epochs []uint64
	texts := map[int]string{} // by index in epochs
	for _, a := range args[1:] {
		if strings.Contains(a, "=") && len(epochs) > 0 {
			texts[len(epochs)-1] = a
			continue
		}
		e, err := strconv.ParseUint(a, 10, 32)
		if err != nil || e == 0 || len(epochs) > 0 && e < epochs[len(epochs)-1] {
			return fmt.Errorf("%q is no epoch that can follow %v; %s", a, epochs, usage)
		}
		epochs = append(epochs, e)
	}
	epoch := uint64(0)
	if len(epochs) > 0 {
		epoch = epochs[len(epochs)-1]
	}
	for _, h := range hosts {
		h.disk = c.protocol.past(epoch, epochs)
		for i := range h.disk.Entries {
			e := &h.disk.Entries[i]
			if *e, err = c.pastEntry(e.ID, texts[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// pastEntry returns the entry that a position has in every history.
func (c *conversation[M]) pastEntry(at protocols.EntryID, text string) (protocols.Entry, error) {
	e, known := c.past[at]
	if known && c.asked[e.Command.ID].text != text {
		return e, fmt.Errorf("another node's entry %v is %q", at, c.asked[e.Command.ID].text)
	}
	if !known {
		key, value, _ := strings.Cut(text, "=") // without a text, a key that nobody asks for
		r := c.put(key, value)
		c.sessions++
		r.ID = protocols.RequestID{Session: c.sessions, Seq: 1}
		c.asked[r.ID] = request{text: text}
		e = protocols.Entry{ID: at, Command: r.Command}
		c.past[at] = e
	}
	return e, nil
}

// term raises the epoch that nodes that have not run yet have on their disks.
func (c *conversation[M]) term(args []string) error {
	words := strings.Fields(strings.ReplaceAll(strings.Join(args, " "), "=", " "))
	if len(words) != 2 {
		return fmt.Errorf("write for instance term 1=8")
	}
	hosts, err := c.stopped(words[0])
	if err != nil {
		return err
	}
	for _, h := range hosts {
		epoch, err := strconv.ParseUint(words[1], 10, 32)
		if last := lastOf(h.disk).Epoch; err != nil || epoch < last {
			return fmt.Errorf("%q; write a number from %d on, the last entry's", words[1], last)
		}
		entries := h.disk.Entries
		var epochs []uint64
		for _, e := range entries {
			epochs = append(epochs, e.ID.Epoch)
		}
		h.disk = c.protocol.past(epoch, epochs)
		copy(h.disk.Entries, entries)
	}
	return nil
}

// stopped resolves nodes that have not run yet.
func (c *conversation[M]) stopped(targets string) (hosts []*host[M], err error) {
	ids, err := c.nodes(targets, nil)
	for _, id := range ids {
		h := c.world.hosts[id]
		if h.life > 0 {
			return nil, fmt.Errorf("node %d has run; write ensemble %d stopped", id, len(c.world.ensemble.Voters))
		}
		hosts = append(hosts, h)
	}
	return hosts, err
}

// past is Past, or what it is where that is nil.
func (p *Protocol[M]) past(epoch uint64, epochs []uint64) protocols.Recovered {
	if p.Past != nil {
		return p.Past(epoch, epochs)
	}
	r := protocols.Recovered{Registers: protocols.Registers{epoch}}
	for i, e := range epochs {
		r.Entries = append(r.Entries, protocols.Entry{ID: protocols.EntryID{Epoch: e, Index: uint64(i) + 1}})
	}
	return r
}
