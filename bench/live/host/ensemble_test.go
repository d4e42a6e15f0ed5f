//go:build linux

package host

import (
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
	"sync"
	"testing"
	"time"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/live/clock"
	"raftzab/bench/live/lan"
	"raftzab/bench/live/wire"
	"raftzab/protocols"
	"raftzab/raft"
	"raftzab/zab"
)

const (
	clientPort = 2181
	peerPort   = 2888
	ms         = protocols.Time(time.Millisecond)
)

// A server is what one of the protocols needs to be hosted, by name.
type server struct {
	Settings
	Protocol string
	Voters   int
	Trailing int // entries behind a snapshot
	Chunk    uint64
}

func (s *server) serve(ctx context.Context, commands io.Reader, happenings io.Writer) error {
	voters := make([]protocols.NodeID, s.Voters)
	for i := range voters {
		voters[i] = protocols.NodeID(i + 1)
	}
	log := func(text string) {
		if os.Getenv(verbose) != "" {
			fmt.Fprintln(os.Stderr, text)
		}
	}
	if s.Protocol == "raft" {
		return Serve(ctx, Config[raft.Message]{Settings: s.Settings, Parse: raft.ParseMessage, Commands: commands, Happenings: happenings, Log: log,
			New: func(r protocols.Recovered, rng *rand.Rand) protocols.Replica[raft.Message] {
				cfg := raft.Default()
				cfg.ID, cfg.Voters = s.ID, voters
				if int(s.ID) > s.Voters {
					cfg.Learners = []protocols.NodeID{s.ID}
				}
				cfg.ElectionTimeout, cfg.Heartbeat = raft.Timeout{Min: 300 * ms, Max: 600 * ms}, 100*ms
				cfg.Trailing, cfg.ChunkSize = uint64(s.Trailing), s.Chunk
				return raft.New(cfg, r, rng)
			}})
	}
	return Serve(ctx, Config[zab.Message]{Settings: s.Settings, Parse: zab.ParseMessage, Commands: commands, Happenings: happenings, Log: log,
		New: func(r protocols.Recovered, rng *rand.Rand) protocols.Replica[zab.Message] {
			cfg := zab.Default()
			cfg.ID, cfg.Voters = s.ID, voters
			cfg.Tick, cfg.InitLimit, cfg.SyncLimit = 100*ms, 20, 5
			cfg.FinalizeWait, cfg.MaxNotificationInterval = 50*ms, 500*ms
			cfg.CommittedLog = s.Trailing
			return zab.New(cfg, r, rng)
		}})
}

const (
	asNode  = "RAFTZAB_HOST_TEST_NODE" // holds a server: the test binary is its process
	verbose = "RAFTZAB_HOST_TEST_LOG"  // not empty: nodes say what their operator might want to know
)

func TestMain(m *testing.M) {
	text, ok := os.LookupEnv(asNode)
	if !ok {
		os.Exit(m.Run())
	}
	var s server
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	err := s.serve(context.Background(), os.NewFile(3, "commands"), os.NewFile(4, "happenings"))
	if err != nil && !errors.Is(err, ErrParent) {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(1)
}

// An ensemble is a few servers on the loopback interface, in this process or in
// processes of their own.
type ensemble struct {
	t         testing.TB
	net       lan.Network
	servers   []server // by NodeID
	lives     []*life
	processes bool
	listen    wire.Listen
}

// A life is one server's, as the parent sees it.
type life struct {
	t        testing.TB
	end      func()     // at once
	over     chan error // what Serve returned
	commands *os.File
	closes   *os.File // nil in a process

	mu     sync.Mutex
	ready  bool
	status protocols.Status
	events []wire.Happened
	sent   []wire.Sent
	failed string
}

func newEnsemble(t testing.TB, protocol string, change func(*server)) *ensemble {
	t.Helper()
	net, err := lan.Loopback(3)
	if err != nil {
		t.Fatal(err)
	}
	e := &ensemble{t: t, net: net, servers: make([]server, 4), lives: make([]*life, 4)}
	peers := map[protocols.NodeID]netip.AddrPort{}
	for id := range protocols.NodeID(3) {
		peers[id+1] = netip.AddrPortFrom(net.Address(id+1), peerPort)
	}
	start := clock.Monotonic()
	dir := t.TempDir()
	for id := protocols.NodeID(1); id <= 3; id++ {
		e.servers[id] = server{Protocol: protocol, Voters: 3, Trailing: 1000, Chunk: 1 << 16, Settings: Settings{
			ID: id, Peers: peers, Clients: netip.AddrPortFrom(net.Address(id), clientPort),
			Dir: filepath.Join(dir, fmt.Sprint(id)), Seed: 1, Start: start,
		}}
		if change != nil {
			change(&e.servers[id])
		}
	}
	t.Cleanup(func() {
		for id := range e.lives {
			e.kill(protocols.NodeID(id))
		}
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func (e *ensemble) all() []protocols.NodeID { return []protocols.NodeID{1, 2, 3} }

func (e *ensemble) start(ids ...protocols.NodeID) {
	e.t.Helper()
	for _, id := range ids {
		e.begin(id)
	}
	for _, id := range ids {
		e.await(fmt.Sprintf("node %d is ready", id), func() bool { return e.lives[id].isReady() })
	}
}

func (e *ensemble) begin(id protocols.NodeID) {
	e.t.Helper()
	commandsR, commandsW, err := os.Pipe()
	if err != nil {
		e.t.Fatal(err)
	}
	happeningsR, happeningsW, err := os.Pipe()
	if err != nil {
		e.t.Fatal(err)
	}
	l := &life{t: e.t, over: make(chan error, 1), commands: commandsW}
	e.lives[id] = l
	s := &e.servers[id]
	if e.processes {
		text, err := json.Marshal(s)
		if err != nil {
			e.t.Fatal(err)
		}
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), asNode+"="+string(text))
		cmd.Stderr = os.Stderr
		cmd.ExtraFiles = []*os.File{commandsR, happeningsW}
		if err := e.net.Start(id, cmd); err != nil {
			e.t.Fatal(err)
		}
		commandsR.Close()
		happeningsW.Close()
		l.end = func() { cmd.Process.Kill() }
		go func() { l.over <- cmd.Wait() }()
	} else {
		ctx, cancel := context.WithCancel(context.Background())
		l.end = cancel
		go func() {
			err := s.serve(ctx, commandsR, happeningsW)
			happeningsW.Close()
			l.over <- err
		}()
		l.closes = commandsR
	}
	e.command(id, wire.AppendFrame(nil, wire.TypeListen, wire.AppendListen, e.listen))
	go l.follow(happeningsR)
}

func (e *ensemble) command(id protocols.NodeID, frame []byte) {
	e.t.Helper()
	if _, err := e.lives[id].commands.Write(frame); err != nil {
		e.t.Fatal(err)
	}
}

// follow takes in what a node tells.
func (l *life) follow(f *os.File) {
	defer f.Close()
	r := wire.NewReader(f, 4096)
	var last protocols.Time
	for {
		t, body, err := r.Next()
		if err != nil {
			return
		}
		l.mu.Lock()
		switch t {
		case wire.TypeReady:
			l.ready = true
		case wire.TypeHappened:
			var h wire.Happened
			if h, err = wire.ParseHappened(body); err == nil {
				last, err = later(last, h.At)
				l.status = h.Status
				l.events = append(l.events, h)
			}
		case wire.TypeSent:
			var s wire.Sent
			if s, err = wire.ParseSent(body); err == nil {
				last, err = later(last, s.At)
				l.sent = append(l.sent, s)
			}
		case wire.TypeFailed:
			l.failed = string(body)
		default:
			err = fmt.Errorf("a %v", t)
		}
		l.mu.Unlock()
		if err != nil {
			l.t.Errorf("what a node tells: %v", err)
		}
	}
}

// later says that a node's stamps go back, if they do.
func later(last, at protocols.Time) (protocols.Time, error) {
	if at < last {
		return last, fmt.Errorf("%v comes after %v", time.Duration(at), time.Duration(last))
	}
	return at, nil
}

func (l *life) isReady() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ready
}

func (l *life) now() protocols.Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

// has reports whether an event of a kind has been told, and counts them.
func (l *life) count(k protocols.EventKind) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.events {
		for _, ev := range h.Events {
			if ev.Kind == k {
				n++
			}
		}
	}
	return n
}

// kill ends a node at once, and returns when it has ended.
func (e *ensemble) kill(id protocols.NodeID) {
	e.t.Helper()
	l := e.lives[id]
	if l == nil {
		return
	}
	e.lives[id] = nil
	l.end()
	if err := l.wait(); err != nil && !e.processes {
		e.t.Errorf("node %d: %v", id, err)
	}
	l.commands.Close()
	if l.closes != nil {
		l.closes.Close()
	}
}

func (l *life) wait() error {
	l.t.Helper()
	select {
	case err := <-l.over:
		return err
	case <-time.After(patience):
		l.t.Fatal("a node does not end")
		return nil
	}
}

// patience is how long what must happen may take on a machine that is busy.
const patience = 30 * time.Second

func (e *ensemble) await(what string, is func() bool) {
	e.t.Helper()
	for begin := time.Now(); !is(); time.Sleep(2 * time.Millisecond) {
		for id, l := range e.lives {
			if l != nil && len(l.over) > 0 {
				err := <-l.over
				l.over <- err // for kill
				e.t.Fatalf("waiting until %s: node %d ends: %v", what, id, err)
			}
		}
		if time.Since(begin) > patience {
			for id, l := range e.lives {
				if l != nil {
					e.t.Logf("node %d: %+v", id, l.now())
				}
			}
			e.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// leader waits for an active leader.
func (e *ensemble) leader() (leader protocols.NodeID) {
	e.t.Helper()
	e.await("there is a leader", func() bool {
		leader = 0
		best := uint64(0)
		for id, l := range e.lives {
			if l != nil {
				if s := l.now(); s.Role == protocols.Leader && s.Active && s.Epoch >= best {
					leader, best = protocols.NodeID(id), s.Epoch
				}
			}
		}
		return leader != 0
	})
	return leader
}

// A session is a client that has one request under way at a time, and numbers them.
type session struct {
	e    *ensemble
	id   uint32
	seq  uint32
	at   protocols.NodeID
	conn net.Conn
	r    *wire.Reader
	buf  []byte
}

var errRefused = errors.New("refused")

func (e *ensemble) session(id uint32, at protocols.NodeID) *session {
	return &session{e: e, id: id, at: at}
}

func (s *session) close() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// try sends a request to where the session is, and waits for the reply.
func (s *session) try(r bench.Request) (bench.Reply, error) {
	if s.conn == nil {
		conn, err := s.e.net.Dial(s.at, clientPort, patience)
		if err != nil {
			return bench.Reply{}, errRefused
		}
		s.conn, s.r = conn, wire.NewReader(conn, 512)
	}
	s.buf = wire.AppendFrame(s.buf[:0], wire.TypeRequest, wire.AppendRequest, r)
	if _, err := s.conn.Write(s.buf); err != nil {
		s.close()
		return bench.Reply{}, err
	}
	t, body, err := s.r.Next()
	if err != nil {
		s.close()
		return bench.Reply{}, err
	}
	if t != wire.TypeReply {
		return bench.Reply{}, fmt.Errorf("a %v", t)
	}
	reply, err := wire.ParseReply(body)
	if err == nil && reply.ID != r.ID {
		err = fmt.Errorf("the reply to %v answers %v", r.ID, reply.ID)
	}
	return reply, err
}

// put writes until it is acknowledged, wherever that may be.
func (s *session) put(key uint32, value uint64) bench.Reply {
	s.seq++
	r := bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: s.id, Seq: s.seq}, Key: key, Value: value, Op: kv.Put, Size: 100}}
	for begin := time.Now(); ; {
		reply, err := s.try(r)
		switch {
		case err == nil && reply.Outcome == bench.OK:
			return reply
		case time.Since(begin) > patience:
			s.e.t.Errorf("session %d: no write at node %d: %v, %+v", s.id, s.at, err, reply)
			return reply
		case err == nil && reply.Leader != 0 && reply.Leader != s.at:
			s.at = reply.Leader
		default:
			s.at = s.at%3 + 1
			time.Sleep(2 * time.Millisecond)
		}
		s.close()
	}
}

// get reads at the node where the session is.
func (s *session) get(key uint32, mode protocols.ReadMode) (bench.Reply, error) {
	s.seq++
	return s.try(bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: s.id, Seq: s.seq}, Key: key, Op: kv.Get}, Mode: mode})
}
