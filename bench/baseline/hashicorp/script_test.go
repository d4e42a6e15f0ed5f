package hashicorp

import (
	"testing"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/network"
	"raftzab/bench/random"
	"raftzab/protocols"
)

const ms = Time(1_000_000)

// testing150 is the setting of the published figures: T = 150 ms, delays of 5 to
// 10 ms, and a disk that takes no time.
func testing150(trial int) Config {
	c := Default()
	c.Voters = 5
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLease = 150*ms, 150*ms, 150*ms
	c.Network = network.Config{Nodes: 5, RTOMin: 200 * ms,
		Default: network.Quality{Delay: random.Distribution{Shape: random.Uniform, A: 5 * ms, B: 10 * ms}}}
	c.Seed, c.Trial = 1, trial
	return c
}

// A script is a handler made of steps: each is called when the one before has
// asked for it, and says when the next comes.
type script struct {
	sys     bench.System
	steps   []func(now Time) Time
	events  []seen
	replies []replied
	watch   func(now Time, node NodeID, e protocols.Event)
}

type seen struct {
	at   Time
	node NodeID
	protocols.Event
}

type replied struct {
	at Time
	bench.Reply
}

func (s *script) Wake(now Time) Time {
	if len(s.steps) == 0 {
		return 0
	}
	step := s.steps[0]
	s.steps = s.steps[1:]
	return step(now)
}
func (s *script) Reply(now Time, r bench.Reply) { s.replies = append(s.replies, replied{now, r}) }
func (s *script) Listen() protocols.EventSet    { return protocols.AllEvents }
func (s *script) Observe(now Time, node NodeID, e protocols.Event) {
	s.events = append(s.events, seen{now, node, e})
	if s.watch != nil {
		s.watch(now, node, e)
	}
}

// at is a step that only waits.
func at(t Time) func(Time) Time { return func(Time) Time { return t } }

func (s *script) put(to NodeID, seq uint32) {
	s.sys.Submit(to, bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: 1, Seq: seq}, Op: kv.Put, Key: 3, Value: uint64(seq), Size: 10}})
}

func (s *script) get(to NodeID, seq uint32, mode protocols.ReadMode) {
	s.sys.Submit(to, bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: 1, Seq: seq}, Op: kv.Get, Key: 3}, Mode: mode})
}

// leader returns the active leader of the greatest term.
func leader(sys bench.System) (id NodeID) {
	var epoch uint64
	for n := NodeID(1); n <= 5; n++ {
		if s, ok := sys.Status(n); ok && s.Role == protocols.Leader && s.Active && s.Epoch > epoch {
			id, epoch = n, s.Epoch
		}
	}
	return id
}

// first returns the first event of a kind after an instant, at anybody but one.
func (s *script) first(k protocols.EventKind, after Time, not NodeID) (seen, bool) {
	for _, e := range s.events {
		if e.Kind == k && e.at >= after && e.node != not {
			return e, true
		}
	}
	return seen{}, false
}

// play runs steps and then the cluster until the given time, and inspects what
// the script saw, within the bubble.
func play(t *testing.T, cfg Config, until Time, steps func(*script), inspect func(*script)) {
	t.Helper()
	err := Trial(cfg, func(sys bench.System) error {
		s := &script{sys: sys}
		steps(s)
		if err := sys.Run(s, until); err != nil {
			return err
		}
		inspect(s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
