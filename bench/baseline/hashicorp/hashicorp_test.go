package hashicorp

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/protocols"
)

// What bubble.go relies on and nobody promises: that a T which no test made
// works, at the speed of virtual time.
func TestBubbleOutsideTests(t *testing.T) {
	began := time.Now()
	var slept time.Duration
	if err := bubble(func() {
		start := time.Now()
		time.Sleep(time.Hour)
		settle()
		slept = time.Since(start)
	}); err != nil || slept != time.Hour || time.Since(began) > time.Minute {
		t.Fatalf("slept %v of an hour, in %v: %v", slept, time.Since(began), err)
	}
	if err := bubble(func() { panic("help") }); err == nil || !strings.Contains(err.Error(), "help") {
		t.Errorf("a panic came back as %v", err)
	}
	if err := bubble(func() {
		inside := make(chan struct{})
		go func() { <-inside }()
	}); err == nil || !strings.Contains(err.Error(), "deadlock") {
		t.Errorf("a goroutine left behind came back as %v", err)
	}
}

func TestElectionAfterCrash(t *testing.T) {
	const n = 200
	var elect, detect []Time
	failed := 0
	for trial := range n {
		var victim NodeID
		var t0 Time
		play(t, testing150(trial), 4500*ms, func(s *script) {
			s.steps = append(s.steps, at(3000*ms), func(now Time) Time {
				if victim, t0 = leader(s.sys), now; victim == 0 {
					t.Errorf("trial %d: no leader", trial)
					victim = 1
				}
				must(t, s.sys.Inject(fault.Fault{Kind: fault.Crash, Nodes: []NodeID{victim}}))
				return 0
			})
		}, func(s *script) {
			role := func(e seen) bool {
				return e.at >= t0 && e.Kind == protocols.RoleChanged && e.Role == protocols.Candidate
			}
			candidate := slices.IndexFunc(s.events, role)
			elected, ok1 := s.first(protocols.Elected, t0, victim)
			activated, ok2 := s.first(protocols.Activated, t0, victim)
			if !ok1 || !ok2 || candidate < 0 || elected.node != activated.node {
				failed++
				return
			}
			// One round trip of 10 to 20 ms, or two if the first AppendEntries left before the no-op was there.
			if d := activated.at - elected.at; d < 10*ms || d > 40*ms {
				t.Errorf("trial %d: %d ns from office to activity", trial, d)
			}
			detect = append(detect, s.events[candidate].at-t0)
			elect = append(elect, elected.at-t0)
		})
	}
	if failed > 0 {
		t.Errorf("%d of %d trials without a new leader", failed, n)
	}
	mean := sum(elect) / Time(len(elect))
	t.Logf("crash to leader: mean %d ms, %d to %d ms; crash to first candidate: mean %d ms", mean/ms, slices.Min(elect)/ms, slices.Max(elect)/ms, sum(detect)/Time(len(detect))/ms)
	// The standard error at n = 200 is about 6 ms.
	if mean < 290*ms || mean > 375*ms {
		t.Errorf("mean %d ms; expected about 330", mean/ms)
	}
	// The last heartbeat was at most 50 ms old: a wait of up to 2T/10 and a round trip.
	if least := slices.Min(elect); least < 100*ms {
		t.Errorf("a leader after %d ms, before anybody can have missed the old one for T", least/ms)
	}
}

func sum(ts []Time) (s Time) {
	for _, x := range ts {
		s += x
	}
	return s
}

func TestWriteIsAcknowledgedAndRead(t *testing.T) {
	cfg := testing150(0)
	cfg.Network.Default.Delay = random.Always(5 * ms)
	cfg.Fsync = random.Always(2 * ms)
	counts := map[uint8]int{}
	cfg.Sent = func(_ Time, from, to NodeID, kind uint8, size int) {
		if from == to || size < headerSize {
			t.Errorf("%s of %d bytes from %d to %d", KindName(kind), size, from, to)
		}
		counts[kind]++
	}
	var l, other NodeID
	play(t, cfg, 5000*ms, func(s *script) {
		s.steps = append(s.steps, at(3000*ms), func(now Time) Time {
			l = leader(s.sys)
			other = l%5 + 1
			s.put(l, 1)
			return now + 300*ms // followers hear of a commit within two commit timeouts of 50 ms
		}, func(now Time) Time {
			s.get(l, 2, protocols.ReadLeader)
			s.get(other, 3, protocols.ReadLocal)
			s.get(other, 4, protocols.ReadLeader)
			s.put(other, 5)
			return 0
		})
	}, func(s *script) {
		if len(s.replies) != 5 {
			t.Fatalf("replies %v", s.replies)
		}
		slices.SortFunc(s.replies, func(a, b replied) int { return int(a.ID.Seq) - int(b.ID.Seq) })
		r := s.replies
		if r[0].Outcome != bench.OK || r[0].Version != 1 || r[0].At.Index == 0 {
			t.Errorf("write: %+v", r[0])
		}
		// To the leader, its fsync, to a follower, its fsync, back, to the client; and first
		// perhaps the rest of an AppendEntries that was under way.
		if least := 3000*ms + 4*5*ms + 2*2*ms; r[0].at < least || r[0].at > least+10*ms {
			t.Errorf("acknowledged at %d ns; want %d to 10 ms later", r[0].at, least)
		}
		for _, read := range r[1:3] {
			if read.Outcome != bench.OK || read.Value != 1 || read.Version != 1 || read.at != 3310*ms {
				t.Errorf("read: %+v", read)
			}
		}
		for _, refused := range r[3:] {
			if refused.Outcome != bench.Refused || refused.Leader != l {
				t.Errorf("a follower answers %+v; want a refusal that names %d", refused, l)
			}
		}
		applied := 0
		for _, e := range s.events {
			if e.Kind == protocols.Applied {
				applied++
			}
		}
		if applied != 5 {
			t.Errorf("applied at %d servers", applied)
		}
	})
	for _, k := range []uint8{RequestPreVote, RequestPreVoteResponse, RequestVote, RequestVoteResponse, AppendEntries, AppendEntriesResponse, AppendEntriesData, AppendEntriesDataResponse} {
		if counts[k] == 0 {
			t.Errorf("no %s was counted", KindName(k))
		}
	}
	if counts[AppendEntriesData] != 4 {
		t.Errorf("%d messages carried the command to 4 followers", counts[AppendEntriesData])
	}
}

// Each vote waits for three fsyncs, and the first AppendEntries of a leader
// leaves before its no-op is on its disk, so that activity takes two round trips.
func TestElectionWaitsForDisks(t *testing.T) {
	alone := 0
	for trial := 0; trial < 200 && alone < 5; trial++ {
		cfg := testing150(trial)
		cfg.Network.Default.Delay = random.Always(5 * ms)
		cfg.Fsync = random.Always(2 * ms)
		play(t, cfg, 3000*ms, func(*script) {}, func(s *script) {
			began, _ := s.first(protocols.RoundBegan, 0, 0)
			elected, ok := s.first(protocols.Elected, 0, 0)
			rival, _ := s.first(protocols.RoundBegan, 0, began.node)
			if !ok || began.node != elected.node || began.Epoch != elected.Epoch || rival.at != 0 {
				return // somebody else stood as well
			}
			alone++
			var known []Time // when the candidate knows of each vote
			for _, e := range s.events {
				if e.Kind != protocols.VoteCast {
					continue
				}
				if e.Peer != elected.node || e.Epoch != elected.Epoch {
					t.Errorf("a vote for %d in term %d", e.Peer, e.Epoch)
				}
				if known = append(known, e.at); e.node != elected.node {
					known[len(known)-1] += 5 * ms
				}
			}
			slices.Sort(known)
			if len(known) < 3 || elected.at != known[2] {
				t.Errorf("votes known at %v, elected at %d ns; three of five elect", known, elected.at)
			}
			// Pre-vote: a round trip. Term: an fsync. Vote: a delay, three fsyncs, a delay; and
			// two more fsyncs before the requests that leave behind the own vote.
			if d := elected.at - began.at; d != (10+2+16)*ms && d != (10+2+4+16)*ms {
				t.Errorf("elected %d ns after it began", d)
			}
			activated, _ := s.first(protocols.Activated, 0, 0)
			if d := activated.at - elected.at; d != (10+10+2)*ms {
				t.Errorf("active %d ns after the election; want two round trips and an fsync", d)
			}
		})
	}
	if alone < 5 {
		t.Errorf("only %d of 200 elections without a rival", alone)
	}
}

func TestRestartFindsItsDisk(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Crash, fault.PowerOff} {
		cfg := testing150(1)
		cfg.Fsync = random.Always(2 * ms)
		var l NodeID
		play(t, cfg, 30_000*ms, func(s *script) {
			s.steps = append(s.steps, at(3000*ms), func(now Time) Time {
				l = leader(s.sys)
				s.put(l, 1)
				return now + 100*ms
			}, func(now Time) Time {
				must(t, s.sys.Inject(fault.Fault{Kind: kind, Nodes: []NodeID{l}}))
				if _, up := s.sys.Status(l); up {
					t.Errorf("%v: server %d still answers", kind, l)
				}
				s.put(l, 2) // nobody answers
				return now + 2000*ms
			}, func(now Time) Time {
				must(t, s.sys.Inject(fault.Fault{Kind: fault.Restart, Nodes: []NodeID{l}}))
				if st, up := s.sys.Status(l); !up || st.Last.Index < 3 {
					t.Errorf("%v: back with %+v; the first entry, the no-op and the write were durable", kind, st)
				}
				return now + 20_000*ms
			}, func(Time) Time {
				s.get(l, 3, protocols.ReadLocal)
				return 0
			})
		}, func(s *script) {
			if len(s.replies) != 2 || s.replies[1].ID.Seq != 3 || s.replies[1].Value != 1 {
				t.Errorf("%v: %+v", kind, s.replies)
			}
			new := leader(s.sys)
			st, _ := s.sys.Status(l)
			want, _ := s.sys.Status(new)
			if new == 0 || new == l || st.Leader != new || st.Last != want.Last || st.Committed != want.Committed {
				t.Errorf("%v: server %d is back at %+v under %d at %+v", kind, l, st, new, want)
			}
		})
	}
}

// A peer learns of a crash after one delay, of a power failure never: only then
// does an RPC last as long as the transport lets it.
func TestOnlyACrashClosesConnections(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Crash, fault.PowerOff} {
		cfg := testing150(2)
		cfg.RPCTimeout = 700 * ms
		var victim NodeID
		var calls int
		play(t, cfg, 5000*ms, func(s *script) {
			c := s.sys.(*Cluster)
			l := NodeID(0)
			s.steps = append(s.steps, at(3000*ms), func(now Time) Time {
				l = leader(s.sys)
				victim = l%5 + 1
				must(t, s.sys.Inject(fault.Fault{Kind: kind, Nodes: []NodeID{victim}}))
				return now + 600*ms
			}, func(Time) Time {
				for _, k := range c.nodes[l].life.trans.calls {
					if k.to == victim {
						calls++
					}
				}
				return 0
			})
		}, func(*script) {})
		// Under a crash only what is on its way to the kernel that refuses it.
		if kind == fault.PowerOff && calls == 0 {
			t.Errorf("%v: nobody waits for the silent server", kind)
		}
		if kind == fault.Crash && calls > 2 {
			t.Errorf("%v: %d calls wait for a dead process", kind, calls)
		}
	}
}

func TestPartitionAndHeal(t *testing.T) {
	cfg := testing150(4)
	var old, new NodeID
	play(t, cfg, 40_000*ms, func(s *script) {
		s.steps = append(s.steps, at(3000*ms), func(now Time) Time {
			old = leader(s.sys)
			must(t, s.sys.Inject(fault.Fault{Kind: fault.Isolate, Nodes: []NodeID{old}}))
			s.put(old, 1) // "bob": nobody can say what becomes of it
			return now + 3000*ms
		}, func(now Time) Time {
			if new = leader(s.sys); new == old || new == 0 {
				t.Errorf("leader %d after %d was cut off", new, old)
			}
			if st, _ := s.sys.Status(old); st.Role == protocols.Leader {
				t.Errorf("the old leader leads beyond its lease: %+v", st)
			}
			s.put(new, 2)
			return now + 1000*ms
		}, func(now Time) Time {
			must(t, s.sys.Inject(fault.Fault{Kind: fault.Heal}))
			return now + 25_000*ms
		}, func(Time) Time {
			s.get(old, 3, protocols.ReadLocal)
			return 0
		})
	}, func(s *script) {
		if len(s.replies) != 3 || s.replies[0].Outcome != bench.Unknown || s.replies[1].Outcome != bench.OK || s.replies[2].Value != 2 {
			t.Fatalf("%+v", s.replies)
		}
		if _, ok := s.first(protocols.LogTruncated, 0, 0); !ok {
			t.Error("the old leader's entry was never taken back")
		}
		a, _ := s.sys.Status(old)
		b, _ := s.sys.Status(leader(s.sys))
		if a.Last != b.Last || a.Committed != b.Committed {
			t.Errorf("after healing %+v and %+v", a, b)
		}
	})
}

func TestDisconnectDropsTheAnswer(t *testing.T) {
	play(t, testing150(0), 5000*ms, func(s *script) {
		s.steps = append(s.steps, at(3000*ms), func(now Time) Time {
			s.put(leader(s.sys), 1)
			return now + 12*ms // it has arrived
		}, func(now Time) Time {
			s.sys.Disconnect(1, leader(s.sys))
			return now + 500*ms
		}, func(Time) Time {
			s.get(leader(s.sys), 2, protocols.ReadLocal)
			return 0
		})
	}, func(s *script) {
		if len(s.replies) != 1 || s.replies[0].Value != 1 {
			t.Errorf("%+v; want the read only, which sees the write", s.replies)
		}
	})
}

func TestTrialsLeaveNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	for trial := range 200 {
		cfg := testing150(trial)
		cfg.Fsync = random.Distribution{Shape: random.Uniform, A: 1 * ms, B: 3 * ms}
		kind := []fault.Kind{fault.Crash, fault.PowerOff}[trial%2]
		play(t, cfg, 1500*ms, func(s *script) {
			probe := uint32(0)
			var step func(now Time) Time
			step = func(now Time) Time { // writes all the while, through the crash and to the end
				probe++
				s.put(NodeID(probe%5+1), probe)
				if probe == 300 {
					if l := leader(s.sys); l != 0 {
						must(t, s.sys.Inject(fault.Fault{Kind: kind, Nodes: []NodeID{l}}))
					}
				}
				s.steps = append(s.steps, step)
				return now + 3*ms
			}
			s.steps = append(s.steps, step)
		}, func(*script) {})
	}
	runtime.Gosched()
	if after := runtime.NumGoroutine(); after > before+2 {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}

func TestPanicOfAHandlerEndsTheTrial(t *testing.T) {
	err := Trial(testing150(0), func(sys bench.System) error {
		s := &script{sys: sys, steps: []func(Time) Time{at(1000 * ms), func(Time) Time { panic("out of ideas") }}}
		return sys.Run(s, 2000*ms)
	})
	if err == nil || !strings.Contains(err.Error(), "out of ideas") {
		t.Errorf("%v", err)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	cfg := testing150(0)
	cfg.LeaderLease = 2 * cfg.HeartbeatTimeout
	cfg.Network.Nodes = 3
	err := Trial(cfg, func(bench.System) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "LeaderLeaseTimeout") || !strings.Contains(err.Error(), "3 nodes") {
		t.Errorf("%v", err)
	}
}

func BenchmarkCrashTrial(b *testing.B) {
	for i := range b.N {
		err := Trial(testing150(i), func(sys bench.System) error {
			s := &script{sys: sys}
			s.steps = append(s.steps, at(1000*ms), func(Time) Time {
				if err := sys.Inject(fault.Fault{Kind: fault.Crash, Nodes: []NodeID{max(1, leader(sys))}}); err != nil {
					b.Error(err)
				}
				return 0
			})
			return sys.Run(s, 1500*ms)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
