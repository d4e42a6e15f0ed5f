package main

import (
	"errors"

	"github.com/spf13/cobra"

	"raftzab/bench/live"
	"raftzab/bench/live/host"
	"raftzab/bench/run"
)

func nodeCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "node SETTINGS",
		Hidden: true, // it wants pipes and addresses that only a live run has
		Short:  "One node of a live run",
		Long: `Be one node of a live run: a process with one server of raft, zab or hashicorp. Live runs start it; SETTINGS is
JSON that says which server of which system it is, where the others are and where its disk is. What it is told comes
over file 3, what it does goes out over file 4, its clients and peers come over TCP.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			err := run.Serve(args[0])
			if errors.Is(err, host.ErrDisk) {
				return fail(live.ExitDisk, "%w", err)
			}
			return err
		},
	}
}
