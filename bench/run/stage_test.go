package run

import (
	"context"
	"math"
	"slices"
	"testing"

	"raftzab/bench/baseline/etcdraft"
	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/protocols"
	"raftzab/raft"
	"raftzab/results"
)

// figure16 is the cell of a curve of the Raft paper's figure 16.
func figure16(system string, low, high Duration, trials int) *Cell {
	cell := failover(system, fault.Crash, trials)
	s := &cell.Settings
	s.Cluster.Behind, s.Probe.Interval, s.Limit = 2, 0, 12_000*ms
	s.Raft = Raft{ElectionTimeout: Range{low, high}, Heartbeat: low / 2}
	s.Faults[0].At, s.Faults[0].Phase = random.Always(2_000_000_000), "heartbeat"
	return cell
}

// A staging is a trial that stops a while after t0.
type staging struct {
	conductor *conductor
	status    func(NodeID) (protocols.Status, bool)
	run       func(until Time) error
}

// staged begins a trial of a cell.
func staged[M protocols.Message](t *testing.T, cell *Cell, trial int) staging {
	t.Helper()
	system, err := Lookup(cell.System)
	if err != nil {
		t.Fatal(err)
	}
	w, err := system.open(context.Background(), cell, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := w.(*simulation[M])
	s.cluster.Reset(cell.Seed, trial)
	s.conductor.prepare(s.cluster, trial, false, 0)
	return staging{&s.conductor, s.cluster.Status, func(until Time) error { return s.cluster.Run(&s.conductor, until) }}
}

func TestServersThatAreBehindLackWhatAMajorityHasWhenTheLeaderIsStruck(t *testing.T) {
	for _, system := range []string{"raft", "etcd"} {
		for trial := range 20 {
			cell := figure16(system, 150*ms, 300*ms, 1)
			var s staging
			if system == "raft" {
				s = staged[raft.Message](t, cell, trial)
			} else {
				s = staged[etcdraft.Message](t, cell, trial)
			}
			if err := s.run(cell.Settings.Faults[0].At.A); err != nil { // nothing strikes before
				t.Fatal(err)
			}
			leaders, short, full := 0, 0, 0
			for id := NodeID(1); id <= 5; id++ {
				st, ok := s.status(id)
				behind := s.conductor.stage.withheld[id]
				switch {
				case !ok:
					t.Fatalf("%s trial %d: %d is down", system, trial, id)
				case st.Role == protocols.Leader && !behind:
					leaders++
				case st.Last.Less(st.Committed):
					t.Fatalf("%s trial %d: %d has committed %v of a log to %v", system, trial, id, st.Committed, st.Last)
				case behind:
					short++
				default:
					full++
				}
				for other := NodeID(1); other <= 5; other++ {
					if o, _ := s.status(other); behind && !s.conductor.stage.withheld[other] && !st.Last.Less(o.Last) {
						t.Errorf("%s trial %d: %d is behind and has a log to %v; that of %d goes to %v", system, trial, id, st.Last, other, o.Last)
					}
				}
			}
			if leaders != 1 || short != 2 || full != 2 {
				t.Errorf("%s trial %d: %d leaders, %d followers behind and %d not; want 1, 2 and 2", system, trial, leaders, short, full)
			}
		}
	}
}

// They stand as the others do, and make terms without a winner; once the old
// leader is gone they get what they lack.
func TestServersThatAreBehindStandAndNeverWin(t *testing.T) {
	for _, system := range []string{"raft", "etcd"} {
		rows, sum := measure(t, figure16(system, 150*ms, 300*ms, 200), 1)
		again := 0
		for _, r := range rows {
			if r.BestLeader != 1 {
				t.Errorf("%s trial %d: a server that is behind has won", system, r.Trial)
			}
			if r.SplitRounds > 0 {
				again++
			}
		}
		if again < 50 { // one of the two is the first to stand in half of all trials
			t.Errorf("%s: %d of 200 trials had a term without a winner", system, again)
		}
		if sum.Counts[results.OK] != 200 {
			t.Errorf("%s: %v", system, sum.Counts)
		}
	}
}

func TestFaultFiresUniformlyWithinAHeartbeatInterval(t *testing.T) {
	cell := figure16("raft", 150*ms, 300*ms, 1)
	cell.Settings.CPU.Timer = random.Distribution{Shape: random.Uniform, B: 20_000_000} // so that intervals differ
	const trials = 400
	var shares []float64
	for trial := range trials {
		s := staged[raft.Message](t, cell, trial)
		at := cell.Settings.Faults[0].At.A
		for until := at; !s.conductor.election.begun; until += slice {
			if until > 2*at {
				t.Fatal("nothing strikes")
			}
			if err := s.run(until); err != nil {
				t.Fatal(err)
			}
		}
		sent := s.conductor.stage.beats
		if sent < at || s.conductor.stage.beater != s.conductor.election.old {
			t.Fatalf("trial %d: %d sent at %v, and the fault was due from %v on", trial, s.conductor.stage.beater, sent, at)
		}
		shares = append(shares, float64(s.conductor.election.t0-sent)/float64(cell.Settings.Raft.Heartbeat))
	}
	slices.Sort(shares)
	far := 0.0
	for i, x := range shares {
		far = max(far, math.Abs(x-float64(i)/trials), math.Abs(x-float64(i+1)/trials))
	}
	if critical := 1.63 / math.Sqrt(trials); shares[0] < 0 || shares[trials-1] >= 1.001 || far > critical { // Kolmogorov-Smirnov, 99 %
		t.Errorf("from %.3f to %.3f of an interval, %.3f from uniform; at most %.3f", shares[0], shares[trials-1], far, critical)
	}
}

// With constant delays and no disk the winner tells all others a delay after it
// has won: 10 ms, but for one server that is 30 ms away from everybody.
func TestPaperMSIsWhenTheLastOfTheOthersHearsFromTheNewLeader(t *testing.T) {
	cell := figure16("raft", 150*ms, 300*ms, 60)
	s := &cell.Settings
	s.Disk.Fsync, s.Network.Delay = random.Distribution{}, random.Always(10_000_000)
	far := random.Always(30_000_000)
	s.Links = []Link{{From: []NodeID{1, 2, 3, 4}, To: []NodeID{5}, Delay: &far}}
	near, away := 0, 0
	for trial := range cell.Trials {
		st := staged[raft.Message](t, cell, trial)
		if err := st.conductor.conduct(context.Background()); err != nil {
			t.Fatal(err)
		}
		row := st.conductor.row(trial, true)
		want := row.DetectMS + row.VoteMS + 30
		if row.Leader == 5 || st.conductor.election.old == 5 {
			want -= 20
			near++
		} else {
			away++
		}
		if d := float64(row.PaperMS - want); math.IsNaN(d) || math.Abs(d) > 1e-9 {
			t.Errorf("trial %d, won by %v: paper_ms is %v, not %v", trial, row.Leader, row.PaperMS, want)
		}
	}
	if near == 0 || away == 0 {
		t.Errorf("%d trials without the far server, %d with it", near, away)
	}
}

func TestWithoutRandomnessThereIsALeaderToLoseAndNoneAfterIt(t *testing.T) {
	cell := figure16("raft", 150*ms, 150*ms, 20)
	cell.Settings.Network.Delay = random.Always(1_000_000)
	rows, _ := measure(t, cell, 1)
	for _, r := range rows {
		if r.Outcome != results.Censored || math.IsNaN(float64(r.DetectMS)) || !math.IsNaN(float64(r.PaperMS)) {
			t.Errorf("trial %d: %v, detect_ms %v, paper_ms %v", r.Trial, r.Outcome, r.DetectMS, r.PaperMS)
		}
	}
}

func TestOnlySystemsWhoseHeartbeatsAreSeenCanBeStaged(t *testing.T) {
	for _, system := range Systems {
		for _, mode := range system.Modes {
			lost := system.Check(mode, &figure16(system.Name, 150*ms, 300*ms, 1).Settings)
			var keys []string
			for _, u := range lost {
				keys = append(keys, u.Key)
			}
			if can := mode == Sim && (system.Name == "raft" || system.Name == "etcd"); can == slices.Contains(keys, "cluster.behind") || can == slices.Contains(keys, "fault[0].phase") {
				t.Errorf("%s, %s, cannot have %v", system.Name, mode, keys)
			}
		}
	}
}
