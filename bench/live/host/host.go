// Package host answers what one node does in real time: it is the runtime inside
// the process of a node. A bench/node.Node decides; around it are sockets to the
// other nodes and to clients, a write-ahead log, a clock, and a pair of pipes to the
// process that watches over it.
//
// One goroutine owns the node, and nobody else calls it. What comes in gathers in an
// inbox while it is at work, and then is one batch: all messages, what the disk has
// done, and all requests in one Submit. So requests share messages, records and
// fsyncs exactly when there is much to do, and none waits for others to come.
//
//	peers   ─ reader ─┐                       ┌─ writer ─ peers
//	clients ─ reader ─┤  inbox ─ owner ───────┼─ writer ─ clients
//	alarm, commands ──┤    ▲                  └─ disk: append, fsync
//	disk ─────────────┘    └──── durable ────────────┘
//
// Messages go out while the own disk is at work; whatever has to wait for it, the
// replica holds back itself.
package host

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"

	"raftzab/bench/kv"
	"raftzab/bench/live/clock"
	"raftzab/bench/live/wal"
	"raftzab/bench/node"
	"raftzab/bench/random"
	"raftzab/protocols"
)

// Settings are what a node must know, in a form that can be handed over as JSON.
type Settings struct {
	ID      protocols.NodeID
	Peers   map[protocols.NodeID]netip.AddrPort // where each node listens for the others, this one included
	Clients netip.AddrPort                      // where this one listens for clients
	Dir     string                              // of its disk
	Images  int                                 // entries between two snapshots; 0: none
	Seed    uint64                              // of the replica's choices
	Start   int64                               // of the run, on CLOCK_MONOTONIC: what the instants of Happened count from
}

// Validate names everything that keeps s from working.
func (s *Settings) Validate() error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf("host: "+format, args...)) }
	if s.ID == protocols.None {
		wrong("the node has no number; they count from 1")
	}
	if _, ok := s.Peers[s.ID]; !ok {
		wrong("node %d is not among the peers %v", s.ID, s.Peers)
	}
	for id, at := range s.Peers {
		if !at.IsValid() || id == protocols.None {
			wrong("node %d is at %v", id, at)
		}
	}
	if !s.Clients.IsValid() {
		wrong("there is no address for clients")
	}
	if s.Dir == "" {
		wrong("there is no folder for the disk")
	}
	if s.Images < 0 {
		wrong("a snapshot every %d entries; write 0 for none", s.Images)
	}
	return errors.Join(problems...)
}

// A Message is a protocol's, with its form on the wire.
type Message interface {
	protocols.Message
	encoding.BinaryAppender
}

// A Config is Settings, and what cannot be written down.
type Config[M Message] struct {
	Settings
	New   func(protocols.Recovered, *rand.Rand) protocols.Replica[M]
	Parse func([]byte) (M, error) // undoes M's AppendBinary; the message shares no memory with its argument
	Disk  wal.Options

	// The pipes to the process that started this one: see package wire. A node
	// without Commands has nobody to obey; when they end, the node ends.
	Commands   io.Reader
	Happenings io.Writer

	Log func(string) // what an operator might want to know; nil: nobody does
}

// Reasons for which Serve ends.
var (
	ErrDisk   = errors.New("host: the disk fails")      // an fsync failed: what it was to make durable may be there or not
	ErrParent = errors.New("host: nobody commands any") // the control pipe is closed
)

// A host is one life of a node.
type host[M Message] struct {
	cfg   Config[M]
	life  uint64 // the instant of CLOCK_MONOTONIC at which it began
	bent  bend
	store *wal.Store
	in    inbox[M]
	disk  disk[M]
	links []*link[M] // by NodeID; nil: not a peer
	tell  *teller    // nil: nobody listens

	ctx  context.Context
	stop context.CancelFunc
	done sync.WaitGroup // of all goroutines

	mu      sync.Mutex
	closers map[io.Closer]bool // what must be closed for goroutines to end

	owner[M]
}

// Serve is a node's life. It ends with ctx, abruptly, as a process that is killed
// does, and then returns nil; or with an error. A panic of the replica, which has
// then broken a promise, is an error as well.
func Serve[M Message](ctx context.Context, cfg Config[M]) (err error) {
	if err := cfg.Validate(); err != nil {
		return err
	}
	h := &host[M]{cfg: cfg, life: uint64(clock.Monotonic()), closers: make(map[io.Closer]bool)}
	h.bent.begin(int64(h.life))
	h.in.ready = make(chan struct{}, 1)
	h.ctx, h.stop = context.WithCancel(ctx)
	if cfg.Happenings != nil {
		h.tell = newTeller(cfg.Happenings)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("host: node %d: %v\n%s", cfg.ID, r, debug.Stack())
		}
		err = errors.Join(err, h.end(err))
	}()
	if h.store, err = wal.Open(cfg.Dir, cfg.Disk); err != nil {
		return fmt.Errorf("host: node %d: %w", cfg.ID, err)
	}
	if err := h.boot(); err != nil {
		return err
	}
	return h.own()
}

// boot makes the node from its disk and opens its ports.
func (h *host[M]) boot() error {
	recovered, image := h.store.Recovered()
	replica := h.cfg.New(recovered, random.Stream(h.cfg.Seed, 0, random.Replica, uint64(h.cfg.ID)<<48^h.life))
	h.node = node.New(h.cfg.ID, replica, image, h.cfg.Images, func(at protocols.EntryID) *kv.Image { return h.store.Image(at) })
	h.named = recovered.Snapshot.At
	var err error
	if h.alarm, err = clock.NewAlarm(); err != nil {
		return fmt.Errorf("host: node %d: %w", h.cfg.ID, err)
	}
	h.links = newLinks(h)
	peers, err := h.open(h.cfg.Peers[h.cfg.ID], "nodes")
	if err != nil {
		return err
	}
	clients, err := h.open(h.cfg.Clients, "clients")
	if err != nil {
		return err
	}
	h.disk.begin(h)
	h.saves = make(chan *kv.Image, 1)
	h.goes(h.save)
	h.goes(func() { h.accept(peers, func(conn *net.TCPConn, _ int) { h.answer(conn) }) })
	h.goes(func() { h.accept(clients, h.serve) })
	for _, l := range h.links {
		if l != nil {
			l.greet()
		}
	}
	if h.cfg.Commands != nil {
		go h.obey() // it may be in a read that nothing ends
	}
	return nil
}

// goes runs f as a goroutine that end waits for.
func (h *host[M]) goes(f func()) {
	h.done.Add(1)
	go func() {
		defer h.done.Done()
		f()
	}()
}

func (h *host[M]) open(at netip.AddrPort, whom string) (*net.TCPListener, error) {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return nil, fmt.Errorf("host: node %d listens for %s: %w", h.cfg.ID, whom, err)
	}
	h.keep(l)
	return l, nil
}

// accept has serve look after each connection, which it numbers. It closes what serve
// leaves.
func (h *host[M]) accept(l *net.TCPListener, serve func(conn *net.TCPConn, number int)) {
	for number := 1; ; number++ {
		conn, err := l.AcceptTCP()
		if h.ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return
		}
		if err != nil {
			h.fail(fmt.Errorf("host: node %d: %w", h.cfg.ID, err))
			return
		}
		h.goes(func() {
			if h.keep(conn) {
				defer h.close(conn)
				serve(conn, number)
			}
		})
	}
}

// keep has end close c, and does so at once if that is over; close does it now.
func (h *host[M]) keep(c io.Closer) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closers == nil {
		c.Close()
		return false
	}
	h.closers[c] = true
	return true
}

func (h *host[M]) close(c io.Closer) {
	c.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.closers, c)
}

// fail ends the life because of err.
func (h *host[M]) fail(err error) { h.in.fail(err) }

func (h *host[M]) log(format string, args ...any) {
	if h.cfg.Log != nil {
		h.cfg.Log(fmt.Sprintf(format, args...))
	}
}

// end closes everything, as a kernel does for a process that dies, and waits until
// nothing runs any more.
func (h *host[M]) end(why error) error {
	h.stop()
	h.mu.Lock()
	closers := h.closers
	h.closers = nil
	h.mu.Unlock()
	for c := range closers {
		c.Close()
	}
	h.done.Wait()
	if h.alarm != nil {
		h.alarm.Close()
	}
	if h.tell != nil {
		h.tell.end(why)
	}
	if h.store == nil {
		return nil
	}
	if err := h.store.Close(); err != nil && why == nil { // a store that has failed says so again
		return fmt.Errorf("host: node %d: %w", h.cfg.ID, err)
	}
	return nil
}
