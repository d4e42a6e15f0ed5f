package run

import (
	"context"

	"raftzab/bench"
	"raftzab/bench/baseline/hashicorp"
	"raftzab/results"
)

// inBubble makes workers for hashicorp/raft, each of whose trials is a bubble
// of virtual time of its own.
func inBubble(ctx context.Context, cell *Cell, _ func(Time, string)) (worker, error) {
	w := &bubbles{ctx: ctx, cfg: hashicorpConfig(&cell.Settings, cell.Seed)}
	w.conductor = conductor{cell: cell, election: election{protocol: "raft", nodes: cell.Settings.Cluster.Voters, countable: hashicorp.ElectionKind}}
	w.cfg.Sent = func(_ Time, from, to NodeID, kind uint8, size int) { w.conductor.election.sent(from, to, kind, size) }
	return w, w.cfg.Validate()
}

// hashicorpConfig has the scenario's timeouts for followers and candidates. The
// lease keeps the product's proportion, half the timeout; what a scenario does
// not speak of stays as the product has it.
func hashicorpConfig(s *Settings, seed uint64) hashicorp.Config {
	cfg := hashicorp.Default()
	t := s.Raft.ElectionTimeout.Min.Time()
	cfg.Voters, cfg.HeartbeatTimeout, cfg.ElectionTimeout, cfg.LeaderLease = s.Cluster.Voters, t, t, t/2
	cfg.Network, cfg.Fsync, cfg.Seed = wires(s), s.Disk.Fsync, seed
	return cfg
}

type bubbles struct {
	ctx       context.Context
	conductor conductor
	cfg       hashicorp.Config
}

func (w *bubbles) close() error { return nil }

func (w *bubbles) trial(trial int, probed bool) (row results.Trial, checksum uint64, broken *Breach, err error) {
	c := &w.conductor
	w.cfg.Trial = trial
	err = hashicorp.Trial(w.cfg, func(sys bench.System) error {
		c.prepare(sys, trial, probed, 0)
		c.probes.restart()
		return c.conduct(w.ctx)
	})
	return c.row(trial, true), 0, nil, err
}

// twiceTheTimeout is what hashicorp/raft cannot have otherwise: its timeouts
// are drawn from T to 2T.
func twiceTheTimeout(_ Mode, s *Settings) []Unsupported {
	if r := s.Raft.ElectionTimeout; r.Max != 2*r.Min {
		return []Unsupported{{"raft.election_timeout", "hashicorp/raft always draws from T to 2T; write for instance \"" + Range{r.Min, 2 * r.Min}.String() +
			"\", or another range for it alone in [hashicorp]"}}
	}
	return nil
}
