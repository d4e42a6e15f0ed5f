package run

import (
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/trace"
	"raftzab/results"
)

// What a trace marks of an election is what the row of the trial says of it, and to
// be traced changes nothing.
func TestARecordedTrialIsTheTrial(t *testing.T) {
	for _, system := range []string{"raft", "zab", "etcd"} {
		cell := failover(system, fault.Crash, 5)
		for trial := range 5 {
			told := 0
			row, checksum, broken, err := Replay(cell, trial, false, func(e *trace.Event) { told++ })
			if err != nil || broken != nil {
				t.Fatal(err, broken)
			}
			_, untold, _, _ := Replay(cell, trial, false, nil)
			x, broken, err := Record(cell, trial, false)
			if err != nil || broken != nil {
				t.Fatal(err, broken)
			}
			if checksum != untold || told < 100 {
				t.Errorf("%s, trial %d: checksum %x when it is told, in %d events, and else %x", system, trial, checksum, told, untold)
			}
			want := []results.Number{row.DetectMS, row.VoteMS, row.ActivateMS}
			if len(x.Marks) != 4 {
				t.Fatalf("%s, trial %d: marks %v", system, trial, x.Marks)
			}
			for i, phase := range []string{"detect", "vote", "activate"} {
				if m := x.Marks[i+1]; m.Name != phase || milliseconds(m.At-x.Marks[i].At) != want[i] {
					t.Errorf("%s, trial %d: marks %v; the row has %s %v ms", system, trial, x.Marks, phase, want[i])
				}
			}
			if last := x.Marks[3].At; x.To < last+Time(300_000_000) {
				t.Errorf("%s, trial %d: the leader is active at %d, and the trace ends at %d", system, trial, last, x.To)
			}
		}
	}
}
