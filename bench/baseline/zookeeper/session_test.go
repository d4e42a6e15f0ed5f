package zookeeper

import (
	"encoding/binary"
	"io"
	"net"
	"slices"
	"syscall"
	"testing"
	"time"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

func put(seq uint32) bench.Request {
	return bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: 1, Seq: seq}, Op: kv.Put, Value: uint64(seq)}}
}

// outcomes waits for n replies.
func outcomes(t *testing.T, in *inbox, n int) map[uint32]bench.Outcome {
	t.Helper()
	got := map[uint32]bench.Outcome{}
	for deadline := time.Now().Add(5 * time.Second); len(got) < n; time.Sleep(time.Millisecond) {
		batch, _ := in.take(nil)
		for _, x := range batch {
			if _, twice := got[x.reply.ID.Seq]; twice {
				t.Errorf("request %d has two replies", x.reply.ID.Seq)
			}
			got[x.reply.ID.Seq] = x.reply.Outcome
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d replies after 5 s", len(got), n)
		}
	}
	return got
}

// What the library would queue until there is a connection is refused at once.
func TestRequestsAreRefusedWhileThereIsNoServer(t *testing.T) {
	in := newInbox()
	s, err := newSession(1, func(time.Duration) (net.Conn, error) { return nil, syscall.ECONNREFUSED }, &gate{}, in)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	begin := time.Now()
	for seq := range uint32(20) {
		s.submit(put(seq))
	}
	if took := time.Since(begin); took > 50*time.Millisecond {
		t.Errorf("submitting waited: %v", took)
	}
	for seq, o := range outcomes(t, in, 20) {
		if o != bench.Refused {
			t.Errorf("request %d: outcome %d", seq, o)
		}
	}
}

// A server that grants the session, takes requests and never answers: many are
// under way at once, in the order in which they were submitted. When it dies
// their fate is unknown, and what comes later is refused.
func TestRequestsUnderWayAtADyingServerAreUnknown(t *testing.T) {
	const n = 200
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	arrived := make(chan []uint64, 1)
	go func() {
		var values []uint64
		defer func() { arrived <- values }()
		c, err := l.Accept()
		if err != nil {
			return
		}
		l.Close() // nobody comes in a second time
		defer c.Close()
		if _, err := readPacket(c); err != nil {
			return
		}
		// ConnectResponse: protocol version, timeout, session, password.
		grant := binary.BigEndian.AppendUint32(nil, 4+4+8+4+16)
		grant = binary.BigEndian.AppendUint32(grant, 0)
		grant = binary.BigEndian.AppendUint32(grant, 10_000)
		grant = binary.BigEndian.AppendUint64(grant, 1)
		grant = append(binary.BigEndian.AppendUint32(grant, 16), make([]byte, 16)...)
		c.Write(grant)
		for len(values) < n {
			p, err := readPacket(c)
			if err != nil {
				return
			}
			if binary.BigEndian.Uint32(p[4:]) == opSetData {
				// SetDataRequest: xid, opcode, path, data, version.
				path := 12 + binary.BigEndian.Uint32(p[8:])
				values = append(values, binary.BigEndian.Uint64(p[path+4:]))
			}
		}
	}()
	in := newInbox()
	s, err := newSession(1, func(d time.Duration) (net.Conn, error) { return net.DialTimeout("tcp4", l.Addr().String(), d) }, &gate{}, in)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for deadline := time.Now().Add(5 * time.Second); !s.up.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no session after 5 s")
		}
	}
	var want []uint64
	for seq := range uint32(n) {
		s.submit(put(seq))
		want = append(want, uint64(seq))
	}
	if values := <-arrived; !slices.Equal(values, want) {
		t.Errorf("arrived %v", values)
	}
	for seq, o := range outcomes(t, in, n) {
		if o != bench.Unknown {
			t.Errorf("request %d: outcome %d", seq, o)
		}
	}
	for deadline := time.Now().Add(5 * time.Second); s.up.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the session does not notice that the server is gone")
		}
	}
	s.submit(put(n))
	if o := outcomes(t, in, 1)[n]; o != bench.Refused {
		t.Errorf("a request to a dead server: outcome %d", o)
	}
}

func readPacket(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	p := make([]byte, binary.BigEndian.Uint32(length[:]))
	_, err := io.ReadFull(r, p)
	return p, err
}
