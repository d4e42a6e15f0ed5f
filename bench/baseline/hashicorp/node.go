package hashicorp

import (
	"errors"
	"io"
	"math/rand/v2"

	"github.com/hashicorp/raft"

	"raftzab/bench/kv"
	"raftzab/bench/random"
	"raftzab/protocols"
)

// A node is a server: its disk, and the life that runs on it, if one does.
type node struct {
	c     *Cluster
	id    NodeID
	store *raft.InmemStore // what its disk holds
	disk  *rand.Rand
	fsync random.Distribution
	lives uint32
	life  *life // nil: down
	dark  bool  // without power: nothing answers, not even a kernel
}

// A life is one run of the process. It is the library's state machine too.
type life struct {
	n      *node
	number uint32 // from 1
	watch  Watch
	trans  *transport
	kv     kv.Store
	dead   chan struct{} // closed when the life is over
	over   bool
	writes []*pending
}

// format makes the disk of a server that was installed and never run: the
// members stand in the first entry of every log.
func (n *node) format(members raft.Configuration) {
	n.store = raft.NewInmemStore()
	// The store in memory never fails.
	_ = n.store.SetUint64([]byte(KeyTerm), 1)
	_ = n.store.StoreLog(&raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(members)})
}

// boot begins a life.
func (n *node) boot() error {
	n.lives++
	l := &life{n: n, number: n.lives, dead: make(chan struct{})}
	l.watch.Emit = l.emit
	l.trans = newTransport(l)
	s := &store{n.store, l}
	r, err := raft.NewRaft(n.c.cfg.Library(n.id), l, s, s, raft.NewInmemSnapshotStore(), l.trans)
	if err != nil {
		return err
	}
	n.c.mu.Lock()
	l.watch.Raft, n.life = r, l
	n.light(true)
	n.c.mu.Unlock()
	r.RegisterObserver(raft.NewObserver(nil, false, l.observe))
	return nil
}

// kill ends the life. Silently: the machine loses its power, and nobody learns
// of it; otherwise its kernel closes its connections.
func (n *node) kill(silently bool) {
	c, l := n.c, n.life
	c.mu.Lock()
	n.life, l.over = nil, true
	close(l.dead)
	for _, w := range l.writes { // a prefix of what the disk was at may have become durable
		if n.disk.IntN(2) == 0 {
			break
		}
		w.do()
	}
	if silently {
		n.light(false)
	} else {
		c.closed(l)
	}
	c.mu.Unlock()
	// Everybody waited for time to pass when this began, so nothing is on its way
	// to the state machine and every client's goroutine gets its answer. Waiting
	// here takes no virtual time: dead stores and transports return at once.
	_ = l.watch.Raft.Shutdown().Error() // always nil
}

// observe sees a change of state in the goroutine that makes it.
func (l *life) observe(o *raft.Observation) bool {
	state, ok := o.Data.(raft.RaftState)
	if !ok {
		return false
	}
	l.n.c.mu.Lock()
	defer l.n.c.mu.Unlock()
	l.watch.Changed(o.Raft, state)
	return false
}

func (l *life) emit(e protocols.Event) {
	if !l.over && l.n.c.listen&(1<<e.Kind) != 0 {
		l.n.c.happen(happening{node: l.n.id, event: e})
	}
}

// looked makes the run's goroutine look whether a new leader has committed.
func (l *life) looked() {
	if l.watch.Waits() && !l.over {
		l.n.c.signal()
	}
}

// Apply takes an entry into the state machine and returns the version it made.
func (l *life) Apply(e *raft.Log) any {
	l.n.c.mu.Lock()
	defer l.n.c.mu.Unlock()
	ent := protocols.Entry{ID: protocols.EntryID{Epoch: e.Term, Index: e.Index}, Command: decode(e.Data)}
	version := l.kv.Apply(ent)
	l.emit(protocols.Event{Kind: protocols.Applied, At: ent.ID, ID: ent.Command.ID})
	return version
}

var errSnapshot = errors.New("hashicorp: snapshots are not taken")

// Snapshot is never called: the threshold is out of reach.
func (l *life) Snapshot() (raft.FSMSnapshot, error) { return nil, errSnapshot }

// Restore is never called.
func (l *life) Restore(io.ReadCloser) error { return errSnapshot }
