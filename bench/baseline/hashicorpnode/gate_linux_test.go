package hashicorpnode

import (
	"io"
	"maps"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/raft"

	"raftzab/bench"
	"raftzab/bench/check"
	"raftzab/bench/live/wire"
	"raftzab/bench/workload"
	"raftzab/protocols"
)

// The gate of reads that promise linearizability (check.NeverStale), for readindex,
// that is VerifyLeader. Server 1 is slow to say that it leads, from 6 s on; after half a
// second of silence the others elect another. It reaches them, and over a road that is
// cut they do not reach it: so it does not know. Clients write to the new leader, and
// ask the old one.

// With this in its environment too, a server reads without asking others whether it leads.
const asBeliever = "HASHICORPNODE_TEST_BELIEVER"

// A belief is the planted bug: VerifyLeader without a round of heartbeats.
type belief struct{ raft *raft.Raft }

func believe(r *raft.Raft) raft.Future { return belief{r} }

func (b belief) Error() error {
	if b.raft.State() != raft.Leader {
		return raft.ErrNotLeader
	}
	return nil
}

// A gate is what comes of the situation: how stale reads were, and how many of the
// deposed leader were answered or refused.
type gate struct {
	stale             *check.Staleness
	answers, refusals int
}

const (
	deposed     = NodeID(1)
	depositions = 3
	oldReads    = 10 // of the deposed leader, each time
)

// A road leads to a server, and can be cut.
type road struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	isCut bool
	conns []net.Conn // that end when it is cut
}

func build(t *testing.T, to string) *road {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r := &road{listener: l, to: to}
	go r.accept()
	t.Cleanup(func() {
		l.Close()
		r.cut(true)
	})
	return r
}

func (r *road) accept() {
	for {
		in, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		if out, err := net.Dial("tcp", r.to); r.isCut || err != nil {
			in.Close()
		} else {
			r.conns = append(r.conns, in, out)
			go io.Copy(in, out)
			go io.Copy(out, in)
		}
		r.mu.Unlock()
	}
}

func (r *road) cut(now bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.Close()
	}
	r.isCut, r.conns = now, nil
}

func runGate(t *testing.T) *gate {
	var r *road
	c := newCluster(t, func(s *Settings) {
		l := &s.Library
		if s.ID == deposed { // the first
			r = build(t, s.Peers[deposed].String())
			l.HeartbeatTimeout, l.ElectionTimeout, l.LeaderLease, l.CommitTimeout = 60_000*ms, 60_000*ms, 60_000*ms, 60_000*ms
			return
		}
		l.HeartbeatTimeout, l.ElectionTimeout, l.LeaderLease = 500*ms, 500*ms, 500*ms
		s.Peers = maps.Clone(s.Peers)
		s.Peers[deposed] = netip.MustParseAddrPort(r.listener.Addr().String())
	})

	g := &gate{stale: check.NewStaleness()}
	client := c.client(1)
	ask := func(id NodeID, r bench.Request) bool {
		o := workload.Operation{Client: 1, Op: r.Op, Mode: r.Mode, Key: r.Key, Start: c.clock.Now()}
		a, err := client.ask(id, r)
		if err != nil {
			t.Fatalf("server %d, asked for %+v: %v", id, r, err)
		}
		o.End, o.Node, o.Outcome, o.Version, o.At = c.clock.Now(), a.Node, a.Outcome, a.Version, a.At
		g.stale.Record(&o)
		return a.Outcome == bench.OK
	}
	value := uint64(0)
	put := func(id NodeID) bool { value++; return ask(id, client.put(1, value)) }
	get := func(id NodeID) bool { return ask(id, client.get(1, protocols.ReadIndex)) }

	c.until("server that takes clients", c.server(deposed).isReady)
	for range depositions {
		c.until("leader that will be slow", func() bool {
			transfer := wire.AppendFrame(nil, wire.TypeTransfer, wire.AppendTransfer, deposed)
			for _, s := range c.servers {
				s.order(transfer)
			}
			// When it has read, the barrier of its term is behind it.
			return put(deposed) && get(deposed)
		})
		r.cut(true)
		c.until("write at the next leader", func() bool { return put(c.leader(deposed)) })
		for range oldReads {
			if get(deposed) {
				g.answers++
			} else {
				g.refusals++
			}
		}
		r.cut(false)
	}
	return g
}

func TestReadsThatPromiseLinearizabilityAreNeverStale(t *testing.T) {
	g := runGate(t)
	if v := g.stale.Violation(); v != nil {
		t.Error(v)
	}
	if g.answers > 0 || g.refusals != depositions*oldReads {
		t.Errorf("a deposed leader answers %d reads and refuses %d", g.answers, g.refusals)
	}
}

func TestGateFailsOnALeaderThatBelievesItself(t *testing.T) {
	t.Setenv(asBeliever, "1")
	g := runGate(t)
	if v := g.stale.Violation(); v == nil || v.Invariant != check.NeverStale || v.Node != deposed || !strings.Contains(v.Text, "versions and") {
		t.Errorf("%v", v)
	}
	if n := g.stale.Reads(protocols.Follower, protocols.ReadIndex).Stale; n < depositions*oldReads/2 {
		t.Errorf("%d stale reads of %d", n, depositions*oldReads)
	}
}
