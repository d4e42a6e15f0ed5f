package host

import (
	"fmt"
	"io"
	"sync"

	"raftzab/bench/live/wire"
)

// obey reads what the parent commands. Its end is ours.
func (h *host[M]) obey() {
	r := wire.NewReader(h.cfg.Commands, 4<<10)
	for {
		t, body, err := r.Next()
		if err == io.EOF {
			h.fail(ErrParent)
			return
		}
		var c any
		if err == nil {
			switch t {
			case wire.TypeListen:
				c, err = wire.ParseListen(body)
			case wire.TypeDisk:
				c, err = wire.ParseDisk(body)
			case wire.TypeClock:
				c, err = wire.ParseClock(body)
			case wire.TypeTransfer:
				c, err = wire.ParseTransfer(body)
			default:
				err = fmt.Errorf("a %v is no command", t)
			}
		}
		if err != nil {
			h.fail(fmt.Errorf("host: node %d: commands: %w", h.cfg.ID, err))
			return
		}
		h.in.command(c)
	}
}

// A teller tells the parent what happens. It never waits for the parent.
type teller struct {
	to    io.Writer
	more  chan struct{}
	over  chan struct{} // closed when nothing is written any more
	mu    sync.Mutex
	ended bool
	out   []byte
}

// mostUntold is how many bytes may wait for the parent to read them.
const mostUntold = 256 << 20

func newTeller(to io.Writer) *teller {
	t := &teller{to: to, more: make(chan struct{}, 1), over: make(chan struct{})}
	go t.write()
	return t
}

func (t *teller) ready() {
	t.add(func(b []byte) []byte { return wire.AppendFrame(b, wire.TypeReady, nil, 0) })
}

func (t *teller) happened(x wire.Happened) {
	t.add(func(b []byte) []byte { return wire.AppendFrame(b, wire.TypeHappened, wire.AppendHappened, x) })
}

func (t *teller) sent(x wire.Sent) {
	t.add(func(b []byte) []byte { return wire.AppendFrame(b, wire.TypeSent, wire.AppendSent, x) })
}

func (t *teller) add(frame func([]byte) []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return
	}
	if t.out = frame(t.out); len(t.out) > mostUntold {
		panic(fmt.Sprintf("%d bytes of what happened wait for a parent that does not read", len(t.out)))
	}
	select {
	case t.more <- struct{}{}:
	default:
	}
}

// end writes what is left, and why this life ends if that is an error.
func (t *teller) end(why error) {
	if why != nil {
		t.add(func(b []byte) []byte { return wire.AppendFrame(b, wire.TypeFailed, wire.AppendText, why.Error()) })
	}
	t.mu.Lock()
	t.ended = true
	close(t.more)
	t.mu.Unlock()
	<-t.over
}

func (t *teller) write() {
	defer close(t.over)
	var b []byte
	for open := true; open; {
		_, open = <-t.more
		t.mu.Lock()
		b, t.out = t.out, b[:0]
		t.mu.Unlock()
		if len(b) == 0 {
			continue
		}
		if _, err := t.to.Write(b); err != nil {
			return // the parent is gone; whoever reads its commands finds out
		}
	}
}
