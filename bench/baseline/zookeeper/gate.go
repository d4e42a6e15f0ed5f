package zookeeper

import (
	"sync"
	"time"
)

// A gate is where the sessions of one server come by on their way to it. While it
// has turned one away and taken none they knock in turns, so that a server without
// a leader costs the machine the same whether its clients are three or three
// hundred; once it takes one, the others follow at once. The zero gate is open.
type gate struct {
	mu   sync.Mutex
	shut chan struct{} // closed when it opens; nil: it is open
	next time.Time     // when it is the next one's turn
}

// wait returns when it is the caller's turn.
func (g *gate) wait() {
	g.mu.Lock()
	shut := g.shut
	if shut == nil {
		g.mu.Unlock()
		return
	}
	turn := time.Now()
	if turn.Before(g.next) {
		turn = g.next
	}
	g.next = turn.Add(knock)
	g.mu.Unlock()
	select {
	case <-shut:
	case <-time.After(time.Until(turn)):
	}
}

// open takes in that the server has accepted a session.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

// close takes in that the server has ended one.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil {
		g.shut, g.next = make(chan struct{}), time.Time{}
	}
}
