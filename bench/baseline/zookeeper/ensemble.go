package zookeeper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/bench/live/clock"
	"raftzab/bench/live/lan"
	"raftzab/protocols"
)

// An Ensemble is a running one. Its time is nanoseconds since Start.
type Ensemble struct {
	inst    Installation
	cfg     Config
	flags   []string // of the JVMs
	network lan.Network
	dir     string
	in      *inbox
	alarm   *clock.Alarm
	buffer  []happening // that take may reuse
	servers []*server   // server k+1 is the k-th

	sessions    map[place]*session
	gates       []gate // of server k+1 the k-th
	established uint64 // the greatest epoch so far
	cut         bool   // some links among the servers are, as far as we were told
	hindered    Hindrances
	failed      error // what goes wrong in the background
}

var _ bench.System = (*Ensemble)(nil)

// A place is where a client's session is.
type place struct {
	session uint32
	node    protocols.NodeID
}

// Start boots an ensemble and returns when every server that is not absent serves,
// and the znodes are there.
func Start(ctx context.Context, inst Installation, cfg Config) (_ *Ensemble, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	e := &Ensemble{inst: inst, cfg: cfg, flags: cfg.JVMFlags(), network: cfg.Network, dir: cfg.Dir, in: newInbox(), sessions: make(map[place]*session), gates: make([]gate, cfg.members())}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Close())
		}
	}()
	if e.alarm, err = clock.NewAlarm(); err != nil {
		return nil, fmt.Errorf("zookeeper: %w", err)
	}
	if e.network == nil {
		if e.network, err = lan.Loopback(cfg.members()); err != nil {
			return nil, fmt.Errorf("zookeeper: %w", err)
		}
	}
	if e.dir == "" {
		if e.dir, err = os.MkdirTemp("", "raftzab-zookeeper-"); err != nil {
			return nil, fmt.Errorf("zookeeper: %w", err)
		}
	}
	if e.servers, err = newServers(e.dir, cfg, e.network); err != nil {
		return nil, err
	}
	for _, s := range e.servers {
		if slices.Contains(cfg.Absent, s.id) {
			s.life = unborn(s)
		} else if err = e.boot(s); err != nil {
			return nil, err
		}
	}
	if err = e.settle(ctx, cfg.Boot); err != nil {
		return nil, err
	}
	return e, e.makeKeys()
}

func (e *Ensemble) boot(s *server) (err error) {
	s.life, err = s.boot(e.inst, e.flags, e.network, e.in)
	return err
}

// dial returns how clients reach a server.
func (e *Ensemble) dial(to protocols.NodeID) dialer {
	return func(timeout time.Duration) (net.Conn, error) { return e.network.Dial(to, clientPort, timeout) }
}

// makeKeys creates the znodes, some hundred a transaction.
func (e *Ensemble) makeKeys() error {
	at := slices.IndexFunc(e.servers, func(s *server) bool { return s.life.serves() })
	server := &pinned{open: e.dial(e.servers[at].id), gate: new(gate)}
	client, err := server.connect(nil)
	if err != nil {
		return fmt.Errorf("zookeeper: %w", err)
	}
	defer client.Close()
	defer server.closed.Store(true)
	for from := 0; from < e.cfg.Keys; from += 200 {
		var creations []any
		for key := from; key < min(from+200, e.cfg.Keys); key++ {
			creations = append(creations, &zk.CreateRequest{Path: path(uint32(key)), Data: content(&protocols.Command{}), Acl: zk.WorldACL(zk.PermAll)})
		}
		if _, err := client.Multi(creations...); err != nil {
			return fmt.Errorf("zookeeper: create the znodes: %w", err)
		}
	}
	return nil
}

// Dir is the folder with the servers' data.
func (e *Ensemble) Dir() string { return e.dir }

// Now is the time, for the until of Run.
func (e *Ensemble) Now() protocols.Time { return e.in.now() }

// Run implements bench.System. What came between two runs is stamped with the
// beginning of the second.
func (e *Ensemble) Run(h bench.Handler, until protocols.Time) error {
	listen := h.Listen()
	begin := e.Now()
	next := h.Wake(begin)
	return e.drive(until, func(x happening) {
		x.at = max(x.at, begin)
		e.deliver(x, func(n protocols.NodeID, ev protocols.Event) {
			if listen&protocols.Events(ev.Kind) != 0 {
				h.Observe(x.at, n, ev)
			}
		}, func(r bench.Reply) { h.Reply(x.at, r) })
	}, func(now protocols.Time) (protocols.Time, bool) {
		if next != 0 && next <= now {
			next = h.Wake(now)
		}
		return next, false
	})
}

// Ready waits until every server that has not been crashed or paused serves,
// under one leader: the state in which a trial begins. What is under way for
// clients is forgotten; no reply to it comes any more. It is not for Handlers.
func (e *Ensemble) Ready(timeout time.Duration) error {
	for at, s := range e.sessions {
		s.forget()
		// A connection to a machine that was off would come to life, or rather be
		// found dead, with TCP's next retransmission: the later the longer it was off.
		if server := e.servers[at.node-1]; server.stale && !server.dark {
			s.server.hangUp()
		}
	}
	for _, s := range e.servers {
		s.stale = s.stale && s.dark
	}
	return e.settle(context.Background(), timeout)
}

func (e *Ensemble) settle(ctx context.Context, timeout time.Duration) error {
	defer context.AfterFunc(ctx, e.in.wake)()
	settled := false
	err := e.drive(e.Now()+protocols.Time(timeout), func(x happening) {
		e.deliver(x, func(protocols.NodeID, protocols.Event) {}, func(bench.Reply) {})
	}, func(protocols.Time) (protocols.Time, bool) {
		settled = e.settled()
		return 0, settled || ctx.Err() != nil
	})
	if err != nil || settled {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("zookeeper: %w", context.Cause(ctx))
	}
	for _, s := range e.servers {
		if st := s.life.view.status(); s.life.serves() && !st.Active {
			return fmt.Errorf("zookeeper: server %d does not serve after %v; its log ends\n%s", s.id, timeout, s.tail())
		}
	}
	return fmt.Errorf("zookeeper: the servers have not agreed on a leader after %v", timeout)
}

// settled reports whether all that can serve do, and under the same leader. One
// that serves may yet have to notice that its leader is cut off or gone: an
// observer takes longest, for no election needs it.
func (e *Ensemble) settled() bool {
	leader := protocols.None
	for _, s := range e.servers {
		if !s.life.serves() {
			continue
		}
		v := &s.life.view
		if leader == protocols.None {
			leader = v.leader
		}
		if !v.status().Active || v.leader != leader {
			return false
		}
	}
	return leader != protocols.None && e.servers[leader-1].life.serves() && e.servers[leader-1].life.view.role == protocols.Leader
}

// drive is the one loop that waits. Before each wait it hands on what has
// arrived, and then asks when to be back, at the latest, and whether to stop.
func (e *Ensemble) drive(until protocols.Time, deliver func(happening), ask func(protocols.Time) (next protocols.Time, stop bool)) error {
	for {
		batch, now := e.in.take(e.buffer)
		for k := range batch {
			deliver(batch[k])
			batch[k] = happening{}
		}
		e.buffer = batch
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
		wait := time.Duration(next - e.Now())
		if wait <= 0 {
			continue
		}
		if err := e.alarm.Set(wait); err != nil {
			return fmt.Errorf("zookeeper: timer: %w", err)
		}
		select {
		case <-e.in.ready:
		case <-e.alarm.C:
		}
	}
}

// deliver gives a happening its effect on what we know.
func (e *Ensemble) deliver(x happening, observe func(protocols.NodeID, protocols.Event), reply func(bench.Reply)) {
	switch l := x.life; {
	case x.err != nil:
		e.fail(x.err)
	case x.session != nil:
		if x.period == x.session.period {
			reply(x.reply)
		}
	case l.killed || l != l.server.life:
		// The last words of a server that is dead for everybody else.
	case x.ended:
		l.killed = true
		e.fail(fmt.Errorf("zookeeper: server %d ended on its own: %v; its log ends\n%s", l.server.id, l.cmd.ProcessState, l.server.tail()))
	default:
		e.hinder(x)
		l.view.take(x.fact, e.established, e.leaderAt, func(ev protocols.Event) { observe(l.server.id, ev) })
		e.established = max(e.established, l.view.epoch)
	}
}

func (e *Ensemble) fail(err error) {
	if e.failed == nil {
		e.failed = err
	}
}

func (e *Ensemble) leaderAt(where netip.Addr) protocols.NodeID {
	for _, s := range e.servers {
		if s.address == where {
			return s.id
		}
	}
	return protocols.None
}

// Submit implements bench.System. A session's first request at a server opens
// the connection and is refused, as all are until the server has accepted it.
// Seen is not looked at: ZooKeeper compares only when a client connects.
func (e *Ensemble) Submit(to protocols.NodeID, r bench.Request) {
	if int(r.Key) >= e.cfg.Keys || r.Op != kv.Put && r.Op != kv.Get {
		panic(fmt.Sprintf("zookeeper: request %v: operation %d on key %d of %d", r.ID, r.Op, r.Key, e.cfg.Keys))
	}
	at := place{r.ID.Session, to}
	s := e.sessions[at]
	if s == nil {
		var err error
		if s, err = newSession(to, e.dial(to), &e.gates[to-1], e.in); err != nil {
			e.in.put(happening{err: err})
			return
		}
		e.sessions[at] = s
	}
	s.submit(r)
}

// Disconnect implements bench.System. The client connects again on its own.
func (e *Ensemble) Disconnect(session uint32, node protocols.NodeID) {
	if s := e.sessions[place{session, node}]; s != nil {
		s.forget()
		s.server.hangUp()
	}
}

// Inject implements bench.System.
func (e *Ensemble) Inject(f fault.Fault) error {
	if !e.Supports(f.Kind) {
		return fmt.Errorf("zookeeper: %v: not here", f)
	}
	switch f.Kind {
	case fault.Crash, fault.PowerOff, fault.Restart, fault.Pause, fault.Resume:
	default:
		if err := e.network.Inject(f); err != nil {
			return fmt.Errorf("zookeeper: %w", err)
		}
		e.cut = e.cut && (f.Kind != fault.Heal || len(f.From) > 0) || f.Kind == fault.Partition || f.Kind == fault.Isolate || f.Kind == fault.Cut
		return nil
	}
	for _, id := range f.Nodes {
		s := e.servers[id-1]
		l := s.life
		var err error
		switch {
		case f.Kind == fault.Restart && !l.killed:
			err = errors.New("it runs")
		case f.Kind != fault.Restart && l.killed:
			err = errors.New("it is down")
		case f.Kind == fault.Crash:
			err = l.kill()
		case f.Kind == fault.PowerOff:
			s.dark, s.stale = true, true
			err = errors.Join(e.network.PowerOff(id), l.kill()) // silent first, so that nobody hears of the kill
		case f.Kind == fault.Pause:
			l.paused = true
			err = pause(l.cmd.Process)
		case f.Kind == fault.Resume:
			l.paused = false
			err = resume(l.cmd.Process)
		case f.Kind == fault.Restart:
			<-l.over // the kernel has yet to reap it only if it was killed just now
			if s.dark {
				if err = e.network.PowerOn(id); err != nil {
					break
				}
				s.dark = false
			}
			err = e.boot(s)
		}
		if err != nil {
			return fmt.Errorf("zookeeper: %v of server %d: %w", f.Kind, id, err)
		}
	}
	return nil
}

// Supports implements bench.System.
func (e *Ensemble) Supports(k fault.Kind) bool {
	switch k {
	case fault.Crash, fault.Restart, fault.Pause, fault.Resume:
		return true
	}
	return e.network.Supports(k)
}

// SupportsRead implements bench.System.
func (e *Ensemble) SupportsRead(m protocols.ReadMode) bool {
	return m == protocols.ReadLocal || m == protocols.ReadSync
}

// Status implements bench.System. A server tells how far its history goes only
// when it stands for election: Last is zero at other times, Committed always.
func (e *Ensemble) Status(id protocols.NodeID) (protocols.Status, bool) {
	l := e.servers[id-1].life
	return l.view.status(), l.serves()
}

// asking is how long a server may take to answer Ask.
const asking = 5 * time.Second

// Ask sends a server one of ZooKeeper's four letter words, "srvr" or "mntr", and
// returns what it says. It asks from inside the server's machine, so that no
// fault of the network is in the way. It waits for the answer: for between
// runs, not for Handlers.
func (e *Ensemble) Ask(id protocols.NodeID, word string) (answer string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("zookeeper: ask server %d for %s: %w", id, word, err)
		}
	}()
	c, err := e.network.Inside(id, clientPort, asking)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(asking)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(c, word); err != nil {
		return "", err
	}
	said, err := io.ReadAll(c)
	return string(said), err
}

// Close implements bench.System: it ends the sessions, kills the servers and
// waits until they are gone.
func (e *Ensemble) Close() error {
	var errs []error
	var closing sync.WaitGroup
	for _, s := range e.sessions {
		closing.Go(s.close)
	}
	closing.Wait()
	e.sessions = nil
	for _, s := range e.servers {
		if s.life != nil {
			errs = append(errs, s.life.kill())
			<-s.life.over
		}
	}
	e.servers = nil
	if e.alarm != nil {
		errs = append(errs, e.alarm.Close())
		e.alarm = nil
	}
	if e.cfg.Network == nil && e.network != nil {
		errs = append(errs, e.network.Close())
		e.network = nil
	}
	if e.cfg.Dir == "" && e.dir != "" {
		errs = append(errs, os.RemoveAll(e.dir))
	}
	return errors.Join(errs...)
}
