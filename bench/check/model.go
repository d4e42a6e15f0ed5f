package check

import (
	"sort"

	"raftzab/bench/kv"
	"raftzab/protocols"
)

// The model is what every state machine must be: the commands along the one
// order, applied one after the other, each write of a session once. It is kept as
// the history of each key, so that a state of any position can be asked for.

// A change is what an entry made of a key.
type change struct {
	place          int // order[place-1]
	value, version uint64
}

// apply carries out the first occurrence of a command in the order, and returns
// the version that it makes: 0 if it has no effect, since its session has gone
// on to a later write.
func (c *Invariants) apply(place int, x *protocols.Command) (version uint64) {
	s := &c.sessions[x.ID.Session]
	if x.Op != kv.Put || x.ID.Seq <= s.last {
		return 0
	}
	s.last = x.ID.Seq
	for int(x.Key) >= len(c.keys) {
		c.keys = append(c.keys, nil)
	}
	h := c.keys[x.Key]
	version = uint64(len(h)) + 1
	c.keys[x.Key] = append(h, change{place, x.Value, version})
	return version
}

// state returns what a key is after order[:k]. Answers come soon after what
// they tell, so it is looked for from the end.
func (c *Invariants) state(key uint32, k int) (value, version uint64) {
	if int(key) >= len(c.keys) {
		return 0, 0
	}
	h := c.keys[key]
	i := len(h)
	for n := 0; i > 0 && h[i-1].place > k; n++ {
		if n == 8 {
			i = sort.Search(i, func(i int) bool { return h[i].place > k })
			break
		}
		i--
	}
	if i == 0 {
		return 0, 0
	}
	return h[i-1].value, h[i-1].version
}
