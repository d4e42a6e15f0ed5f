package zab

import (
	"errors"
	"fmt"
	"slices"
)

const (
	millisecond Time = 1_000_000
	second      Time = 1000 * millisecond

	connectTries = 5 // Learner.connectToLeader
)

// A Config is what one server knows from the start. The limits are in ticks,
// as in zoo.cfg.
type Config struct {
	ID        NodeID
	Voters    []NodeID // the participants, ID among them
	Observers []NodeID // receive and have no vote; ID is among them or the voters

	Tick      Time // ZooKeeper's tickTime; the leader pings twice a tick
	InitLimit int  // ticks to connect to a leader and become level with it
	SyncLimit int  // ticks without a word after which leader or learner hangs up

	FinalizeWait            Time // silence after a quorum of votes that ends the election; may be 0
	MinNotificationInterval Time // silence after which a vote is repeated, doubled each time
	// Up to this. More than FinalizeWait, or one that repeats its vote for ever keeps
	// all others waiting for silence.
	MaxNotificationInterval Time

	ConnectRetry          Time // between two attempts to connect to the leader
	ObserverElectionDelay Time // an observer that lost its leader waits up to so long before it looks for one

	// CommittedLog is how many entries a server keeps at least behind its newest
	// snapshot, to bring learners level without it.
	CommittedLog int

	Sync SyncMode

	// LastCounter is that of an epoch's last transaction. ZooKeeper's is 2^32-1;
	// less is for trying what happens there.
	LastCounter uint64
}

// A SyncMode is what a client's sync makes sure of.
type SyncMode uint8

const (
	// SyncZooKeeper is sync as it is: the leader answers when all that it had
	// proposed is committed, and asks nobody whether it still leads. At the leader
	// itself it does nothing.
	SyncZooKeeper SyncMode = iota
	// SyncQuorum is ZOOKEEPER-1675: for each sync the leader orders a transaction
	// that does nothing, and answers when that is committed.
	SyncQuorum
)

var syncNames = [...]string{"zookeeper", "quorum"}

func (m SyncMode) String() string { return syncNames[m] }

// Default returns ZooKeeper's settings: constants of FastLeaderElection and
// ZKDatabase, and for the ticks those of zoo_sample.cfg. Who there is, is for the
// caller to say.
func Default() Config {
	return Config{
		Tick:                    2 * second,
		InitLimit:               10,
		SyncLimit:               5,
		FinalizeWait:            200 * millisecond,
		MinNotificationInterval: 200 * millisecond,
		MaxNotificationInterval: 60 * second,
		ConnectRetry:            100 * millisecond,
		ObserverElectionDelay:   200 * millisecond,
		CommittedLog:            500,
		LastCounter:             maxCounter,
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
	check(len(c.Voters) > 0, "Voters is empty")
	members := slices.Concat(c.Voters, c.Observers)
	check(slices.Contains(members, c.ID), "ID %d is neither one of the voters %v nor of the observers %v", c.ID, c.Voters, c.Observers)
	for i, id := range members {
		check(id != 0, "a server has ID 0; IDs count from 1")
		check(!slices.Contains(members[:i], id), "server %d is there twice", id)
	}
	check(c.Tick >= 2, "Tick is %d ns; it must be positive, and the leader halves it", c.Tick)
	check(c.InitLimit > 0, "InitLimit is %d ticks; it must be positive", c.InitLimit)
	check(c.SyncLimit > 0, "SyncLimit is %d ticks; it must be positive", c.SyncLimit)
	check(c.FinalizeWait >= 0, "FinalizeWait is negative: %d ns", c.FinalizeWait)
	check(c.MinNotificationInterval > 0, "MinNotificationInterval is %d ns; it must be positive", c.MinNotificationInterval)
	check(c.MaxNotificationInterval >= c.MinNotificationInterval, "MaxNotificationInterval %d ns is below MinNotificationInterval %d ns",
		c.MaxNotificationInterval, c.MinNotificationInterval)
	check(c.ConnectRetry > 0, "ConnectRetry is %d ns; it must be positive", c.ConnectRetry)
	check(c.ObserverElectionDelay >= 0, "ObserverElectionDelay is negative: %d ns", c.ObserverElectionDelay)
	check(c.CommittedLog >= 0, "CommittedLog is negative: %d", c.CommittedLog)
	check(c.Sync <= SyncQuorum, "there is no Sync %d", c.Sync)
	check(0 < c.LastCounter && c.LastCounter <= maxCounter, "LastCounter is %d; write 1 to %d", c.LastCounter, uint64(maxCounter))
	// A server still LOOKING repeats its vote inside everybody else's finalizeWait,
	// and each repetition begins the wait again: neither side would ever get on.
	check(c.FinalizeWait == 0 || c.MaxNotificationInterval > c.FinalizeWait, "MaxNotificationInterval %d ns is not above FinalizeWait %d ns",
		c.MaxNotificationInterval, c.FinalizeWait)
	return errors.Join(errs...)
}
