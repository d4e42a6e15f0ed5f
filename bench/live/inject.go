package live

import (
	"errors"
	"fmt"
	"slices"

	"raftzab/bench/fault"
	"raftzab/bench/live/wire"
	"raftzab/bench/random"
	"raftzab/protocols"
)

// Inject implements bench.System. What a node that is in the wrong state cannot do
// (restart while it runs) is left undone: schedules that rest on chance need not
// know. What an order to a node changes, changes when the node has read it.
func (e *Ensemble) Inject(f fault.Fault) error {
	if !e.Supports(f.Kind) {
		return fmt.Errorf("live: %v: no such fault here", f)
	}
	for _, id := range slices.Concat(f.Nodes, f.From, f.To, slices.Concat(f.Groups...)) {
		if id < 1 || int(id) > len(e.nodes) {
			return fmt.Errorf("live: fault %v: there is no node %d", f, id)
		}
	}
	switch f.Kind {
	case fault.Partition, fault.Isolate, fault.Cut, fault.Heal, fault.Link:
		if err := e.cfg.Network.Inject(f); err != nil {
			return fmt.Errorf("live: %v: %w", f, err)
		}
		return nil
	case fault.Transfer:
		if len(f.Nodes) == 0 {
			return nil
		}
		return e.transfer(f.Nodes[0])
	case fault.Clock:
		if f.Skew < 0 || f.Drift <= -1 {
			return fmt.Errorf("live: fault %v: a clock does not go back", f)
		}
	}
	for _, id := range f.Nodes {
		if err := e.strike(e.nodes[id-1], f); err != nil {
			return fmt.Errorf("live: %v of node %d: %w", f.Kind, id, err)
		}
	}
	return nil
}

// strike gives effect to a fault of one node.
func (e *Ensemble) strike(n *node, f fault.Fault) error {
	l := n.life
	up := !l.dead
	switch {
	case f.Kind == fault.Crash && up:
		return l.kill()
	case f.Kind == fault.PowerOff && up:
		if err := e.cfg.Network.PowerOff(n.id); err != nil {
			return err
		}
		n.silent = true
		return l.kill()
	case f.Kind == fault.Restart && (!up || l.gone()):
		<-l.over // the kernel has yet to reap it only if it was killed just now
		if n.silent {
			if err := e.cfg.Network.PowerOn(n.id); err != nil {
				return err
			}
			n.silent = false
			e.hangUp(n.id)
		}
		return e.boot(n)
	case f.Kind == fault.Pause && up:
		l.paused = true
		return pause(l.cmd.Process)
	case f.Kind == fault.Resume && up && l.paused:
		l.paused = false
		return resume(l.cmd.Process)
	case f.Kind == fault.Disk:
		d := wire.Disk{Fsync: f.Fsync, Fail: f.Fail, Back: f.Back}
		if d.Fail || d.Back {
			d.Fsync = random.Distribution{}
		}
		if n.failing = d.Fail; d.Fail {
			l.mortal = true
		} else {
			n.disk = &d
		}
		return l.order(wire.TypeDisk, wire.AppendDisk(nil, d))
	case f.Kind == fault.Clock:
		c := wire.Clock{Skew: f.Skew, Drift: f.Drift, Back: f.Back}
		if c.Back {
			c.Skew, c.Drift = 0, 0
		}
		n.clock = &wire.Clock{Drift: c.Drift, Back: c.Back} // no life knows how far an earlier one had got
		return l.order(wire.TypeClock, wire.AppendClock(nil, c))
	}
	return nil
}

// hangUp ends the clients' connections to a machine that is no more. Left alone,
// they would find that out with TCP's next retransmission, and have waited for as
// long as the machine was off.
func (e *Ensemble) hangUp(id protocols.NodeID) {
	for at, s := range e.sessions {
		if at.node == id {
			s.hangUp()
		}
	}
}

// transfer has whoever leads, or believes to, hand over to a node; each knows best
// itself.
func (e *Ensemble) transfer(to protocols.NodeID) error {
	var errs []error
	for _, n := range e.nodes {
		if n.life.runs() {
			errs = append(errs, n.life.order(wire.TypeTransfer, wire.AppendTransfer(nil, to)))
		}
	}
	return errors.Join(errs...)
}
