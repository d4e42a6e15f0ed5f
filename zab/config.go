package zab

import (
	"errors"
	"fmt"
	"slices"
)

const (
	millisecond Time = 1_000_000
	second      Time = 1000 * millisecond

	// Both are ZooKeeper's: Learner.connectToLeader, leaderConnectDelayDuringRetryMs.
	connectTries      = 5
	connectRetryDelay = 100 * millisecond
)

// A Config is what one server knows from the start. The limits are in ticks,
// as in zoo.cfg.
type Config struct {
	ID        NodeID
	Voters    []NodeID // the participants, ID among them
	Observers []NodeID // must be empty: observers are not supported yet

	Tick      Time // ZooKeeper's tickTime; the leader pings twice a tick
	InitLimit int  // ticks to connect to a leader and become level with it
	SyncLimit int  // ticks without a word after which leader or learner hangs up

	FinalizeWait            Time // silence after a quorum of votes that ends the election; may be 0
	MinNotificationInterval Time // silence after which a vote is repeated, doubled each time
	// Up to this. More than FinalizeWait, or one that repeats its vote for ever keeps
	// all others waiting for silence.
	MaxNotificationInterval Time
}

// Default returns ZooKeeper's settings: constants of FastLeaderElection and
// ZKDatabase, and for the ticks those of zoo_sample.cfg. ID and Voters are the
// caller's.
func Default() Config {
	return Config{
		Tick:                    2 * second,
		InitLimit:               10,
		SyncLimit:               5,
		FinalizeWait:            200 * millisecond,
		MinNotificationInterval: 200 * millisecond,
		MaxNotificationInterval: 60 * second,
	}
}

// Validate reports everything that is wrong with c.
func (c *Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(slices.Contains(c.Voters, c.ID), "ID %d is not one of the voters %v", c.ID, c.Voters)
	for i, id := range c.Voters {
		check(id != 0, "a voter has ID 0; IDs count from 1")
		check(!slices.Contains(c.Voters[:i], id), "voter %d is there twice", id)
	}
	check(len(c.Observers) == 0, "Observers are not supported yet; leave %v out", c.Observers)
	check(c.Tick >= 2, "Tick is %d ns; it must be positive, and the leader halves it", c.Tick)
	check(c.InitLimit > 0, "InitLimit is %d ticks; it must be positive", c.InitLimit)
	check(c.SyncLimit > 0, "SyncLimit is %d ticks; it must be positive", c.SyncLimit)
	check(c.FinalizeWait >= 0, "FinalizeWait is negative: %d ns", c.FinalizeWait)
	check(c.MinNotificationInterval > 0, "MinNotificationInterval is %d ns; it must be positive", c.MinNotificationInterval)
	check(c.MaxNotificationInterval >= c.MinNotificationInterval, "MaxNotificationInterval %d ns is below MinNotificationInterval %d ns",
		c.MaxNotificationInterval, c.MinNotificationInterval)
	// A server still LOOKING repeats its vote inside everybody else's finalizeWait,
	// and each repetition begins the wait again: neither side would ever get on.
	check(c.FinalizeWait == 0 || c.MaxNotificationInterval > c.FinalizeWait, "MaxNotificationInterval %d ns is not above FinalizeWait %d ns",
		c.MaxNotificationInterval, c.FinalizeWait)
	return errors.Join(errs...)
}
