package workload

import (
	"errors"
	"fmt"
	"math"

	"raftzab/protocols"
)

// An Attach says to which servers sessions attach themselves.
type Attach uint8

const (
	Any       Attach = iota // all, as evenly as it goes
	Leader                  // whoever leads
	Followers               // the voters that do not lead
	Observers               // the servers without a vote
)

// A Finding says how a client finds the leader, where requests are the leader's.
type Finding uint8

const (
	Known Finding = iota // it knows who leads, whenever its session attaches itself
	Asked                // it asks a server, goes where that one sends it, and stays there
	Each                 // likewise, but each operation begins where the session is attached
)

// A Config describes a population of clients.
type Config struct {
	Voters, Observers int
	Forwards          bool   // any server takes a write, as ZooKeeper's do; else it is the leader's
	Others            uint32 // sessions 1 to Others, and keys 0 to Others, are somebody else's

	Clients   int
	Rate      float64            // operations per second that are meant to begin, of all clients together; 0: closed loop, each client asks when it has been answered
	Poisson   bool               // they begin at random instants, and not at even intervals
	Reads     float64            // share of reads
	Mode      protocols.ReadMode // of reads
	Attach    Attach             // of read sessions, and of write sessions where any server takes writes
	Finding   Finding
	Keys      int
	Skew      float64 // key i is chosen in proportion to i^-Skew (zipf); 0: uniformly
	ValueSize uint32  // bytes
	Timeout   Time    // after which a client gives an operation up, and its session's connection with it
	Monotonic bool    // a session tells each server how new a state it has seen (Request.Seen)
}

// Default returns ten clients that write as fast as they are answered.
func Default() Config {
	return Config{Voters: 3, Clients: 10, Poisson: true, Keys: 100, ValueSize: 128, Timeout: 1_000_000_000}
}

// Validate reports what makes no sense.
func (c *Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("workload: "+format, args...))
		}
	}
	check(c.Voters >= 1, "%d voters; there is at least one", c.Voters)
	check(c.Clients >= 1, "%d clients; there is at least one", c.Clients)
	check(c.Rate >= 0 && !math.IsInf(c.Rate, 0), "%g operations per second", c.Rate)
	check(c.Reads >= 0 && c.Reads <= 1, "a share of reads of %g", c.Reads)
	check(c.Keys >= 1, "%d keys; there is at least one", c.Keys)
	check(c.Skew >= 0 && !math.IsInf(c.Skew, 0), "a skew of %g", c.Skew)
	check(c.Timeout > 0, "a time-out of %d ns", c.Timeout)
	check(c.Attach != Observers || c.Observers > 0, "sessions attach to observers, and there is none")
	return errors.Join(errs...)
}

// sessions of a client: one for reads and one for writes. In one session a server
// answers in order, so that a read would wait for the writes before it.
const perClient = 2

// Sessions returns the greatest session number that is in use.
func (c *Config) Sessions() uint32 { return c.Others + perClient*uint32(c.Clients) }

// Limit returns the number that all keys are below.
func (c *Config) Limit() uint32 { return c.Others + 1 + uint32(c.Keys) }
