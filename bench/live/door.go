package live

import (
	"net"
	"sync"
	"time"
)

// knock is the time between two tries to connect; as far apart as probes.
const knock = 2 * time.Millisecond

// A door is where the sessions of one node wait for a connection to it. While
// nobody opens, one session knocks for all, so that a dead node costs its clients'
// machine the same whether they are three or three hundred; when it opens, the
// others follow at once.
type door struct {
	dial func() (net.Conn, error)

	mu       sync.Mutex
	waiting  []*session
	knocking bool
	closed   bool
	callers  sync.WaitGroup
}

// wait puts a session without a connection in line.
func (d *door) wait(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.waiting = append(d.waiting, s)
	if !d.knocking {
		d.knocking = true
		d.callers.Go(d.knock)
	}
}

// knock tries until nobody waits any more.
func (d *door) knock() {
	for last := (time.Time{}); d.awaited(); {
		time.Sleep(knock - time.Since(last))
		last = time.Now()
		conn, err := d.dial()
		if err != nil {
			continue
		}
		first, others := d.opened()
		if first == nil {
			conn.Close()
			continue
		}
		first.connected(conn)
		for _, s := range others {
			d.callers.Go(func() {
				if conn, err := d.dial(); err == nil {
					s.connected(conn)
				} else {
					d.wait(s)
				}
			})
		}
	}
}

// awaited reports whether somebody waits; if not, whoever comes next must see to
// the knocking.
func (d *door) awaited() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.knocking = len(d.waiting) > 0 && !d.closed
	return d.knocking
}

// opened takes everybody out of the line.
func (d *door) opened() (first *session, others []*session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.waiting) == 0 {
		return nil, nil
	}
	first, others, d.waiting = d.waiting[0], d.waiting[1:], nil
	return first, others
}

// shut ends the knocking. A try that is under way goes on; callers has it.
func (d *door) shut() {
	d.mu.Lock()
	d.closed, d.waiting = true, nil
	d.mu.Unlock()
}
