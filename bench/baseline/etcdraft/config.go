package etcdraft

import (
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
	Voters          []protocols.NodeID // ID among them
	ElectionTimeout Timeout
	Heartbeat       protocols.Time // between two heartbeats of a leader
}

// Validate names everything that keeps c from working.
func (c Config) Validate() error {
	var problems []error
	wrong := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("etcdraft: "+format, args...))
	}
	if !slices.Contains(c.Voters, c.ID) {
		wrong("server %d is not among the voters %v", c.ID, c.Voters)
	}
	for i, v := range c.Voters {
		if v == protocols.None {
			wrong("voter %d is number 0; servers count from 1", i)
		}
		if slices.Contains(c.Voters[:i], v) {
			wrong("server %d is twice among the voters", v)
		}
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
	maxSizePerMsg   = 1 << 20 // bytes
	maxInflightMsgs = 4096 / 8
)

// never is more ticks than any run has.
const never = 1 << 30

func (c Config) library(storage raft.Storage) *raft.Config {
	return &raft.Config{
		ID:                        uint64(c.ID),
		ElectionTick:              never,
		HeartbeatTick:             1,
		Storage:                   storage,
		AsyncStorageWrites:        true,
		MaxSizePerMsg:             maxSizePerMsg,
		MaxInflightMsgs:           maxInflightMsgs,
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
