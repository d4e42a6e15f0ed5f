package protocoltest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// A conversation plays one file.
type conversation[M protocols.Message] struct {
	protocol     Protocol[M]
	world        *world[M]
	print        printer
	keys, values names
	asked        map[protocols.RequestID]request
	clients      map[string]uint32 // the sessions of clients with a name
	sessions     uint32            // the last one in use: a request without a name is a client of its own
	past         map[protocols.EntryID]protocols.Entry
	tally        Played
	stood, won   map[uint64]bool // rounds of the present ensemble
}

type request struct {
	text   string
	client string // "bob#1"
	read   bool
}

func newConversation[M protocols.Message](p Protocol[M]) *conversation[M] {
	c := &conversation[M]{protocol: p, values: names{base: 1 << 32}}
	c.print.detail = story
	return c
}

// end takes in that an ensemble is done with.
func (c *conversation[M]) end() {
	if c.world == nil {
		return
	}
	for _, h := range c.world.hosts[1:] {
		if h.up {
			h.laws.unchanged()
		}
	}
	for round := range c.stood {
		if c.tally.Rounds++; !c.won[round] {
			c.tally.SplitRounds++
		}
	}
}

// command carries out one line.
func (c *conversation[M]) command(line string) error {
	words := strings.Fields(line)
	name, args := words[0], words[1:]
	if name == "trace" {
		d := slices.Index([]string{"quiet", "story", "messages"}, strings.Join(args, " "))
		if d < 0 {
			return fmt.Errorf("write trace quiet, trace story or trace messages")
		}
		c.print.detail = detail(d)
		return nil
	}
	if name == "ensemble" {
		return c.ensemble(args)
	}
	if c.world == nil {
		return fmt.Errorf("begin with ensemble")
	}
	w := c.world
	switch name {
	case "history":
		return c.history(args)
	case "term", "epoch":
		return c.term(args)
	case "advance":
		if len(args) != 1 {
			return fmt.Errorf("write for instance advance 150ms")
		}
		d, err := parseDuration(args[0])
		if err != nil {
			return err
		}
		w.advance(d)
	case "settle":
		if !w.settle(1000*millisecond, 10_000*millisecond) {
			c.print.note(w.now, nil, "not settled after 10s")
		}
	case "heal":
		if len(args) > 0 {
			return c.links(name, args)
		}
		w.heal()
	case "status":
		c.status()
	case "log":
		c.log()
	case "partition":
		return c.partition(strings.Join(args, " "))
	case "deliver", "drop", "duplicate", "reorder", "cut":
		return c.links(name, args)
	case "timeout", "persist", "compact", "clock", "crash", "power-off", "restart", "boot", "pause", "resume", "transfer", "propose", "read":
		return c.each(name, args)
	default:
		return fmt.Errorf("there is no such command")
	}
	return nil
}

// each carries out a command about nodes on each of them.
func (c *conversation[M]) each(name string, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("which node?")
	}
	ids, err := c.nodes(args[0], nil)
	if err != nil {
		return err
	}
	for _, id := range ids {
		h := c.world.hosts[id]
		if h.up == (name == "restart" || name == "boot") {
			return fmt.Errorf("node %d is %s", id, map[bool]string{true: "up", false: "down"}[h.up])
		}
		if mayPause := slices.Contains([]string{"resume", "crash", "power-off", "clock", "propose", "read"}, name); h.paused && !mayPause {
			return fmt.Errorf("node %d is paused", id)
		}
		if err := c.one(name, h, args[1:]); err != nil {
			return err
		}
	}
	return nil
}

// one carries out a command about one node.
func (c *conversation[M]) one(name string, h *host[M], args []string) error {
	w, id := c.world, h.id
	switch name {
	case "timeout":
		return w.timeout(id)
	case "persist":
		w.persist(id, len(h.pending))
		if h.saving != nil {
			w.save(h)
		}
	case "compact":
		return w.compact(id)
	case "clock":
		return c.clock(h, args)
	case "restart":
		c.print.say(w.now, id, "starts again, log to %v", lastOf(h.disk))
		w.start(id)
	case "boot":
		c.print.say(w.now, id, "starts, log to %v", lastOf(h.disk))
		w.start(id)
	case "crash", "power-off":
		keep, err := 0, error(nil)
		if len(args) > 0 {
			if keep, err = strconv.Atoi(strings.TrimPrefix(args[0], "keep=")); err != nil || keep < 0 {
				return fmt.Errorf("%q; write for instance keep=1", args[0])
			}
		}
		c.print.say(w.now, id, "down")
		w.crash(id, keep, name == "power-off")
	case "pause":
		c.print.say(w.now, id, "paused")
		h.paused = true
	case "resume":
		if !h.paused {
			return fmt.Errorf("node %d is not paused", id)
		}
		c.print.say(w.now, id, "goes on")
		w.resume(id)
	case "transfer":
		return c.transfer(id, args)
	default:
		return c.ask(id, name, args)
	}
	return nil
}

// clock has a node's clock jump, or run fast or slow from here on.
func (c *conversation[M]) clock(h *host[M], args []string) error {
	const usage = "write for instance clock 2 +500ms or clock 2 x1.5"
	w := c.world
	if len(args) != 1 {
		return errors.New(usage)
	}
	if by, ok := strings.CutPrefix(args[0], "+"); ok {
		d, err := parseDuration(by)
		if err != nil {
			return err
		}
		w.set(h, w.clock(h)+d, h.rate)
		c.print.say(w.now, h.id, "its clock jumps by %v", time.Duration(d))
		return nil
	}
	rate, err := strconv.ParseFloat(strings.TrimPrefix(args[0], "x"), 64)
	if err != nil || rate < 0.001 || rate > 1000 || args[0][0] != 'x' {
		return fmt.Errorf("%q; %s", args[0], usage)
	}
	w.set(h, w.clock(h), rate)
	c.print.say(w.now, h.id, "its clock runs %g times as fast as time", rate)
	return nil
}

func (c *conversation[M]) transfer(id nodeID, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("write for instance transfer @leader 3")
	}
	to, err := c.nodes(args[0], []nodeID{id})
	if err != nil {
		return err
	}
	if len(to) != 1 {
		return fmt.Errorf("%s are %d nodes; one can lead", args[0], len(to))
	}
	if c.print.detail >= story {
		c.print.say(c.world.now, id, "is asked to hand its leadership to %d", to[0])
	}
	return c.world.transfer(id, to[0])
}

func lastOf(r protocols.Recovered) protocols.EntryID {
	l := protocols.NewLog(r)
	return l.Last()
}

// ask sends a request to a node, of a new client or of one with a name.
func (c *conversation[M]) ask(id nodeID, name string, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("what?")
	}
	key, value, put := strings.Cut(args[0], "=")
	if put != (name == "propose") {
		return fmt.Errorf("write for instance propose 1 x=7 or read 1 x")
	}
	asked := request{text: args[0], client: "client", read: !put}
	r := bench.Request{Command: protocols.Command{Key: uint32(c.keys.number(key)), Op: kv.Get}}
	if put {
		r = c.put(key, value)
	}
	for _, a := range args[1:] {
		modes := []string{"local", "leader", "index", "lease", "sync"}
		if as, ok := strings.CutPrefix(a, "as="); ok {
			asked.client = as
			continue
		}
		i := slices.Index(modes, a)
		if put || i < 0 {
			return fmt.Errorf("%q is no way to %s; there are %s, and as=bob#1", a, name, strings.Join(modes, ", "))
		}
		if r.Mode = protocols.ReadMode(i); r.Mode > protocols.ReadLeader {
			asked.text += " by " + a
		}
	}
	if err := c.number(&r, &asked); err != nil {
		return err
	}
	c.print.note(c.world.now, []nodeID{id}, "%s -> %d: %s", asked.client, id, asked.text)
	c.world.submit(id, r)
	return nil
}

func (c *conversation[M]) put(key, value string) bench.Request {
	return bench.Request{Command: protocols.Command{Key: uint32(c.keys.number(key)), Op: kv.Put, Value: c.values.number(value), Size: 100}}
}

// number gives a request its session and number: those of bob#1, or of a new
// client. The same once more is a retry.
func (c *conversation[M]) number(r *bench.Request, asked *request) error {
	if asked.client == "client" {
		c.sessions++
		r.ID = protocols.RequestID{Session: c.sessions, Seq: 1}
		c.asked[r.ID] = *asked
		return nil
	}
	client, number, _ := strings.Cut(asked.client, "#")
	seq, err := strconv.ParseUint(number, 10, 32)
	if err != nil || seq == 0 || client == "" {
		return fmt.Errorf("as=%s; write for instance as=bob#1", asked.client)
	}
	if c.clients[client] == 0 {
		c.sessions++
		c.clients[client] = c.sessions
	}
	r.ID = protocols.RequestID{Session: c.clients[client], Seq: uint32(seq)}
	if before, retry := c.asked[r.ID]; retry && before.text != asked.text {
		return fmt.Errorf("%s was %s; a retry asks for the same", asked.client, before.text)
	}
	c.asked[r.ID] = *asked
	return nil
}

// links carries out a command about the links of a pattern, on each of them.
func (c *conversation[M]) links(name string, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("which link?")
	}
	a, b, arrow := strings.Cut(args[0], "->")
	if !arrow {
		return fmt.Errorf("write for instance %s 1->2", name)
	}
	from, err := c.nodes(a, nil)
	if err != nil {
		return err
	}
	to, err := c.nodes(b, from)
	if err != nil {
		return err
	}
	most := 1 << 30
	if len(args) > 1 {
		if most, err = strconv.Atoi(args[1]); err != nil || most < 1 {
			return fmt.Errorf("%q messages; write a number from 1", args[1])
		}
	}
	w, found := c.world, false
	if (name == "duplicate" || name == "reorder") && !w.datagrams {
		return fmt.Errorf("a stream does not %s; write ensemble %d channel=datagram", name, len(w.ensemble.Voters))
	}
	for _, f := range from {
		for _, t := range to {
			if f == t {
				continue
			}
			if name == "cut" || name == "heal" {
				w.cut(f, t, name == "cut")
				found = true
				continue
			}
			n := min(most, len(w.links[f][t].queue))
			if n == 0 {
				continue
			}
			found = true
			if err := c.link(name, f, t, n); err != nil {
				return err
			}
		}
	}
	if !found {
		return fmt.Errorf("nothing is under way there")
	}
	if name == "cut" {
		c.print.note(w.now, slices.Concat(from, to), "cut %s->%s", list(from), list(to))
	}
	return nil
}

// link does something with the first n packets of a link.
func (c *conversation[M]) link(name string, from, to nodeID, n int) error {
	w := c.world
	switch {
	case name == "drop":
		w.drop(from, to)
	case name == "reorder":
		w.reorder(from, to)
	case w.links[from][to].cut:
		return fmt.Errorf("there is a partition between %d and %d", from, to)
	case w.hosts[to].paused:
		return fmt.Errorf("node %d is paused", to)
	case name == "duplicate":
		w.duplicate(from, to, n)
	default:
		for range n {
			w.arrive(from, to)
		}
	}
	return nil
}

func (c *conversation[M]) partition(text string) error {
	var groups [][]nodeID
	var named []nodeID
	var shown []string
	for _, g := range strings.Split(text, "|") {
		ids, err := c.nodes(strings.TrimSpace(g), named)
		if err != nil {
			return err
		}
		groups, named = append(groups, ids), append(named, ids...)
		slices.Sort(ids)
		shown = append(shown, list(ids))
	}
	c.print.note(c.world.now, named, "partition %s", strings.Join(shown, " | "))
	c.world.partition(groups)
	return nil
}
