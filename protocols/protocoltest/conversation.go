package protocoltest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// Converse plays the conversations in a folder and compares what comes out with
// what they say, or rewrites them: see the package comment.
func Converse[M protocols.Message](t *testing.T, folder string, p Protocol[M]) {
	datadriven.Walk(t, folder, func(t *testing.T, path string) {
		c := &conversation[M]{protocol: p, values: names{base: 1 << 32}}
		c.print.detail = story
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			first := []string{d.Cmd}
			for _, a := range d.CmdArgs {
				first = append(first, a.String())
			}
			for _, line := range append([]string{strings.Join(first, " ")}, strings.Split(d.Input, "\n")...) {
				if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
					continue
				}
				if err := c.command(line); err != nil {
					d.Fatalf(t, "%s: %v", line, err)
				}
			}
			if out := c.print.take(); out != "" {
				return out
			}
			return "ok"
		})
		if c.world != nil {
			for _, h := range c.world.hosts[1:] {
				if h.up {
					h.laws.unchanged()
				}
			}
		}
	})
}

// A conversation plays one file.
type conversation[M protocols.Message] struct {
	protocol     Protocol[M]
	world        *world[M]
	print        printer
	keys, values names
	asked        []request // by session: each request is a client of its own
}

type request struct {
	text string
	read bool
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
	case "advance":
		if len(args) != 1 {
			return fmt.Errorf("write for instance advance 150ms")
		}
		d, err := time.ParseDuration(args[0])
		if err != nil {
			return err
		}
		w.advance(instant(d))
	case "settle":
		if !w.settle(1000*millisecond, 10_000*millisecond) {
			c.print.note(w.now, nil, "not settled after 10s")
		}
	case "heal":
		w.heal()
	case "status":
		c.status()
	case "log":
		c.log()
	case "partition":
		return c.partition(strings.Join(args, " "))
	case "deliver", "drop":
		return c.streams(name, args)
	case "timeout", "persist", "crash", "power-off", "restart", "propose", "read":
		return c.each(name, args)
	default:
		return fmt.Errorf("there is no such command")
	}
	return nil
}

func (c *conversation[M]) ensemble(args []string) error {
	delay, fsync, seed := 5*millisecond, millisecond, uint64(1)
	if len(args) == 0 {
		return fmt.Errorf("write for instance ensemble 5")
	}
	n, err := strconv.ParseUint(args[0], 10, 5)
	if err != nil || n == 0 {
		return fmt.Errorf("%q nodes; write a number from 1 to 31", args[0])
	}
	for _, a := range args[1:] {
		key, value, _ := strings.Cut(a, "=")
		d, err := time.ParseDuration(value)
		switch {
		case key == "seed":
			seed, err = strconv.ParseUint(value, 10, 64)
		case key == "delay":
			delay = instant(d)
		case key == "fsync":
			fsync = instant(d)
		default:
			err = fmt.Errorf("%q is no setting; there are seed, delay and fsync", key)
		}
		if err != nil {
			return err
		}
	}
	always := func(d instant) func() instant { return func() instant { return d } }
	say := func(node nodeID, format string, args ...any) {
		if c.print.detail == messages {
			c.print.note(c.world.now, []nodeID{node}, format, args...)
		}
	}
	c.asked = []request{{}}
	c.world = newWorld(c.protocol, int(n), seed, always(delay), always(fsync), sight[M]{
		event:     c.event,
		reply:     c.reply,
		arrived:   func(from, to nodeID, m M) { say(to, "%d->%d %v", from, to, m) },
		lost:      func(from, to nodeID, m M) { say(from, "%d->%d lost: %v", from, to, m) },
		broke:     func(at, peer nodeID) { say(at, "%d: connection with %d broke", at, peer) },
		persisted: func(at nodeID, seq uint64) { say(at, "%d: durable up to write %d", at, seq) },
		delivered: func(nodeID, protocols.Entry) {},
	})
	for _, id := range c.world.members() {
		c.world.start(id)
	}
	return nil
}

// each carries out a command about nodes on each of them.
func (c *conversation[M]) each(name string, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("which node?")
	}
	w := c.world
	ids, err := c.nodes(args[0], nil)
	if err != nil {
		return err
	}
	for _, id := range ids {
		h := w.hosts[id]
		if h.up == (name == "restart") {
			return fmt.Errorf("node %d is %s", id, map[bool]string{true: "up", false: "down"}[h.up])
		}
		switch name {
		case "timeout":
			err = w.timeout(id)
		case "persist":
			w.persist(id, len(h.pending))
		case "restart":
			c.print.say(w.now, id, "starts again, log to %v", lastOf(h.disk))
			w.start(id)
		case "crash", "power-off":
			keep := 0
			if len(args) > 1 {
				if keep, err = strconv.Atoi(strings.TrimPrefix(args[1], "keep=")); err != nil || keep < 0 {
					return fmt.Errorf("%q; write for instance keep=1", args[1])
				}
			}
			c.print.say(w.now, id, "down")
			w.crash(id, keep, name == "power-off")
		default:
			err = c.ask(id, name, args[1:])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func lastOf(r protocols.Recovered) protocols.EntryID {
	l := protocols.NewLog(r)
	return l.Last()
}

// ask sends a request of a new client to a node.
func (c *conversation[M]) ask(id nodeID, name string, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("what?")
	}
	key, value, put := strings.Cut(args[0], "=")
	if put != (name == "propose") {
		return fmt.Errorf("write for instance propose 1 x=7 or read 1 x")
	}
	r := bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: uint32(len(c.asked)), Seq: 1}, Key: uint32(c.keys.number(key)), Op: kv.Get}}
	if put {
		r.Op, r.Value, r.Size = kv.Put, c.values.number(value), 100
	} else if len(args) > 1 {
		modes := []string{"local", "leader", "index", "lease", "sync"}
		i := slices.Index(modes, args[1])
		if i < 0 {
			return fmt.Errorf("%q is no way to read; there are %s", args[1], strings.Join(modes, ", "))
		}
		r.Mode = protocols.ReadMode(i)
	}
	c.asked = append(c.asked, request{args[0], !put})
	c.print.note(c.world.now, []nodeID{id}, "client -> %d: %s", id, args[0])
	c.world.submit(id, r)
	return nil
}

// streams carries out deliver and drop on every stream of a pattern.
func (c *conversation[M]) streams(name string, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("which stream?")
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
	for _, f := range from {
		for _, t := range to {
			l := &w.links[f][t]
			n := min(most, len(l.queue))
			if f == t || n == 0 {
				continue
			}
			found = true
			if name == "drop" {
				w.drop(f, t)
				continue
			}
			if l.cut {
				return fmt.Errorf("there is a partition between %d and %d", f, t)
			}
			for range n {
				w.arrive(f, t)
			}
		}
	}
	if !found {
		return fmt.Errorf("nothing is under way there")
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

// nodes resolves a list of targets; named are those that @rest leaves out.
func (c *conversation[M]) nodes(text string, named []nodeID) (ids []nodeID, err error) {
	w := c.world
	for _, target := range strings.Split(text, ",") {
		leader := w.leader()
		var found []nodeID
		switch {
		case target == "@leader":
			if leader != protocols.None {
				found = append(found, leader)
			}
		case strings.HasPrefix(target, "@follower"):
			k, err := strconv.Atoi(strings.TrimPrefix(target, "@follower"))
			if err != nil {
				return nil, fmt.Errorf("%q; write for instance @follower1", target)
			}
			for _, h := range w.hosts[1:] {
				if h.up && h.id != leader {
					if k--; k == 0 {
						found = append(found, h.id)
					}
				}
			}
		case target == "@down" || target == "@rest" || target == "*":
			for _, h := range w.hosts[1:] {
				if target == "*" || target == "@down" && !h.up || target == "@rest" && !slices.Contains(named, h.id) && !slices.Contains(ids, h.id) {
					found = append(found, h.id)
				}
			}
		default:
			id, err := strconv.Atoi(target)
			if err != nil || id < 1 || id >= len(w.hosts) {
				return nil, fmt.Errorf("%q is no node", target)
			}
			found = append(found, nodeID(id))
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("there is no %s", target)
		}
		ids = append(ids, found...)
	}
	return ids, nil
}
