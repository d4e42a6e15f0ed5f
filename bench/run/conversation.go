package run

import (
	"slices"

	"raftzab/bench/conversation"
	"raftzab/results"
)

// Conversations are the names of those that a system has: cases of a run in mode
// "conversation".
func (s *System) Conversations() []string {
	if !slices.Contains(s.Modes, Conversation) {
		return nil
	}
	return conversation.Names(s.Name)
}

// A player plays the conversation that its cell names.
type player struct{ cell *Cell }

func (p player) trial(trial int, probed bool) (row results.Trial, checksum uint64, broken *Breach, err error) {
	played, wrong := conversation.Play(p.cell.System, p.cell.Case)
	row = p.cell.row(trial, probed)
	row.Rounds, row.SplitRounds, row.Votes = results.Number(played.Rounds), results.Number(played.SplitRounds), results.Number(played.Votes)
	if wrong != "" {
		row.Outcome = results.Violated
		broken = &Breach{p.cell, trial, probed, wrong}
	}
	return row, 0, broken, nil
}

func (p player) clients(*results.Trial) Told { return Told{} }

func (p player) close() error { return nil }
