package hashicorpnode

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"raftzab/bench/baseline/hashicorp"
	"raftzab/bench/live/clock"
	"raftzab/bench/live/wire"
	"raftzab/protocols"
)

// A teller tells the process that started this one what happens.
type teller struct {
	clock  clock.Clock
	at     func(index uint64) protocols.EntryID
	listen atomic.Uint32 // protocols.EventSet
	waits  atomic.Bool   // for a commit: watch.Waits, without the lock

	mu      sync.Mutex
	watch   hashicorp.Watch
	asked   vote // the RequestVote that is being answered; its term is 0: none is
	last    vote // that was cast
	events  []protocols.Event
	status  protocols.Status // as it was told last
	told    bool             // that one was
	pending []byte           // frames
	more    chan struct{}    // holds one token while there may be some
}

// A vote is for a candidate in a term.
type vote struct {
	term      uint64
	candidate NodeID
}

func newTeller(start int64) *teller {
	t := &teller{clock: clock.At(start), more: make(chan struct{}, 1)}
	t.watch.Emit = func(e protocols.Event) { t.emit(e) }
	return t
}

// listens reports whether events of a kind are wanted.
func (t *teller) listens(k protocols.EventKind) bool {
	return protocols.EventSet(t.listen.Load())&protocols.Events(k) != 0
}

// tell tells the events that something leaves, and the status behind it, with the
// instant of now. A status that is as before is not worth telling of.
func (t *teller) tell(something func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now() // inside, so that the order of stamps is the order of telling
	something()
	t.waits.Store(t.watch.Waits())
	if t.watch.Raft == nil {
		return // it is being made
	}
	s := t.watch.Status(t.at)
	if len(t.events) == 0 && t.told && s == t.status {
		return
	}
	t.status, t.told = s, true
	t.pending = wire.AppendFrame(t.pending, wire.TypeHappened, wire.AppendHappened, wire.Happened{At: now, Status: s, Events: t.events})
	t.events = t.events[:0]
	t.wake()
}

// emit leaves events for whoever listens. It is called within tell, as what follows.
func (t *teller) emit(es ...protocols.Event) {
	for _, e := range es {
		if t.listens(e.Kind) {
			t.events = append(t.events, e)
		}
	}
}

// cast takes in a vote on the disk.
func (t *teller) cast(v vote) {
	t.last = v
	t.emit(protocols.Event{Kind: protocols.VoteCast, Peer: v.candidate, Epoch: v.term})
}

// observe sees a change in the goroutine that makes it.
func (t *teller) observe(o *raft.Observation) bool {
	switch x := o.Data.(type) {
	case raft.RaftState:
		t.tell(func() { t.watch.Changed(o.Raft, x) })
	case raft.LeaderObservation:
		t.tell(func() {})
	case raft.RequestVoteRequest:
		t.tell(func() { t.asked = vote{x.Term, hashicorp.Number(x.ID)} })
	}
	return false
}

// answered takes in that a RequestVote is. Without the vote on the disk it was
// refused.
func (t *teller) answered() {
	t.tell(func() {
		if t.asked.term != 0 && t.asked != t.last {
			t.emit(protocols.Event{Kind: protocols.VoteRefused, Peer: t.asked.candidate, Epoch: t.asked.term})
		}
		t.asked = vote{}
	})
}

// committed takes in that a leader has committed something.
func (t *teller) committed() {
	if t.waits.Load() {
		t.tell(t.watch.Activate)
	}
}

// say sends a frame without a body, or with a text.
func (t *teller) say(frame wire.Type, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending = wire.AppendFrame(t.pending, frame, wire.AppendText, text)
	t.wake()
}

func (t *teller) wake() {
	select {
	case t.more <- struct{}{}:
	default: // there is one
	}
}

// flush writes what there is.
func (t *teller) flush(to io.Writer) error {
	t.mu.Lock()
	frames := t.pending
	t.pending = nil
	t.mu.Unlock()
	if len(frames) == 0 {
		return nil
	}
	if _, err := to.Write(frames); err != nil {
		return fmt.Errorf("hashicorpnode: tell what happens: %w", err)
	}
	return nil
}

// ErrParent ends a server whose control pipe is closed: nobody wants it any more.
var ErrParent = errors.New("hashicorpnode: whoever started this server is gone")

// obey carries out what comes in over the control pipe, until it ends.
func (n *node) obey(in io.Reader) error {
	for r := wire.NewReader(in, 256); ; {
		frame, body, err := r.Next()
		if err == io.EOF {
			return ErrParent
		}
		if err != nil {
			return fmt.Errorf("hashicorpnode: commands: %w", err)
		}
		switch frame {
		case wire.TypeListen: // to messages too, perhaps, which are not told
			l, err := wire.ParseListen(body)
			if err != nil {
				return fmt.Errorf("hashicorpnode: commands: %w", err)
			}
			n.tell.listen.Store(uint32(l.Events))
		case wire.TypeTransfer:
			to, err := wire.ParseTransfer(body)
			if err != nil {
				return fmt.Errorf("hashicorpnode: commands: %w", err)
			}
			n.transfer(to)
		default: // nobody says that this server can do it
		}
	}
}

// transfer has a leader hand over. Nobody waits for how it ends: the next leader
// will be seen.
func (n *node) transfer(to NodeID) {
	if n.raft.State() == raft.Leader && to != n.cfg.ID {
		n.raft.LeadershipTransferToServer(hashicorp.ServerID(to), n.cfg.address(to))
	}
}
