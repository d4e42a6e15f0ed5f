package live

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"raftzab/bench/live/wire"
	"raftzab/protocols"
)

// A node is one member, over all its lives.
type node struct {
	id    protocols.NodeID
	dir   string // its own
	log   string // of all lives
	lives uint64
	life  *life // the last

	silent bool // its machine is off

	// What no death of the process sets right: its disk's pace, and that the next
	// fsync fails, and its clock's pace.
	disk    *wire.Disk
	failing bool
	clock   *wire.Clock
}

// A life is one process. What changes of it belongs to the goroutine that runs the
// ensemble.
type life struct {
	node   *node
	cmd    *exec.Cmd
	orders chan []byte // to be written to its pipe

	ready  bool // it has said that it is
	dead   bool // for all of us: by a fault, or on its own with leave to
	paused bool
	mortal bool // its disk was told to fail: it may end on its own
	known  bool // it has told its status:
	status protocols.Status
	words  string        // why it will end, in its own words
	over   chan struct{} // closed when it is reaped
}

// unborn is the life of a node that is not started yet: it is over.
func unborn(n *node) *life {
	l := &life{node: n, dead: true, over: make(chan struct{})}
	close(l.over)
	return l
}

// runs reports whether the process is one that can answer.
func (l *life) runs() bool { return l != nil && !l.dead && !l.paused }

// gone reports whether the process is reaped, whatever we think of it.
func (l *life) gone() bool {
	select {
	case <-l.over:
		return true
	default:
		return false
	}
}

// boot starts a life, and tells it what its node has to bear.
func (e *Ensemble) boot(n *node) error {
	n.lives++
	l := &life{node: n, cmd: e.cfg.Program(n.id, n.lives, n.dir), orders: make(chan []byte, 64), over: make(chan struct{})}
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("its log: %w", err)
	}
	defer log.Close()
	l.cmd.Stdout, l.cmd.Stderr = log, log
	told, tell, err := os.Pipe() // what the node is told
	if err != nil {
		return fmt.Errorf("pipe: %w", err)
	}
	defer told.Close()
	news, happens, err := os.Pipe() // what it tells
	if err != nil {
		tell.Close()
		return fmt.Errorf("pipe: %w", err)
	}
	defer happens.Close()
	widen(news)
	l.cmd.ExtraFiles = []*os.File{told, happens}
	if err := e.cfg.Network.Start(n.id, l.cmd); err != nil {
		tell.Close()
		news.Close()
		return fmt.Errorf("start %s: %w", l.cmd.Path, err)
	}
	n.life = l
	go l.obey(tell)
	go l.read(news, e.in)
	errs := []error{l.order(wire.TypeListen, wire.AppendListen(nil, e.listening()))}
	if n.disk != nil {
		errs = append(errs, l.order(wire.TypeDisk, wire.AppendDisk(nil, *n.disk)))
	}
	if l.mortal = n.failing; n.failing {
		errs = append(errs, l.order(wire.TypeDisk, wire.AppendDisk(nil, wire.Disk{Fail: true})))
	}
	if n.clock != nil {
		errs = append(errs, l.order(wire.TypeClock, wire.AppendClock(nil, *n.clock)))
	}
	return errors.Join(errs...)
}

// order tells the node something, and does not wait until it reads. It says nothing
// to the dead.
func (l *life) order(t wire.Type, body []byte) error {
	frame := wire.AppendFrame(nil, t, func(b, body []byte) []byte { return append(b, body...) }, body)
	select {
	case l.orders <- frame:
		return nil
	case <-l.over:
		return nil
	default:
		return fmt.Errorf("it has not read its last %d orders", len(l.orders))
	}
}

// obey carries the orders to the node. Its end of the pipe stays open as long as the
// process lives: a node ends when it loses its parent.
func (l *life) obey(tell *os.File) {
	defer tell.Close()
	for {
		select {
		case frame := <-l.orders:
			tell.Write(frame) // fails only if the node has ended, which read tells
		case <-l.over:
			return
		}
	}
}

// read takes in what the node tells, until there is no more, and reaps it.
func (l *life) read(news *os.File, in *inbox) {
	defer news.Close()
	r := wire.NewReader(news, 64<<10)
	var stamped []happening
	var err error
	for err == nil {
		var t wire.Type
		var body []byte
		if t, body, err = r.Next(); err != nil {
			break
		}
		x := happening{life: l}
		if err = x.parse(t, body); err != nil {
			break
		}
		switch x.kind {
		case happened, sent:
			stamped = append(stamped, x)
		default:
			in.put(x)
		}
		if !r.Buffered() {
			in.putStamped(stamped)
			stamped = stamped[:0]
		}
	}
	in.putStamped(stamped)
	if err != io.EOF { // it cannot be understood, and shall not wait for us to read on
		l.cmd.Process.Kill()
	}
	l.cmd.Wait() // reaps; how it ended is in its ProcessState
	close(l.over)
	in.put(happening{kind: ended, life: l, err: err})
}

// parse takes in a frame from a node.
func (x *happening) parse(t wire.Type, body []byte) error {
	switch t {
	case wire.TypeHappened:
		h, err := wire.ParseHappened(body)
		x.kind, x.at, x.status, x.events = happened, h.At, h.Status, h.Events
		return err
	case wire.TypeSent:
		m, err := wire.ParseSent(body)
		x.kind, x.at, x.to, x.message, x.size = sent, m.At, m.To, m.Kind, int(m.Size)
		return err
	case wire.TypeFailed:
		text, err := wire.ParseText(body)
		x.kind, x.text = failed, text
		return err
	case wire.TypeReady:
		x.kind = ready
		return nil
	}
	return fmt.Errorf("live: a node tells us a %v", t)
}

// kill is kill -9. Its connections are closed by the kernel.
func (l *life) kill() error {
	l.dead = true
	if l.gone() {
		return nil
	}
	if err := l.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// How much of a log goes into an error.
const (
	tailBytes = 16 << 10
	tailLines = 20
)

// tail returns the end of a node's log, for an error. A panic is shown from its
// beginning, for it ends in pages of goroutines.
func (n *node) tail() string {
	text, err := os.ReadFile(n.log)
	if err != nil {
		return "no log: " + err.Error()
	}
	text = text[max(0, len(text)-tailBytes):]
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	from := max(0, len(lines)-tailLines)
	for i, line := range lines {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			from = i
		}
	}
	return strings.Join(lines[from:min(len(lines), from+tailLines)], "\n")
}
