package conversation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"raftzab/protocols"
	"raftzab/protocols/protocoltest"
	"raftzab/zab"
)

// Zab is our Zab as conversations and conformance drive it. The tick
// makes syncLimit the mean of Raft's election timeouts, so that the stories of
// the two lie side by side.
var Zab = protocoltest.Protocol[zab.Message]{
	New: func(e protocoltest.Ensemble, id protocols.NodeID, r protocols.Recovered, rng *rand.Rand) (protocols.Replica[zab.Message], error) {
		c := zab.Default()
		c.ID, c.Voters, c.Observers, c.Tick = id, e.Voters, e.Observers, 45_000_000 // 45 ms
		for _, o := range e.Options {
			if err := zabOption(&c, o); err != nil {
				return nil, fmt.Errorf("%s=%s: %w", o.Key, o.Value, err)
			}
		}
		return zab.New(c, r, rng), nil
	},
	Candidate: "looking", Round: "round", Epoch: "epoch",
	Past:  past,
	Reads: []protocols.ReadMode{protocols.ReadLeader, protocols.ReadSync},
	Fresh: func(e protocoltest.Ensemble, m protocols.ReadMode) bool {
		return m == protocols.ReadSync && slices.Contains(e.Options, protocoltest.Option{Key: "sync", Value: "quorum"})
	},
	Observers: true,
	Variants: []string{
		"committed_log=0",
		"sync=quorum committed_log=2",
		"sync=quorum finalize_wait=0s committed_log=5",
		"last_counter=12 committed_log=3",
		"sync=quorum last_counter=20 finalize_wait=20ms observer_delay=0s",
	},
}

// past is a disk in an epoch, with a log of entries of these epochs.
func past(epoch uint64, epochs []uint64) protocols.Recovered {
	r := protocols.Recovered{Registers: protocols.Registers{epoch, epoch}}
	z := zab.Zxid{}
	for _, e := range epochs {
		if z.Epoch != e {
			z = zab.Zxid{Epoch: e}
		}
		z.Index++
		r.Entries = append(r.Entries, zab.Entry{ID: z})
	}
	return r
}

// zabOption sets what a conversation calls an option.
func zabOption(c *zab.Config, o protocoltest.Option) (err error) {
	times := map[string]*zab.Time{"tick": &c.Tick, "finalize_wait": &c.FinalizeWait, "min_notification_interval": &c.MinNotificationInterval,
		"max_notification_interval": &c.MaxNotificationInterval, "connect_retry": &c.ConnectRetry, "observer_delay": &c.ObserverElectionDelay}
	numbers := map[string]*int{"init_limit": &c.InitLimit, "sync_limit": &c.SyncLimit, "committed_log": &c.CommittedLog}
	switch {
	case times[o.Key] != nil:
		d, bad := time.ParseDuration(o.Value)
		*times[o.Key], err = zab.Time(d), bad
	case numbers[o.Key] != nil:
		*numbers[o.Key], err = strconv.Atoi(o.Value)
	case o.Key == "last_counter":
		c.LastCounter, err = strconv.ParseUint(o.Value, 10, 32)
	case o.Key == "sync":
		i := slices.Index([]string{"zookeeper", "quorum"}, o.Value)
		if c.Sync = zab.SyncMode(i); i < 0 {
			err = fmt.Errorf("write zookeeper or quorum")
		}
	default:
		err = fmt.Errorf("no such option")
	}
	return err
}
