package etcdraft

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/raft/v3"

	"raftzab/protocols"
)

// A Timeout is a range from which a timeout is drawn, uniformly on [Min, Max).
// With Max equal to Min it is always Min.
type Timeout struct{ Min, Max protocols.Time }

// A Config is what one server must know.
type Config struct {
	ID              protocols.NodeID
	Voters          []protocols.NodeID // ID among them,
	Learners        []protocols.NodeID // or among these, which have no vote
	ElectionTimeout Timeout
	Heartbeat       protocols.Time // between two heartbeats of a leader
	PreVote         bool
	CheckQuorum     bool
	Window          int // MsgApp under way to one server, at most; 0: DefaultWindow
}

// Validate names everything that keeps c from working.
func (c Config) Validate() error {
	var problems []error
	wrong := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("etcdraft: "+format, args...))
	}
	members := slices.Concat(c.Voters, c.Learners)
	if !slices.Contains(members, c.ID) {
		wrong("server %d is not among the voters %v and the learners %v", c.ID, c.Voters, c.Learners)
	}
	if len(c.Voters) == 0 {
		wrong("there are no voters")
	}
	for i, v := range members {
		if v == protocols.None {
			wrong("member %d is number 0; servers count from 1", i)
		}
		if slices.Contains(members[:i], v) {
			wrong("server %d is twice among the members", v)
		}
	}
	if c.Window < 0 {
		wrong("a window of %d messages; it must be at least 1, or 0 for the product's", c.Window)
	}
	if t := c.ElectionTimeout; t.Min <= 0 || t.Max < t.Min {
		wrong("election timeout from %d to %d ns; it must be positive, and the right way round", t.Min, t.Max)
	}
	if c.Heartbeat <= 0 || c.Heartbeat >= c.ElectionTimeout.Min {
		wrong("a heartbeat every %d ns; it must be positive, and less than the least election timeout of %d ns, or a healthy leader is deposed", c.Heartbeat, c.ElectionTimeout.Min)
	}
	return errors.Join(problems...)
}

// The limits of etcd's server (server/etcdserver/raft.go).
const (
	maxSizePerMsg = 1 << 20 // bytes
	DefaultWindow = 4096 / 8
)

// electionTick is the library's election timeout, in heartbeats. A leader alone
// counts ticks here: it looks so often whether it has a quorum, and after so
// many it gives a transfer up.
func (c Config) electionTick() int {
	return max(2, int((c.ElectionTimeout.Min+c.Heartbeat-1)/c.Heartbeat))
}

func (c Config) library(storage raft.Storage) *raft.Config {
	return &raft.Config{
		ID:                        uint64(c.ID),
		ElectionTick:              c.electionTick(),
		HeartbeatTick:             1,
		Storage:                   storage,
		AsyncStorageWrites:        true,
		MaxSizePerMsg:             maxSizePerMsg,
		MaxInflightMsgs:           cmp.Or(c.Window, DefaultWindow),
		PreVote:                   c.PreVote,
		CheckQuorum:               c.CheckQuorum,
		DisableProposalForwarding: true,
		Logger:                    quiet{},
	}
}

// quiet is a logger for a library that runs a million times: it only panics.
type quiet struct{}

func (quiet) Debug(...any)            {}
func (quiet) Debugf(string, ...any)   {}
func (quiet) Info(...any)             {}
func (quiet) Infof(string, ...any)    {}
func (quiet) Warning(...any)          {}
func (quiet) Warningf(string, ...any) {}
func (quiet) Error(...any)            {}
func (quiet) Errorf(string, ...any)   {}

func (quiet) Fatal(v ...any)            { panic("etcdraft: " + fmt.Sprint(v...)) }
func (quiet) Fatalf(f string, v ...any) { panic("etcdraft: " + fmt.Sprintf(f, v...)) }
func (quiet) Panic(v ...any)            { panic("etcdraft: " + fmt.Sprint(v...)) }
func (quiet) Panicf(f string, v ...any) { panic("etcdraft: " + fmt.Sprintf(f, v...)) }
