package run

import (
	"context"

	"raftzab/bench"
	"raftzab/bench/baseline/hashicorp"
	"raftzab/bench/trace"
	"raftzab/results"
)

// inBubble makes workers for hashicorp/raft, each of whose trials is a bubble
// of virtual time of its own.
func inBubble(ctx context.Context, cell *Cell, _ func(*trace.Event)) (worker, error) {
	w := &bubbles{ctx: ctx, cfg: hashicorpConfig(&cell.Settings, cell.Seed)}
	w.conductor = conductor{cell: cell, election: election{protocol: "raft", nodes: cell.Settings.Cluster.Voters, countable: hashicorp.ElectionKind}}
	w.cfg.Sent = func(_ Time, from, to NodeID, kind uint8, size int) { w.conductor.sent(from, to, kind, size) }
	return w, w.cfg.Validate()
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
		c.restart()
		return c.conduct(w.ctx)
	})
	return c.row(trial, true), 0, c.broken(trial, probed), err
}

func (w *bubbles) clients(row *results.Trial) Told {
	return w.conductor.clients(row)
}
