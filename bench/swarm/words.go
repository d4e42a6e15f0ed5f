package swarm

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"raftzab/protocols"
)

// How values are written in a story's file.

// A length of time is written as "150ms".
type length Time

func (l length) String() string { return time.Duration(l).String() }

func (l length) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

func (l *length) UnmarshalText(text []byte) error {
	t, err := time.ParseDuration(string(text))
	if err != nil || t < 0 {
		return fmt.Errorf("%q is no duration from 0; write for instance \"150ms\"", text)
	}
	*l = length(t)
	return nil
}

// A period is written as "150ms-300ms".
type period struct{ Min, Max Time }

func (p period) MarshalText() ([]byte, error) {
	return []byte(length(p.Min).String() + "-" + length(p.Max).String()), nil
}

func (p *period) UnmarshalText(text []byte) error {
	low, high, ok := strings.Cut(string(text), "-")
	if !ok {
		return fmt.Errorf("%q is no range; write for instance \"150ms-300ms\"", text)
	}
	if err := (*length)(&p.Min).UnmarshalText([]byte(low)); err != nil {
		return err
	}
	return (*length)(&p.Max).UnmarshalText([]byte(high))
}

// A position of the log is written as "3.17".
type position protocols.EntryID

func (p position) MarshalText() ([]byte, error) { return []byte(protocols.EntryID(p).String()), nil }

func (p *position) UnmarshalText(text []byte) error {
	epoch, index, _ := strings.Cut(string(text), ".")
	var err, bad error
	if p.Epoch, err = strconv.ParseUint(epoch, 10, 64); err == nil {
		p.Index, bad = strconv.ParseUint(index, 10, 64)
	}
	if err != nil || bad != nil {
		return fmt.Errorf("%q is no position of a log; write for instance \"3.17\"", text)
	}
	return nil
}

// Values that have names are written by them.
type (
	op        uint8 // of a request, as in package kv
	mode      protocols.ReadMode
	notice    uint8 // raft.CommitNotice
	backtrack uint8 // raft.Backtrack
	syncing   uint8 // zab.SyncMode
)

var (
	ops        = []string{"", "put", "get"}
	modeNames  = []string{"local", "leader", "readindex", "lease", "sync"}
	notices    = []string{"heartbeat", "eager"}
	backtracks = []string{"term", "one"}
	syncings   = []string{"zookeeper", "quorum"}
)

func (x op) MarshalText() ([]byte, error)        { return []byte(ops[x]), nil }
func (x mode) MarshalText() ([]byte, error)      { return []byte(modeNames[x]), nil }
func (x notice) MarshalText() ([]byte, error)    { return []byte(notices[x]), nil }
func (x backtrack) MarshalText() ([]byte, error) { return []byte(backtracks[x]), nil }
func (x syncing) MarshalText() ([]byte, error)   { return []byte(syncings[x]), nil }

func (x *op) UnmarshalText(text []byte) error        { return named(x, text, ops) }
func (x *mode) UnmarshalText(text []byte) error      { return named(x, text, modeNames) }
func (x *notice) UnmarshalText(text []byte) error    { return named(x, text, notices) }
func (x *backtrack) UnmarshalText(text []byte) error { return named(x, text, backtracks) }
func (x *syncing) UnmarshalText(text []byte) error   { return named(x, text, syncings) }

func named[T ~uint8](x *T, text []byte, names []string) error {
	for i, name := range names {
		if name != "" && name == string(text) {
			*x = T(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not known; there are %s", text, strings.TrimPrefix(strings.Join(names, ", "), ", "))
}
