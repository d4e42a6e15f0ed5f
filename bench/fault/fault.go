// Package fault says what may go wrong; it does nothing itself. A Fault is a
// disturbance with its targets resolved, ready for a driver to give it effect.
// A Plan is one line of a scenario, and a Schedule turns plans into faults.
package fault

import (
	"fmt"
	"strings"
	"time"

	"raftzab/bench/random"
	"raftzab/protocols"
)

// A Kind is a way to go wrong, or to be mended.
type Kind uint8

const (
	Crash     Kind = iota // the process dies; peers see its connections break
	PowerOff              // the machine falls silent; nobody is told
	Restart               // it starts again from its disk
	Pause                 // the process stops (SIGSTOP); its kernel does not
	Resume                // and goes on
	Partition             // Groups: no traffic between two groups
	Isolate               // Nodes: no traffic between each of them and any other node
	Cut                   // From, To: no traffic in this direction
	Heal                  // every cut ends; or with From and To, these
	Link                  // From, To: another Delay and Loss
	Disk                  // Nodes: another Fsync; or the next one fails
	Clock                 // Nodes: their clocks jump by Skew, and gain Drift from then on
	Transfer              // Nodes[0]: whoever leads hands over to it
	Kinds                 // how many kinds a system may have
)

// Kinds of plans, which come down to others: no system is asked for them.
const (
	Chaotic   = Kinds + iota // whatever a Chaos draws, for a while
	Start                    // of a server that was absent: a Restart, of whom no life came before
	Flapping                 // an Isolate or a Cut that comes and goes, for a while
	PlanKinds                // how many kinds a plan may have
)

var names = [PlanKinds]string{"crash", "power-off", "restart", "pause", "resume", "partition", "isolate", "cut", "heal", "link", "disk", "clock", "transfer", "chaos", "start", "flap"}

func (k Kind) String() string { return names[k] }

// MarshalText is String.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what String writes.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, name := range names {
		if name == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("%q is no kind of fault; there are %s", text, strings.Join(names[:], ", "))
}

// A Fault is one disturbance. Clients are not cut off by Partition, Isolate
// and Cut: these concern the links among the nodes.
//
// The groups of a partition may overlap, which makes it a partial one: a pair may
// talk if some group holds both, so a node in two groups hears those who do not
// hear each other.
//
// A failing disk ends the life of its process, as a crash does: what the fsync was
// to make durable is there or not, and a process that went on would have to know.
//
// A clock fault concerns what a node takes for the time: its timeouts and leases.
// Faults, requests, events and all measurements stay on the clock of the run.
// A clock that jumped stays ahead; Back ends the drift only, since no clock goes
// back within a life.
type Fault struct {
	Kind      Kind
	Nodes     []protocols.NodeID   // crash to resume, isolate, disk, clock, transfer
	Groups    [][]protocols.NodeID // partition; a node in no group is alone
	From, To  []protocols.NodeID   // cut, heal, link: every pair of the two
	Delay     random.Distribution  // link
	Loss      float64              // link; from 0 to 1
	Duplicate float64              // link of datagrams; from 0 to 1
	Reorder   float64              // link of datagrams; from 0 to 1
	Bandwidth float64              // link of real packets; bits per second, 0: as fast as it goes
	Fsync     random.Distribution  // disk, unless Fail
	Fail      bool                 // disk: the next fsync fails
	Skew      protocols.Time       // clock: forward, not negative
	Drift     float64              // clock: it runs 1+Drift times as fast; above -1
	Back      bool                 // link, disk, clock: back to what the scenario has
}

// String writes a fault for traces.
func (f Fault) String() string {
	switch f.Kind {
	case Partition:
		return fmt.Sprintf("partition %v", f.Groups)
	case Cut:
		return fmt.Sprintf("cut %v->%v", f.From, f.To)
	case Heal:
		if len(f.From) == 0 {
			return "heal"
		}
		return fmt.Sprintf("heal %v->%v", f.From, f.To)
	case Link:
		text := fmt.Sprintf("link %v->%v delay %v loss %g", f.From, f.To, f.Delay, f.Loss)
		if f.Duplicate > 0 || f.Reorder > 0 {
			text += fmt.Sprintf(" duplicate %g reorder %g", f.Duplicate, f.Reorder)
		}
		if f.Bandwidth > 0 {
			text += fmt.Sprintf(" bandwidth %g", f.Bandwidth)
		}
		return text
	case Disk:
		if f.Fail {
			return fmt.Sprintf("disk %v fails", f.Nodes)
		}
		return fmt.Sprintf("disk %v fsync %v", f.Nodes, f.Fsync)
	case Clock:
		if f.Back {
			return fmt.Sprintf("clock %v back", f.Nodes)
		}
		return fmt.Sprintf("clock %v skew %v drift %g", f.Nodes, time.Duration(f.Skew), f.Drift)
	case Transfer:
		return fmt.Sprintf("transfer to %v", f.Nodes)
	}
	return fmt.Sprintf("%v %v", f.Kind, f.Nodes)
}
