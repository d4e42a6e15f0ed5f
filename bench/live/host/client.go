package host

import (
	"net"
	"slices"
	"sync"

	"raftzab/bench"
	"raftzab/bench/live/wire"
)

// Who asks without end, or does not read, is cut off.
const (
	mostOwed   = 1 << 16 // requests of one connection that wait for their answers
	mostUnread = 4 << 20 // bytes of answers that wait for the connection
)

// A client is one connection of a client, which is one session.
type client struct {
	conn    *net.TCPConn
	number  int    // connections count from 1 in each life
	session uint32 // of its first request; belongs to the reader

	owed  int  // requests that are not answered; belongs to the owner, like the next
	dirty bool // it has replies since the last flush

	ready chan struct{}
	mu    sync.Mutex
	out   []byte // replies, as frames
}

// serve reads a client's requests. What has come at once goes in at once.
func (h *host[M]) serve(conn *net.TCPConn, number int) {
	c := &client{conn: conn, number: number, ready: make(chan struct{}, 1)}
	over := make(chan struct{})
	h.goes(func() { c.write(over) })
	defer close(over)
	r := wire.NewReader(conn, 4<<10)
	var got []request
	for {
		t, body, err := r.Next()
		if err != nil {
			break
		}
		if t != wire.TypeRequest {
			h.log("node %d: a client sends a %v", h.cfg.ID, t)
			break
		}
		req, err := wire.ParseRequest(body)
		if err == nil && c.session == 0 {
			c.session = req.ID.Session
		}
		if err != nil || req.ID.Session != c.session {
			h.log("node %d: session %d: request %d of session %d; %v", h.cfg.ID, c.session, req.ID.Seq, req.ID.Session, err)
			break
		}
		got = append(got, request{client: c, Request: req})
		if !r.Buffered() {
			h.in.request(got...)
			got = got[:0]
		}
	}
	h.in.request(append(got, request{client: c, ended: true})...)
}

// write sends replies as long as there are any, and then waits for more.
func (c *client) write(over chan struct{}) {
	var b []byte
	for {
		select {
		case <-c.ready:
		case <-over:
			return
		}
		c.mu.Lock()
		b, c.out = c.out, b[:0]
		c.mu.Unlock()
		if len(b) == 0 {
			continue
		}
		if _, err := c.conn.Write(b); err != nil {
			c.conn.Close() // the reader ends the session
			return
		}
	}
}

// admit reports whether r, the next of its connection, may go to the node. A session
// is on its latest connection: one from before ends here, whichever of them it is that
// we hear of first. flush hands over what came before r.
func (h *host[M]) admit(r *request, flush func()) bool {
	c, session := r.client, r.ID.Session
	for int(session) >= len(h.sessions) {
		h.sessions = append(h.sessions, nil)
	}
	switch before := h.sessions[session]; {
	case c.owed < 0: // it has ended: see forget
		return false
	case before == nil:
		h.sessions[session] = c
	case before.number > c.number:
		c.owed = -1
		c.conn.Close()
		return false
	case before != c:
		flush()
		h.forget(before)
		h.sessions[session] = c
	}
	if c.owed++; c.owed > mostOwed {
		c.conn.Close()
	}
	return true
}

// forget ends a session at this node: its connection is gone, or another has taken
// its place. Answers of this turn that have not gone out go with it, or the next
// connection would get them, which has not asked for that.
func (h *host[M]) forget(c *client) {
	session := c.session // its reader has set it before it sent anything
	if c.owed < 0 || session == 0 || int(session) >= len(h.sessions) || h.sessions[session] != c {
		return
	}
	h.node.Forget(session)
	h.node.Replies = slices.DeleteFunc(h.node.Replies, func(r bench.Reply) bool { return r.ID.Session == session })
	h.sessions[session] = nil
	c.owed = -1
	c.conn.Close()
}

// reply hands the node's replies to their connections.
func (h *host[M]) reply() {
	for i := range h.node.Replies {
		r := &h.node.Replies[i]
		var c *client
		if session := r.ID.Session; int(session) < len(h.sessions) {
			c = h.sessions[session]
		}
		if c == nil {
			continue
		}
		c.owed--
		c.mu.Lock()
		c.out = wire.AppendFrame(c.out, wire.TypeReply, wire.AppendReply, *r)
		if len(c.out) > mostUnread {
			c.conn.Close()
		}
		c.mu.Unlock()
		if !c.dirty {
			c.dirty = true
			h.owed = append(h.owed, c)
		}
	}
	h.node.Replies = h.node.Replies[:0]
	for i, c := range h.owed {
		c.dirty = false
		select {
		case c.ready <- struct{}{}:
		default:
		}
		h.owed[i] = nil
	}
	h.owed = h.owed[:0]
}
