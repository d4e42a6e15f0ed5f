// Package plots answers what the data look like. A figure is a function of a
// scenario's tables: rows become numbers, which tests compare with what was
// worked out by hand, and the numbers are drawn.
package plots

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"raftzab/results"
)

// A figure is one picture of a scenario.
type figure struct {
	name string
	// make returns the picture and its caption, or false where the data have
	// nothing for it.
	make func(d *results.Data) (drawing, string, bool)
	// table, where there is one, returns numbers to go with the picture, as CSV.
	table func(d *results.Data) []byte
}

// figures are all there are; a scenario gets those that its data support.
var figures = []figure{
	{"election-latency", electionLatency, nil},
	{"election-phases", electionPhases, nil},
	{"outage", outage, nil},
	{"election-cases", electionCases, nil},
	{"winners", winners, nil},
	{"join", joins, nil},
	{"raft-figure16", raftFigure16, figure16Table},
	{"settled", settled, nil},
	{"message-complexity", messageComplexity, nil},
	{"finalize-wait", finalizeWait, nil},
	{"stale-leader", staleLeader, nil},
	{"zab-phases", zabPhases, nil},
	{"failover", failover, failoverTable},
	{"failover-outage", failoverOutage, failoverOutageTable},
	{"read-staleness", readStaleness, readStalenessTable},
	{"live-read-staleness", liveStaleness, liveStalenessTable},
	{"visibility", visibility, visibilityTable},
	{"commit-notice", commitNotice, commitNoticeTable},
	{"sync-limits", syncLimits, nil},
	{"pause-stale-reads", pauseStaleReads, nil},
	{"read-share", readShare, readShareTable},
	{"throughput-over-time", throughputOverTime, throughputOverTimeTable},
	{"observers", observerThroughput, nil},
	{"observers-election", observerElections, nil},
	{"hops", hops, nil},
	{"find-leader", findLeader, nil},
	{"timeline", timeline, nil},
	{"recovery", recovery, nil},
	{"returning-leader", returningLeader, nil},
	{"wan-commits", wanCommits, nil},
	{"commit-messages", commitMessages, nil},
	{"split-votes", splitVotes, nil},
	{"election-size-delay", electionSizeDelay, nil},
}

// All draws the figures of the scenario whose results are in dir into
// dir/figures, each in all formats with its caption beside it as text and
// its table, if it has one, as CSV, puts the summary of all cells beside the data, and returns
// the paths of what it wrote. The same data give the same bytes; where some are not there,
// everything stays as it is.
func All(dir string) (written []string, err error) {
	data, err := results.Load(dir)
	if err != nil {
		return nil, err
	}
	summary, err := results.WriteSummaries(dir, summarize(data))
	if err != nil {
		return nil, err
	}
	written = append(written, summary)
	into := filepath.Join(dir, "figures")
	for _, f := range figures {
		d, caption, ok := f.make(data)
		if !ok {
			if err := remove(into, f.name); err != nil {
				return written, err
			}
			continue
		}
		if err := os.MkdirAll(into, 0o777); err != nil {
			return written, fmt.Errorf("cannot write figures: %w", err)
		}
		for _, format := range formats {
			text, err := d.render(format)
			if err != nil {
				return written, fmt.Errorf("drawing %s: %w", f.name, err)
			}
			if written, err = write(written, into, f.name+"."+format, text); err != nil {
				return written, err
			}
		}
		if written, err = write(written, into, f.name+".txt", []byte(caption)); err != nil {
			return written, err
		}
		if f.table == nil {
			continue
		}
		if written, err = write(written, into, f.name+".csv", f.table(data)); err != nil {
			return written, err
		}
	}
	return written, nil
}

// remove takes away a figure that earlier data had and these have not.
func remove(dir, name string) error {
	for _, ending := range append([]string{"txt", "csv"}, formats...) {
		if err := os.Remove(filepath.Join(dir, name+"."+ending)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a figure of earlier data: %w", err)
		}
	}
	return nil
}

// write puts a file in place whole.
func write(written []string, dir, name string, text []byte) ([]string, error) {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path+".partial", text, 0o666); err != nil {
		return written, fmt.Errorf("cannot write figures: %w", err)
	}
	if err := os.Rename(path+".partial", path); err != nil {
		return written, fmt.Errorf("cannot write figures: %w", err)
	}
	return append(written, path), nil
}
