package hashicorpnode

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"

	"raftzab/bench/baseline/hashicorp"
	"raftzab/protocols"
)

type (
	Time   = protocols.Time
	NodeID = protocols.NodeID
)

// Settings are what a server must know, in a form that can be handed over as JSON.
type Settings struct {
	ID      NodeID
	Peers   map[NodeID]netip.AddrPort // where each member listens for the others, this one included
	Clients netip.AddrPort            // where this one listens for clients
	Dir     string                    // of its disk: made if it is not there
	Start   int64                     // of the run, on CLOCK_MONOTONIC: what is told is stamped from there

	Library    hashicorp.Settings
	BatchApply bool // writes gather before they enter the log, up to MaxEntries
	Images     int  // entries between two snapshots; 0: none are taken
	Trailing   int  // entries that the log keeps behind a snapshot
	Segment    int  // bytes of a file of the log, which goes as a whole: what is behind a snapshot is there as long as it is
}

// A Config is Settings, and what cannot be written down.
type Config struct {
	Settings

	// The pipes to the process that started this one: see package wire. When
	// Commands end, the server ends.
	Commands   io.Reader
	Happenings io.Writer

	Log io.Writer // of what the library says in words; nil: nobody reads it
}

// Default returns the product's own settings, for a server that is still to be
// named.
func Default() Settings {
	return Settings{Library: hashicorp.Default().Settings, BatchApply: true, Trailing: int(raft.DefaultConfig().TrailingLogs), Segment: wal.DefaultSegmentSize}
}

// Validate names everything that keeps s from working.
func (s *Settings) Validate() error {
	var problems []error
	wrong := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("hashicorpnode: "+format, args...))
	}
	if _, ok := s.Peers[s.ID]; !ok || s.ID == protocols.None {
		wrong("server %d is not among the peers %v", s.ID, s.Peers)
	}
	for id, at := range s.Peers {
		if !at.IsValid() || id == protocols.None {
			wrong("server %d is at %v", id, at)
		}
	}
	if !s.Clients.IsValid() {
		wrong("there is no address for clients")
	}
	if s.Dir == "" {
		wrong("there is no folder for the disk")
	}
	if s.Images < 0 || s.Trailing < 0 || s.Segment <= 0 {
		wrong("%d entries between snapshots, %d behind one, %d bytes in a file of the log", s.Images, s.Trailing, s.Segment)
	}
	return errors.Join(append(problems, s.Library.Validate())...)
}

const (
	pooled    = 3   // connections kept open to a peer (Consul)
	cached    = 512 // entries kept in memory before the log (Consul)
	retained  = 2   // snapshots kept (Consul)
	snapCheck = 100 * time.Millisecond
)

// library returns the library's settings.
func (s *Settings) library(log hclog.Logger) *raft.Config {
	l := s.Library.Library(s.ID)
	l.BatchApplyCh = s.BatchApply
	l.TrailingLogs = uint64(s.Trailing)
	l.Logger = log
	if s.Images > 0 {
		// It looks every U[i, 2i) whether there are so many; the product's two
		// minutes are longer than most runs.
		l.SnapshotThreshold, l.SnapshotInterval = uint64(s.Images), snapCheck
	} else {
		l.SnapshotThreshold, l.SnapshotInterval = math.MaxUint64, time.Hour
	}
	return l
}

// members returns the configuration that the log begins with.
func (s *Settings) members() raft.Configuration {
	var m raft.Configuration
	for _, id := range slices.Sorted(maps.Keys(s.Peers)) {
		m.Servers = append(m.Servers, raft.Server{Suffrage: raft.Voter, ID: hashicorp.ServerID(id), Address: s.address(id)})
	}
	return m
}

func (s *Settings) address(id NodeID) raft.ServerAddress {
	return raft.ServerAddress(s.Peers[id].String())
}

// member returns who has an address; None if nobody has.
func (s *Settings) member(a raft.ServerAddress) NodeID {
	for id, p := range s.Peers {
		if p.String() == string(a) {
			return id
		}
	}
	return protocols.None
}

func (c *Config) logger() hclog.Logger {
	if c.Log == nil {
		return hclog.NewNullLogger()
	}
	return hclog.New(&hclog.LoggerOptions{Name: fmt.Sprintf("server %d", c.ID), Level: hclog.Info, Output: c.Log})
}
