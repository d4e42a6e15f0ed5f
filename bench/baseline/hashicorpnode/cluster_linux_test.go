package hashicorpnode

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/live/clock"
	"raftzab/bench/live/lan"
	"raftzab/bench/live/wire"
	"raftzab/protocols"
)

const (
	ms         = Time(time.Millisecond)
	clientPort = 2181
)

// With this in its environment the test binary is a server.
const asServer = "HASHICORPNODE_TEST_SERVER"

func TestMain(m *testing.M) {
	text := os.Getenv(asServer)
	if text == "" {
		os.Exit(m.Run())
	}
	if os.Getenv(asBeliever) != "" {
		verifyLeader = believe
	}
	cfg := Config{Commands: os.NewFile(3, "commands"), Happenings: os.NewFile(4, "happenings"), Log: os.Stderr}
	if err := json.Unmarshal([]byte(text), &cfg.Settings); err != nil {
		panic(err)
	}
	if err := Serve(context.Background(), cfg); err == ErrParent {
		os.Exit(3)
	} else if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(4)
	}
}

// A cluster is three servers, each a process.
type cluster struct {
	t       testing.TB
	net     lan.Network
	clock   clock.Clock
	servers []*server
	change  chan struct{} // holds a token when something was told
}

type server struct {
	c *cluster
	Settings
	cmd *exec.Cmd
	in  *os.File

	mu     sync.Mutex
	ready  bool
	status protocols.Status
	events []seen
	failed string
}

type seen struct {
	at   Time
	node NodeID
	protocols.Event
}

func newCluster(t testing.TB, change func(*Settings)) *cluster {
	net, err := lan.Loopback(3)
	must(t, err)
	c := &cluster{t: t, net: net, clock: clock.At(clock.Monotonic()), change: make(chan struct{}, 1)}
	dir := t.TempDir()
	peers := map[NodeID]netip.AddrPort{}
	for id := NodeID(1); id <= 3; id++ {
		peers[id] = netip.AddrPortFrom(net.Address(id), 2888)
	}
	for id := NodeID(1); id <= 3; id++ {
		s := &server{c: c, Settings: Default()}
		s.ID, s.Peers, s.Clients = id, peers, netip.AddrPortFrom(net.Address(id), clientPort)
		s.Dir, s.Start = filepath.Join(dir, fmt.Sprint(id)), c.clock.Start()
		s.Library.HeartbeatTimeout, s.Library.ElectionTimeout, s.Library.LeaderLease = 200*ms, 200*ms, 100*ms
		if change != nil {
			change(&s.Settings)
		}
		c.servers = append(c.servers, s)
		s.start()
	}
	t.Cleanup(func() {
		for _, s := range c.servers {
			s.kill()
			log, err := os.ReadFile(s.Dir + ".log")
			if err != nil || bytes.Contains(log, []byte("DATA RACE")) || bytes.Contains(log, []byte("\npanic: ")) {
				t.Errorf("server %d is broken (%v)", s.ID, err)
			}
			if t.Failed() {
				t.Logf("server %d says:\n%s", s.ID, log[max(0, len(log)-3000):])
			}
		}
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func (s *server) start() {
	t := s.c.t
	text, err := json.Marshal(s.Settings)
	must(t, err)
	in, toIn, err := os.Pipe()
	must(t, err)
	fromOut, out, err := os.Pipe()
	must(t, err)
	log, err := os.OpenFile(s.Dir+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	must(t, err)
	s.cmd = exec.Command("/proc/self/exe")
	s.cmd.Env = append(os.Environ(), asServer+"="+string(text))
	s.cmd.ExtraFiles, s.cmd.Stderr = []*os.File{in, out}, log
	must(t, s.c.net.Start(s.ID, s.cmd))
	in.Close()
	out.Close()
	log.Close()
	s.mu.Lock()
	s.in, s.ready, s.status = toIn, false, protocols.Status{}
	s.mu.Unlock()
	go s.hear(fromOut)
	s.order(listenFor(protocols.AllEvents))
}

func listenFor(events protocols.EventSet) []byte {
	return wire.AppendFrame(nil, wire.TypeListen, wire.AppendListen, wire.Listen{Events: events})
}

// hear takes in what a life tells.
func (s *server) hear(from *os.File) {
	defer from.Close()
	for r := wire.NewReader(from, 4096); ; {
		frame, body, err := r.Next()
		s.mu.Lock()
		switch {
		case err != nil:
		case frame == wire.TypeReady:
			s.ready = true
		case frame == wire.TypeHappened:
			h, err := wire.ParseHappened(body)
			if err != nil {
				s.failed = err.Error()
			}
			s.status = h.Status
			for _, e := range h.Events {
				s.events = append(s.events, seen{h.At, s.ID, e})
				if e.Kind == protocols.Activated && (!h.Status.Active || h.Status.Committed.Epoch != e.Epoch || h.Status.Last.Epoch != e.Epoch) {
					s.failed = fmt.Sprintf("it is active in term %d with %+v", e.Epoch, h.Status)
				}
			}
		case frame == wire.TypeFailed:
			s.failed, _ = wire.ParseText(body)
		default:
			s.failed = "it tells a " + frame.String()
		}
		s.mu.Unlock()
		select {
		case s.c.change <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (s *server) isReady() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready
}

func (s *server) order(frame []byte) {
	if _, err := s.in.Write(frame); err != nil {
		s.c.t.Error(err)
	}
}

// kill is kill -9. It returns when the process is no more.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.in.Close()
}

// snapshots returns the indexes of those on a server's disk, in order.
func (s *server) snapshots() (all []uint64) {
	names, _ := filepath.Glob(filepath.Join(s.Dir, "snapshots", "*-*-*"))
	for _, name := range names {
		var term, index, at uint64
		if n, _ := fmt.Sscanf(filepath.Base(name)+".", "%d-%d-%d.", &term, &index, &at); n == 3 && filepath.Ext(name) == "" {
			all = append(all, index)
		}
	}
	slices.Sort(all)
	return all
}

// until waits for something that is looked at whenever something was told.
func (c *cluster) until(what string, holds func() bool) {
	c.t.Helper()
	deadline := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-c.change:
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			c.t.Fatalf("no %s in 30 s: %v", what, c.statuses())
		}
		for _, s := range c.servers {
			s.mu.Lock()
			if s.failed != "" {
				c.t.Errorf("server %d: %s", s.ID, s.failed)
				s.failed = ""
			}
			s.mu.Unlock()
		}
	}
}

func (c *cluster) statuses() (all []protocols.Status) {
	for _, s := range c.servers {
		s.mu.Lock()
		all = append(all, s.status)
		s.mu.Unlock()
	}
	return all
}

// leader waits for an active leader that a majority follows, other than not.
func (c *cluster) leader(not NodeID) (id NodeID) {
	c.t.Helper()
	c.until("leader", func() bool {
		followers := map[NodeID]int{}
		for k, s := range c.statuses() {
			if s.Role == protocols.Leader && s.Active && NodeID(k+1) != not {
				id = NodeID(k + 1)
			} else if s.Role == protocols.Follower {
				followers[s.Leader]++
			}
		}
		return id != 0 && followers[id] > 0
	})
	return id
}

func (c *cluster) server(id NodeID) *server { return c.servers[id-1] }

// seen returns what all have told since an instant, in the order of the stamps.
func (c *cluster) seen(since Time) (all []seen) {
	for _, s := range c.servers {
		s.mu.Lock()
		for _, e := range s.events {
			if e.at >= since {
				all = append(all, e)
			}
		}
		s.mu.Unlock()
	}
	slices.SortStableFunc(all, func(a, b seen) int { return int(a.at - b.at) })
	return all
}

// first returns the first event of a kind that a server told since an instant.
func (c *cluster) first(since Time, node NodeID, k protocols.EventKind) (seen, bool) {
	for _, e := range c.seen(since) {
		if e.Kind == k && (e.node == node || node == 0) {
			return e, true
		}
	}
	return seen{}, false
}

// A client is one session, with a connection to each server that it has talked to.
type client struct {
	c       *cluster
	session uint32
	seq     uint32
	at      NodeID // where it goes next
	conns   [4]*link
}

type link struct {
	net.Conn
	in *wire.Reader
}

func (c *cluster) client(session uint32) *client {
	l := &client{c: c, session: session, at: 1}
	c.t.Cleanup(func() {
		for id := range l.conns {
			l.hangUp(NodeID(id))
		}
	})
	return l
}

func (l *client) connect(id NodeID) (*link, error) {
	if l.conns[id] == nil {
		conn, err := l.c.net.Dial(id, clientPort, time.Second)
		if err != nil {
			return nil, err
		}
		l.conns[id] = &link{conn, wire.NewReader(conn, 4096)}
	}
	return l.conns[id], nil
}

func (l *client) hangUp(id NodeID) {
	if l.conns[id] != nil {
		l.conns[id].Close()
		l.conns[id] = nil
	}
}

// send submits requests to a server, all at once.
func (l *client) send(id NodeID, rs ...bench.Request) error {
	conn, err := l.connect(id)
	if err != nil {
		return err
	}
	var frames []byte
	for _, r := range rs {
		frames = wire.AppendFrame(frames, wire.TypeRequest, wire.AppendRequest, r)
	}
	_, err = conn.Write(frames)
	return err
}

// receive waits for the next reply of a server.
func (l *client) receive(id NodeID) (bench.Reply, error) {
	conn := l.conns[id]
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return bench.Reply{}, err
	}
	frame, body, err := conn.in.Next()
	if err != nil {
		return bench.Reply{}, err
	}
	if frame != wire.TypeReply {
		return bench.Reply{}, errors.New("a " + frame.String())
	}
	return wire.ParseReply(body)
}

// ask is one attempt.
func (l *client) ask(id NodeID, r bench.Request) (bench.Reply, error) {
	err := l.send(id, r)
	if err == nil {
		var a bench.Reply
		if a, err = l.receive(id); err == nil {
			return a, nil
		}
	}
	l.hangUp(id)
	return bench.Reply{}, err
}

func (l *client) put(key uint32, value uint64) bench.Request {
	l.seq++
	return bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: l.session, Seq: l.seq}, Op: kv.Put, Key: key, Value: value, Size: 100}}
}

func (l *client) get(key uint32, mode protocols.ReadMode) bench.Request {
	l.seq++
	return bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: l.session, Seq: l.seq}, Op: kv.Get, Key: key}, Mode: mode}
}

// insist tries until somebody says OK. It gives up, and returns false, when stop is
// closed.
func (l *client) insist(r bench.Request, stop <-chan struct{}) (bench.Reply, bool) {
	for {
		a, err := l.ask(l.at, r)
		if err == nil && a.Outcome == bench.OK {
			return a, true
		}
		if l.at = a.Leader; l.at == 0 {
			l.at = NodeID(1 + rand.IntN(3))
		}
		select {
		case <-stop:
			return bench.Reply{}, false
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil && err != io.EOF {
		t.Fatal(err)
	}
}
