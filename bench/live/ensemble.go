package live

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/live/clock"
	"raftzab/bench/live/wire"
	"raftzab/protocols"
)

// An Ensemble is a running one. Its time is that of Config.Clock.
type Ensemble struct {
	cfg   Config
	dir   string
	in    *inbox
	order order
	alarm *clock.Alarm
	nodes []*node // node k+1 is the k-th
	doors []*door // likewise

	sessions map[place]*session
	listen   protocols.EventSet
	since    protocols.Time // what nodes did before is told to nobody
	failed   error          // what goes wrong in the background

	prompt, stamped []happening // that take may reuse
}

var _ bench.System = (*Ensemble)(nil)

// A place is where a client's session is.
type place struct {
	session uint32
	node    protocols.NodeID
}

// Start starts the nodes of an ensemble. They boot meanwhile: see Ready.
func Start(cfg Config) (_ *Ensemble, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	hold := protocols.Time(cfg.Hold)
	e := &Ensemble{cfg: cfg, dir: cfg.Dir, in: newInbox(cfg.Clock, hold), order: order{hold: hold}, sessions: make(map[place]*session)}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Close())
		}
	}()
	if e.alarm, err = clock.NewAlarm(); err != nil {
		return nil, fmt.Errorf("live: %w", err)
	}
	if e.dir == "" {
		if e.dir, err = os.MkdirTemp("", "raftzab-live-"); err != nil {
			return nil, fmt.Errorf("live: %w", err)
		}
	}
	for id := protocols.NodeID(1); int(id) <= cfg.Nodes; id++ {
		n := &node{id: id, dir: filepath.Join(e.dir, fmt.Sprintf("node%d", id))}
		n.log = n.dir + ".log"
		if err := os.MkdirAll(n.dir, 0o755); err != nil {
			return nil, fmt.Errorf("live: node %d: %w", id, err)
		}
		e.nodes = append(e.nodes, n)
		e.doors = append(e.doors, &door{dial: func() (net.Conn, error) { return cfg.Network.Dial(id, cfg.Port, cfg.Dial) }})
		if slices.Contains(cfg.Absent, id) {
			n.life = unborn(n)
		} else if err := e.boot(n); err != nil {
			return nil, fmt.Errorf("live: node %d: %w", id, err)
		}
	}
	return e, nil
}

// Dir is the folder with the nodes' folders and logs.
func (e *Ensemble) Dir() string { return e.dir }

// Now is the time, for the until of Run.
func (e *Ensemble) Now() protocols.Time { return e.cfg.Clock.Now() }

// A hearer is whom drive tells.
type hearer struct {
	observe func(protocols.Time, protocols.NodeID, protocols.Event)
	sent    func(now protocols.Time, from, to protocols.NodeID, kind uint8, size int)
	reply   func(protocols.Time, bench.Reply)
}

// Run implements bench.System. Replies that came between two runs are stamped with
// the beginning of the second; what nodes did keeps its stamp.
func (e *Ensemble) Run(h bench.Handler, until protocols.Time) error {
	listen := h.Listen()
	e.hear(listen)
	begin := e.Now()
	next := h.Wake(begin)
	return e.drive(until, hearer{
		observe: func(now protocols.Time, n protocols.NodeID, ev protocols.Event) {
			if listen&protocols.Events(ev.Kind) != 0 {
				h.Observe(now, n, ev)
			}
		},
		sent:  e.cfg.Sent,
		reply: func(now protocols.Time, r bench.Reply) { h.Reply(max(now, begin), r) },
	}, func(now protocols.Time) (protocols.Time, bool) {
		if next != 0 && next <= now {
			next = h.Wake(now)
		}
		return next, false
	})
}

// hear tells the nodes which events are wanted from now on.
func (e *Ensemble) hear(listen protocols.EventSet) {
	if listen == e.listen {
		return
	}
	e.listen = listen
	for _, n := range e.nodes {
		if err := n.life.order(wire.TypeListen, wire.AppendListen(nil, e.listening())); err != nil {
			e.fail(fmt.Errorf("live: node %d: %w", n.id, err))
		}
	}
}

func (e *Ensemble) listening() wire.Listen {
	return wire.Listen{Events: e.listen, Sent: e.cfg.Sent != nil}
}

// Ready waits until every node that is there and has not been crashed or paused answers, and all
// follow one active leader: the state in which a trial begins. What is under way
// for clients is forgotten, and no reply to it comes any more; what nodes did
// before is not told. It is not for Handlers.
func (e *Ensemble) Ready(timeout time.Duration) error {
	for _, s := range e.sessions {
		s.forget()
	}
	var wrong []misfit
	err := e.drive(e.Now()+protocols.Time(timeout), hearer{}, func(protocols.Time) (protocols.Time, bool) {
		wrong = e.misfits(wrong[:0])
		return 0, len(wrong) == 0
	})
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		text := fmt.Sprintf("live: not one leader that all follow after %v", timeout)
		for _, m := range wrong {
			text += ": " + m.why
			if m.node != nil {
				text += "; its log ends\n" + m.node.tail() + "\n"
			}
		}
		return errors.New(strings.TrimRight(text, "\n"))
	}
	e.since = e.Now()
	for x, ok := e.order.next(e.since + e.order.hold); ok; x, ok = e.order.next(e.since + e.order.hold) {
		e.told(x, hearer{})
	}
	return nil
}

// A misfit is what keeps an ensemble from being whole: a node, or none in particular.
type misfit struct {
	node *node
	why  string
}

// misfits appends what there are.
func (e *Ensemble) misfits(wrong []misfit) []misfit {
	var leader *life
	leaders, live := 0, 0
	for _, n := range e.nodes {
		if l := n.life; l.runs() {
			live++
			if l.status.Role == protocols.Leader && l.status.Active {
				leader = l
				leaders++
			}
		}
	}
	switch {
	case live == 0:
		return append(wrong, misfit{nil, "no node is up"})
	case leaders == 0:
		wrong = append(wrong, misfit{nil, "nobody leads"})
	case leaders > 1:
		wrong = append(wrong, misfit{nil, fmt.Sprintf("%d nodes lead", leaders)})
	}
	for _, n := range e.nodes {
		switch l := n.life; {
		case !l.runs():
		case !l.ready || !l.known:
			wrong = append(wrong, misfit{n, fmt.Sprintf("node %d does not answer", n.id)})
		case !l.status.Active || leaders == 1 && (l.status.Leader != leader.node.id || l.status.Epoch != leader.status.Epoch):
			wrong = append(wrong, misfit{n, fmt.Sprintf("node %d says %+v", n.id, l.status)})
		}
	}
	return wrong
}

// drive is the one loop that waits. Before each wait it hands on what has arrived,
// and then asks when to be back, at the latest, and whether to stop.
func (e *Ensemble) drive(until protocols.Time, to hearer, ask func(protocols.Time) (next protocols.Time, stop bool)) error {
	for {
		prompt, stamped, now := e.in.take(e.prompt, e.stamped)
		e.prompt, e.stamped = prompt, stamped
		for _, x := range stamped {
			e.order.add(x)
		}
		for x, ok := e.order.next(now); ok; x, ok = e.order.next(now) {
			e.told(x, to)
		}
		for i := range prompt {
			e.deliver(&prompt[i], to)
		}
		clear(prompt) // what they point to may go
		clear(stamped)
		if e.failed != nil {
			return e.failed
		}
		next, stop := ask(now)
		if stop || now >= until {
			return nil
		}
		if next == 0 || next > until {
			next = until
		}
		if due, held := e.order.due(); held && due < next {
			next = due
		}
		wait := e.cfg.Clock.Until(next)
		if wait <= 0 {
			continue
		}
		e.in.sleep(next)
		if err := e.alarm.Set(wait); err != nil {
			return fmt.Errorf("live: %w", err)
		}
		select {
		case <-e.in.ready:
		case <-e.alarm.C:
		}
	}
}

// told takes in what a node has done. What the dead did while they lived they have
// done.
func (e *Ensemble) told(x happening, to hearer) {
	l := x.life
	swallow := x.at < e.since
	switch x.kind {
	case happened:
		l.status, l.known = x.status, true
		for _, ev := range x.events {
			if to.observe != nil && !swallow {
				to.observe(x.at, l.node.id, ev)
			}
		}
	case sent:
		if to.sent != nil && !swallow {
			to.sent(x.at, l.node.id, x.to, x.message, x.size)
		}
	}
}

// deliver gives a prompt happening its effect.
func (e *Ensemble) deliver(x *happening, to hearer) {
	switch l := x.life; x.kind {
	case broke:
		e.fail(x.err)
	case replied:
		if x.period == x.session.period && to.reply != nil {
			to.reply(x.at, x.reply)
		}
	case ready:
		l.ready = true
	case failed:
		l.words = x.text
	case ended:
		e.ended(l, x.err)
	}
}

// ExitDisk is the exit code of a node whose disk has failed.
const ExitDisk = 4

// ended takes in that a process is no more. That a fault has ended it is known
// before, except that nobody knows when a disk fails.
func (e *Ensemble) ended(l *life, err error) {
	if l.dead {
		return
	}
	l.dead = true
	n := l.node
	if l.mortal && l.cmd.ProcessState.ExitCode() == ExitDisk {
		n.failing = false
		return
	}
	why := l.cmd.ProcessState.String()
	if err != io.EOF {
		why = err.Error()
	}
	if l.words != "" {
		why += ": " + l.words
	}
	e.fail(fmt.Errorf("live: node %d ended on its own: %s; its log ends\n%s", n.id, why, n.tail()))
}

func (e *Ensemble) fail(err error) {
	if e.failed == nil {
		e.failed = err
	}
}

// Submit implements bench.System. A session's first request at a node opens the
// connection and is refused, as all are until the node's machine has accepted it.
func (e *Ensemble) Submit(to protocols.NodeID, r bench.Request) {
	at := place{r.ID.Session, to}
	s := e.sessions[at]
	if s == nil {
		s = &session{node: to, door: e.doors[to-1], in: e.in}
		e.sessions[at] = s
		s.door.wait(s)
	}
	s.submit(r)
}

// Disconnect implements bench.System. The client connects again on its own.
func (e *Ensemble) Disconnect(session uint32, node protocols.NodeID) {
	if s := e.sessions[place{session, node}]; s != nil {
		s.disconnect()
	}
}

// Supports implements bench.System.
func (e *Ensemble) Supports(k fault.Kind) bool { return e.cfg.supports(k) }

// SupportsRead implements bench.System.
func (e *Ensemble) SupportsRead(m protocols.ReadMode) bool { return slices.Contains(e.cfg.Reads, m) }

// Status implements bench.System.
func (e *Ensemble) Status(id protocols.NodeID) (protocols.Status, bool) {
	l := e.nodes[id-1].life
	if !l.runs() || !l.known {
		return protocols.Status{}, false
	}
	return l.status, true
}

// Observed returns what run.json says of this ensemble, a sentence each.
func (e *Ensemble) Observed() []string {
	o := &e.order
	return append(e.cfg.Network.Observed(), fmt.Sprintf("of %d reports of nodes, held back for %v, %d came too late for their place, by up to %v",
		o.count, e.cfg.Hold, o.late, time.Duration(o.latest)))
}

// Close implements bench.System: it ends the sessions, kills the nodes and waits
// until they are gone.
func (e *Ensemble) Close() error {
	var errs []error
	for _, d := range e.doors {
		d.shut()
	}
	for _, s := range e.sessions {
		s.close()
	}
	for _, n := range e.nodes {
		if n.life != nil {
			errs = append(errs, n.life.kill())
			<-n.life.over
		}
	}
	for _, d := range e.doors {
		d.callers.Wait()
	}
	e.sessions, e.doors, e.nodes = nil, nil, nil
	if e.alarm != nil {
		errs = append(errs, e.alarm.Close())
		e.alarm = nil
	}
	if e.cfg.Dir == "" && e.dir != "" {
		errs = append(errs, os.RemoveAll(e.dir))
		e.dir = ""
	}
	return errors.Join(errs...)
}
