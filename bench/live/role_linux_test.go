package live

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/live/clock"
	"raftzab/bench/live/wire"
	"raftzab/protocols"
)

// Nodes of these tests are this test binary in another role.
const roleKey = "RAFTZAB_LIVE_TEST_NODE"

func TestMain(m *testing.M) {
	if text := os.Getenv(roleKey); text != "" {
		var a actor
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			panic(err)
		}
		a.play()
	}
	if text := os.Getenv(hostKey); text != "" {
		playHost(text)
	}
	os.Exit(m.Run())
}

// An actor is a node that follows a script and knows no protocol.
type actor struct {
	ID     protocols.NodeID
	Life   uint64
	Addr   netip.Addr
	Start  int64
	Leader protocols.NodeID
	Mute   bool          // it says nothing of itself
	Late   time.Duration // between the stamp of what it tells and the telling
	Last   string        // how it ends as soon as it is ready, if it does

	steps uint64
	later chan late
	mu    sync.Mutex
	news  *os.File
}

func (a *actor) command() *exec.Cmd {
	text, err := json.Marshal(a)
	if err != nil {
		panic(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleKey+"="+string(text))
	return cmd
}

// What a key asks of an actor.
const (
	answer  uint32 = iota // with how many steps it has taken
	swallow               // never answer
	step                  // and answer: tell of as many steps as the value says, and of a message after each
	wrong                 // answer another request
	stray                 // answer as another node
)

func (a *actor) play() {
	a.news, a.later = os.NewFile(4, "news"), make(chan late, 1000)
	go a.tellLater()
	fmt.Fprintf(os.Stderr, "node %d, life %d\n", a.ID, a.Life)
	l, err := net.Listen("tcp4", netip.AddrPortFrom(a.Addr, uint16(Default().Port)).String())
	if err != nil {
		panic(err)
	}
	if !a.Mute {
		a.tell(wire.AppendFrame(nil, wire.TypeReady, nil, 0))
		a.step(1)
	}
	switch a.Last {
	case "":
	case "panic":
		fmt.Fprint(os.Stderr, "before\n")
		go func() { panic("the actor has forgotten its lines") }()
		select {}
	case "words":
		a.tell(wire.AppendFrame(nil, wire.TypeFailed, wire.AppendText, "no stage"))
		os.Exit(1)
	case "babble":
		a.news.WriteString("To be, or not to be, that is the question")
	case "cut":
		frame := wire.AppendFrame(nil, wire.TypeFailed, wire.AppendText, "no stage")
		a.news.Write(frame[:len(frame)-1])
		os.Exit(1) // with 0 the race detector takes a second
	default:
		panic(a.Last)
	}
	go a.obey()
	for {
		conn, err := l.Accept()
		if err != nil {
			panic(err)
		}
		go a.serve(conn)
	}
}

func (a *actor) tell(frame []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.news.Write(frame)
}

// step takes n steps, some time apart, and tells of each; how many there were is in
// the status and in the events.
func (a *actor) step(n uint64) {
	run := clock.At(a.Start)
	for range n {
		a.steps++
		at := run.Now()
		taken := protocols.EntryID{Epoch: 1, Index: a.steps}
		h := wire.Happened{
			At:     at,
			Status: protocols.Status{Role: protocols.Follower, Active: true, Leader: a.Leader, Epoch: 1, Last: taken},
			Events: []protocols.Event{{Kind: protocols.RoleChanged, At: taken}, {Kind: protocols.Applied, At: taken}},
		}
		if a.ID == a.Leader {
			h.Status.Role = protocols.Leader
		}
		b := wire.AppendFrame(nil, wire.TypeHappened, wire.AppendHappened, h)
		b = wire.AppendFrame(b, wire.TypeSent, wire.AppendSent, wire.Sent{At: at, To: 9, Kind: 7, Size: a.steps})
		a.later <- late{time.Now().Add(a.Late), b}
		time.Sleep(4 * time.Millisecond)
	}
}

type late struct {
	until time.Time
	frame []byte
}

func (a *actor) tellLater() {
	for x := range a.later {
		time.Sleep(time.Until(x.until))
		a.tell(x.frame)
	}
}

// serve answers one client.
func (a *actor) serve(conn net.Conn) {
	r := wire.NewReader(conn, 4096)
	var out []byte
	for {
		_, body, err := r.Next()
		if err != nil {
			return
		}
		q, err := wire.ParseRequest(body)
		if err != nil {
			panic(err)
		}
		reply := bench.Reply{ID: q.ID, Node: a.ID, Value: q.Value, Version: a.Life}
		switch q.Key {
		case swallow:
			fmt.Fprintf(os.Stderr, "swallowed %d\n", q.ID.Seq)
			continue
		case step:
			a.step(q.Value)
		case wrong:
			reply.ID.Seq++
		case stray:
			reply.Node++
		}
		if out = wire.AppendFrame(out, wire.TypeReply, wire.AppendReply, reply); !r.Buffered() {
			if _, err := conn.Write(out); err != nil {
				return
			}
			out = out[:0]
		}
	}
}

// obey notes what it is told.
func (a *actor) obey() {
	r := wire.NewReader(os.NewFile(3, "orders"), 64)
	for {
		t, body, err := r.Next()
		if err == io.EOF {
			os.Exit(0) // nobody is there any more
		}
		switch t {
		case wire.TypeListen:
			x, _ := wire.ParseListen(body)
			fmt.Fprintf(os.Stderr, "life %d: listen %#x %v\n", a.Life, uint32(x.Events), x.Sent)
		case wire.TypeTransfer:
			x, _ := wire.ParseTransfer(body)
			fmt.Fprintf(os.Stderr, "life %d: transfer to %d\n", a.Life, x)
		case wire.TypeClock:
			x, _ := wire.ParseClock(body)
			fmt.Fprintf(os.Stderr, "life %d: clock %+v\n", a.Life, x)
		case wire.TypeDisk:
			x, _ := wire.ParseDisk(body)
			fmt.Fprintf(os.Stderr, "life %d: disk %v %v %v\n", a.Life, x.Fsync, x.Fail, x.Back)
			if x.Fail {
				a.tell(wire.AppendFrame(nil, wire.TypeFailed, wire.AppendText, "the disk fails"))
				os.Exit(ExitDisk)
			}
		default:
			panic(fmt.Sprintf("told a %v, %v", t, err))
		}
	}
}

func put(session, seq, key uint32, value uint64) bench.Request {
	return bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: session, Seq: seq}, Op: kv.Put, Key: key, Size: 8, Value: value}}
}
