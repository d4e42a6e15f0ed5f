package hashicorp

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hashicorp/raft"

	"raftzab/protocols"
)

var (
	errTimeout = errors.New("hashicorp: i/o timeout")
	errReset   = errors.New("hashicorp: connection reset by peer")
)

// A transport carries the RPCs of one life.
type transport struct {
	l         *life
	in        chan raft.RPC
	heartbeat func(raft.RPC)
	conn      []uint32 // by peer: the life at the other end of the connection; 0: none, the next RPC opens one
	calls     []*call
}

// A call is an RPC that its caller waits for.
type call struct {
	t    *transport
	to   NodeID
	life uint32 // at the other end, once known
	over bool
	done chan answer
}

type answer struct {
	response any
	err      error
}

func newTransport(l *life) *transport {
	return &transport{l: l, in: make(chan raft.RPC), conn: make([]uint32, l.n.c.cfg.Voters+1)}
}

// call sends a request and waits for what comes back.
func (t *transport) call(to NodeID, kind uint8, request any) (any, error) {
	c := t.l.n.c
	c.mu.Lock()
	if t.l.over {
		c.mu.Unlock()
		return nil, errDead
	}
	k := &call{t: t, to: to, life: t.conn[to], done: make(chan answer, 1)}
	t.calls = append(t.calls, k)
	c.sent(t.l.n.id, to, kind, request)
	c.post(t.l.n.id, to, func() { k.arrive(kind, request) })
	c.mu.Unlock()

	timeout := time.NewTimer(time.Duration(c.cfg.RPCTimeout))
	defer timeout.Stop()
	select {
	case a := <-k.done:
		return a.response, a.err
	case <-timeout.C:
	case <-t.l.dead:
	}
	c.mu.Lock()
	k.finish(answer{nil, errTimeout})
	c.mu.Unlock()
	a := <-k.done
	return a.response, a.err
}

// finish ends a call, once. After an error the connection is closed.
func (k *call) finish(a answer) {
	if k.over {
		return
	}
	k.over = true
	t := k.t
	for i := range t.calls {
		if t.calls[i] == k {
			t.calls = append(t.calls[:i], t.calls[i+1:]...)
			break
		}
	}
	if t.conn[k.to] = k.life; errors.Is(a.err, errTimeout) || errors.Is(a.err, errReset) {
		t.conn[k.to] = 0
	}
	k.done <- a
}

// arrive takes the request to whoever runs there now, as the goroutine of a
// connection does, and sends the answer.
func (k *call) arrive(kind uint8, request any) {
	from, c := k.t.l.n.id, k.t.l.n.c
	c.mu.Lock()
	n := c.nodes[k.to]
	l := n.life
	switch {
	case n.dark: // it will be sent again
		c.post(from, k.to, func() { k.arrive(kind, request) })
		c.mu.Unlock()
		return
	case l == nil || k.life != 0 && k.life != l.number: // the kernel answers: no such connection
		c.post(k.to, from, func() { k.fail() })
		c.mu.Unlock()
		return
	}
	k.life = l.number
	heartbeat := l.trans.heartbeat
	c.mu.Unlock()

	response := make(chan raft.RPCResponse, 1)
	rpc := raft.RPC{Command: request, RespChan: response}
	if a, ok := request.(*raft.AppendEntriesRequest); ok && heartbeat != nil && isHeartbeat(a) {
		heartbeat(rpc)
	} else {
		select {
		case l.trans.in <- rpc:
		case <-l.dead:
			return
		}
	}
	select {
	case r := <-response:
		c.mu.Lock()
		defer c.mu.Unlock()
		if l.over {
			return
		}
		if v, ok := r.Response.(*raft.RequestVoteResponse); ok && !v.Granted {
			l.emit(protocols.Event{Kind: protocols.VoteRefused, Peer: from, Epoch: request.(*raft.RequestVoteRequest).Term})
		}
		c.sent(k.to, from, kind+1, r.Response)
		c.post(k.to, from, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			k.finish(answer{r.Response, r.Error})
			k.t.l.looked()
		})
	case <-l.dead:
	}
}

// fail is the news that the connection is no more.
func (k *call) fail() {
	k.t.l.n.c.mu.Lock()
	defer k.t.l.n.c.mu.Unlock()
	k.finish(answer{nil, errReset})
}

// closed tells every peer that the connections to a dead process are closed.
func (c *Cluster) closed(l *life) {
	for _, p := range c.nodes[1:] {
		if p != l.n {
			c.post(l.n.id, p.id, func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				if p.life != nil {
					p.life.trans.broken(l.n.id, l.number)
				}
			})
		}
	}
}

// broken fails what was asked of a life that has ended.
func (t *transport) broken(peer NodeID, number uint32) {
	if t.conn[peer] == number {
		t.conn[peer] = 0
	}
	for _, k := range append([]*call(nil), t.calls...) {
		if k.to == peer && k.life == number {
			k.finish(answer{nil, errReset})
		}
	}
}

// isHeartbeat is NetworkTransport's test for the fast path that does not queue
// behind the disk.
func isHeartbeat(a *raft.AppendEntriesRequest) bool {
	return a.Term != 0 && a.Addr != nil && a.PrevLogEntry == 0 && a.PrevLogTerm == 0 && len(a.Entries) == 0 && a.LeaderCommitIndex == 0
}

// rpc is call with the types of one RPC. The request is copied: the library uses
// its own again after an error, when this one may still be on its way.
func rpc[Q, P any](t *transport, to raft.ServerAddress, kind uint8, request *Q, response *P) error {
	q := *request
	a, err := t.call(Number(to), kind, &q)
	if err != nil {
		return err
	}
	p, ok := a.(*P)
	if !ok {
		return fmt.Errorf("hashicorp: answer %T to %T", a, request)
	}
	*response = *p
	return nil
}

// What follows is raft.Transport, raft.WithPreVote and raft.WithClose.

func (t *transport) RequestVote(_ raft.ServerID, to raft.ServerAddress, a *raft.RequestVoteRequest, r *raft.RequestVoteResponse) error {
	return rpc(t, to, RequestVote, a, r)
}

func (t *transport) RequestPreVote(_ raft.ServerID, to raft.ServerAddress, a *raft.RequestPreVoteRequest, r *raft.RequestPreVoteResponse) error {
	return rpc(t, to, RequestPreVote, a, r)
}

func (t *transport) AppendEntries(_ raft.ServerID, to raft.ServerAddress, a *raft.AppendEntriesRequest, r *raft.AppendEntriesResponse) error {
	return rpc(t, to, appendKind(a), a, r)
}

func (t *transport) TimeoutNow(_ raft.ServerID, to raft.ServerAddress, a *raft.TimeoutNowRequest, r *raft.TimeoutNowResponse) error {
	return rpc(t, to, TimeoutNow, a, r)
}

// InstallSnapshot is never called: no log is ever cut off at its beginning.
func (t *transport) InstallSnapshot(raft.ServerID, raft.ServerAddress, *raft.InstallSnapshotRequest, *raft.InstallSnapshotResponse, io.Reader) error {
	return errSnapshot
}

func (t *transport) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

func (t *transport) Consumer() <-chan raft.RPC     { return t.in }
func (t *transport) LocalAddr() raft.ServerAddress { return address(t.l.n.id) }

func (t *transport) EncodePeer(_ raft.ServerID, a raft.ServerAddress) []byte { return []byte(a) }
func (t *transport) DecodePeer(b []byte) raft.ServerAddress                  { return raft.ServerAddress(b) }

// SetHeartbeatHandler is called within NewRaft, before anything can arrive.
func (t *transport) SetHeartbeatHandler(f func(raft.RPC)) { t.heartbeat = f }

// Close does nothing: whoever ends the life has closed everything.
func (t *transport) Close() error { return nil }
