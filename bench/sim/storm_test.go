package sim

import (
	"slices"
	"strings"
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/bench/network"
	"raftzab/bench/random"
)

// A storm is chance at its worst: a fault every few milliseconds, so that lives
// end while packets of the ones before are still on their way.
type storm struct {
	*stage
	deaths bool
	more   bool // clocks drift and jump, disks fail
	ended  int  // lives, by a disk
}

func (w *storm) wake(now Time) Time {
	rng := w.rng
	n := len(w.up) - 1
	id := NodeID(1 + rng.IntN(n))
	other := NodeID(1 + rng.IntN(n))
	for range rng.IntN(3) {
		op := kv.Put
		if rng.IntN(3) == 0 {
			op = kv.Get
		}
		session := uint32(1 + rng.IntN(3))
		if rng.IntN(6) == 0 {
			w.disconnect(session, other)
		}
		w.submit(session, other, op)
	}
	if w.more {
		w.worsen(id)
	}
	switch x := rng.IntN(16); {
	case x < 2 && w.deaths && w.up[id]:
		w.strike(fault.Crash, id)
	case x < 4 && w.deaths && w.up[id]:
		w.strike(fault.PowerOff, id)
	case x < 8 && !w.up[id]:
		w.strike(fault.Restart, id)
	case x == 8 && w.up[id] && !w.paused[id]:
		w.strike(fault.Pause, id)
	case x < 11 && w.paused[id]:
		w.strike(fault.Resume, id)
	case x == 11:
		w.inject(fault.Fault{Kind: fault.Cut, From: []NodeID{id}, To: []NodeID{other}})
	case x == 12:
		w.inject(fault.Fault{Kind: fault.Partition, Groups: [][]NodeID{{id, other}}})
	case x == 13:
		w.inject(fault.Fault{Kind: fault.Heal})
	case x == 14:
		w.inject(fault.Fault{Kind: fault.Link, From: []NodeID{id}, To: []NodeID{other}, Loss: 0.4, Duplicate: 0.3, Reorder: 0.3, Delay: random.Distribution{Shape: random.Uniform, B: Time(1 + rng.IntN(int(40*ms)))}})
	case x == 15:
		w.inject(fault.Fault{Kind: fault.Disk, Nodes: []NodeID{id}, Fsync: random.Distribution{Shape: random.Uniform, B: Time(1 + rng.IntN(int(30*ms)))}})
	}
	return now + 1 + Time(rng.IntN(int(8*ms)))
}

// worsen has clocks and disks go wrong too.
func (w *storm) worsen(id NodeID) {
	rng := w.rng
	switch rng.IntN(8) {
	case 0:
		w.inject(fault.Fault{Kind: fault.Clock, Nodes: []NodeID{id}, Drift: rng.Float64()*1.5 - 0.75})
	case 1:
		w.inject(fault.Fault{Kind: fault.Clock, Nodes: []NodeID{id}, Skew: Time(rng.IntN(int(300 * ms)))})
	case 2:
		w.inject(fault.Fault{Kind: fault.Clock, Nodes: []NodeID{id}, Back: true})
	case 3:
		w.inject(fault.Fault{Kind: fault.Disk, Nodes: []NodeID{id}, Fail: true})
	}
	w.notice()
}

// notice tells the ledger whom a disk has ended.
func (w *storm) notice() {
	for id := range w.up[1:] {
		id := NodeID(id + 1)
		if h := w.c.hosts[id]; w.up[id] && !h.up {
			w.step++
			w.up[id] = false
			w.ended++
		}
	}
}

// peace mends everything and has every node speak to every other, twice, since
// the first word may go into a dead stream.
func (w *storm) peace() {
	w.talk, w.onWake = false, nil
	w.notice()
	w.inject(fault.Fault{Kind: fault.Heal})
	for id := range w.up[1:] {
		id := NodeID(id + 1)
		w.inject(fault.Fault{Kind: fault.Disk, Nodes: []NodeID{id}, Back: true})
		w.inject(fault.Fault{Kind: fault.Clock, Nodes: []NodeID{id}, Back: true})
		if !w.up[id] {
			w.strike(fault.Restart, id)
		}
		if w.paused[id] {
			w.strike(fault.Resume, id)
		}
	}
	for range 2 {
		w.run(w.c.Now() + 10_000*ms)
		w.roll = w.c.Now() + ms
	}
	w.run(w.c.Now() + 10_000*ms)
}

func brew(t testing.TB, seed uint64, deaths, more bool, edit func(*Config[note])) *storm {
	w := &storm{stage: newStage(t, 4, seed, edit), deaths: deaths, more: more}
	w.rng = random.Stream(seed, 0, random.Swarm, 0)
	if w.talk, w.onWake = true, w.wake; more {
		w.slack = 1
	}
	if w.c.cfg.Message > 0 {
		w.slack = 1000 * ms // what a core is late by has no bound
	}
	w.run(1000 * ms)
	w.peace()
	return w
}

// Every promise of the driver, with everything going wrong at once.
func TestDriverKeepsItsPromisesInAnyStorm(t *testing.T) {
	for name, c := range map[string]struct {
		seeds uint64
		more  bool
		edit  func(*Config[note])
	}{
		"streams":                     {200, false, nil},
		"streams, clocks and disks":   {60, true, nil},
		"datagrams":                   {40, false, unruly},
		"datagrams, clocks and disks": {60, true, unruly},
		"busy cores":                  {40, true, busy},
		"busy cores, datagrams": {40, true, func(c *Config[note]) {
			unruly(c)
			busy(c)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var kept [3]int
			var lives, lost, grouped, sent, ended, doubled, overtaken int
			for seed := uint64(1); seed <= c.seeds && !t.Failed(); seed++ {
				w := brew(t, seed, true, c.more, c.edit)
				lost += w.settled()
				sent += len(w.sent)
				grouped += w.grouped
				ended += w.ended
				doubled += w.doubled
				overtaken += w.overtaken
				for id := range w.lives {
					lives += len(w.lives[id])
				}
				for i := range kept {
					kept[i] += w.kept[i]
				}
				if t.Failed() {
					t.Logf("seed %d", seed)
				}
			}
			t.Logf("%d lives, %d of them ended by a disk, %d messages, %d of them lost, %d doubled, %d behind a later one; writes left by the dead: none %d, some %d, all %d; %d group commits",
				lives, ended, sent, lost, doubled, overtaken, kept[0], kept[1], kept[2], grouped)
			if lost == 0 || grouped == 0 || slices.Min(kept[:]) == 0 || (ended == 0) == c.more || (doubled == 0 || overtaken == 0) == strings.Contains(name, "datagrams") {
				t.Error("the storms were too weak to show anything")
			}
		})
	}
}

// unruly makes a network of datagrams that come late, twice, or never.
func unruly(c *Config[note]) {
	c.Network.Channel = network.Datagram
	c.Network.Default = network.Quality{Delay: random.Distribution{Shape: random.Uniform, B: 20 * ms}, Loss: 0.1, Duplicate: 0.2, Reorder: 0.2}
}

// busy makes cores so slow that much waits for them.
func busy(c *Config[note]) { c.Message = ms }

// Where nobody dies, nothing is lost and no stream breaks, however long a cut,
// a pause or a row of losses.
func TestNothingIsLostWhereNobodyDies(t *testing.T) {
	for seed := uint64(1); seed <= 60 && !t.Failed(); seed++ {
		edit := func(*Config[note]) {}
		if seed > 50 {
			edit = busy
		}
		w := brew(t, seed, false, false, edit)
		if lost := w.settled(); lost > 0 {
			t.Errorf("seed %d: %d of %d messages are lost", seed, lost, len(w.sent))
		}
		for id := 1; id < len(w.lives); id++ {
			if r := w.lives[id][0]; slices.Max(r.tag) > 0 {
				t.Errorf("seed %d: node %d lost streams: %v", seed, id, r.tag)
			}
		}
	}
}
