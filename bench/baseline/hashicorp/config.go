package hashicorp

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"raftzab/bench/network"
	"raftzab/bench/random"
	"raftzab/protocols"
)

type (
	Time   = protocols.Time
	NodeID = protocols.NodeID
)

// Settings are the library's own, but for RPCTimeout: the same in virtual time
// and in a process (package hashicorpnode).
type Settings struct {
	HeartbeatTimeout Time // T of a follower
	ElectionTimeout  Time // T of a candidate, not less
	LeaderLease      Time // a leader that hears from no majority for so long steps down; at most HeartbeatTimeout
	CommitTimeout    Time // a leader tells its commit index to each peer every U[C, 2C)
	RPCTimeout       Time // of the transport
	MaxEntries       int  // in one AppendEntries
	PreVote          bool
}

// A Config describes a cluster and its world.
type Config struct {
	Voters int
	Absent []NodeID // their machines run, and their processes do not until a restart
	Settings
	Network network.Config // Nodes is Voters
	Fsync   random.Distribution
	Seed    uint64
	Trial   int

	// Sent, if not nil, is told each message to another node, in the order in
	// which they are sent, by the goroutine that runs the handler.
	Sent func(now Time, from, to NodeID, kind uint8, size int)
}

// Default returns the product's own settings, for a cluster and a world that
// are still to be named.
func Default() Config {
	d := raft.DefaultConfig()
	return Config{Settings: Settings{
		HeartbeatTimeout: Time(d.HeartbeatTimeout),
		ElectionTimeout:  Time(d.ElectionTimeout),
		LeaderLease:      Time(d.LeaderLeaseTimeout),
		CommitTimeout:    Time(d.CommitTimeout),
		RPCTimeout:       Time(10 * time.Second),
		MaxEntries:       d.MaxAppendEntries,
		PreVote:          true,
	}}
}

// Validate names everything that keeps c from working.
func (c Config) Validate() error {
	var problems []error
	if c.Voters < 1 {
		problems = append(problems, fmt.Errorf("hashicorp: %d voters; there must be one", c.Voters))
	}
	if c.Network.Nodes != c.Voters {
		problems = append(problems, fmt.Errorf("hashicorp: a network of %d nodes for %d voters", c.Network.Nodes, c.Voters))
	}
	return errors.Join(append(problems, c.Settings.Validate())...)
}

// Validate names everything that keeps s from working.
func (s Settings) Validate() error {
	var problems []error
	if s.RPCTimeout <= 0 {
		problems = append(problems, fmt.Errorf("hashicorp: an RPC timeout of %d ns; it must be positive", s.RPCTimeout))
	}
	if err := raft.ValidateConfig(s.Library(1)); err != nil {
		problems = append(problems, fmt.Errorf("hashicorp: %w", err))
	}
	return errors.Join(problems...)
}

// Library returns the library's settings for one server that takes no snapshots
// and keeps no log of its doings.
func (s Settings) Library(id NodeID) *raft.Config {
	l := raft.DefaultConfig()
	l.LocalID = ServerID(id)
	l.HeartbeatTimeout = time.Duration(s.HeartbeatTimeout)
	l.ElectionTimeout = time.Duration(s.ElectionTimeout)
	l.LeaderLeaseTimeout = time.Duration(s.LeaderLease)
	l.CommitTimeout = time.Duration(s.CommitTimeout)
	l.MaxAppendEntries = s.MaxEntries
	l.PreVoteDisabled = !s.PreVote
	l.SnapshotThreshold = math.MaxUint64
	l.NoLegacyTelemetry = true
	l.Logger = hclog.NewNullLogger()
	return l
}

// members returns the configuration that every log begins with.
func (c Config) members() raft.Configuration {
	var m raft.Configuration
	for id := NodeID(1); int(id) <= c.Voters; id++ {
		m.Servers = append(m.Servers, raft.Server{Suffrage: raft.Voter, ID: ServerID(id), Address: address(id)})
	}
	return m
}

// ServerID returns a server's name: its number.
func ServerID(id NodeID) raft.ServerID { return raft.ServerID(strconv.Itoa(int(id))) }

// In virtual time the address is the number too.
func address(id NodeID) raft.ServerAddress { return raft.ServerAddress(strconv.Itoa(int(id))) }

// Number returns the number that is a server's name; None, if it is none.
func Number[S ~string | ~[]byte](s S) NodeID {
	n, err := strconv.ParseUint(string(s), 10, 16)
	if err != nil {
		return protocols.None // the library's empty address: nobody
	}
	return NodeID(n)
}
