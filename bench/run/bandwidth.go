package run

import (
	"fmt"
	"slices"

	"raftzab/protocols"
)

// bandwidth returns the bits per second of each direction that the switch of a live
// cell keeps to; nil: as fast as it goes. A client's link is as one between servers,
// unless [clients] says how it is.
func (x *Settings) bandwidth() func(from, to NodeID) float64 {
	if x.Network.Bandwidth == 0 && !slices.ContainsFunc(x.Links, func(l Link) bool { return l.Bandwidth != nil }) {
		return nil
	}
	return func(from, to NodeID) float64 {
		speed := x.Network.Bandwidth
		if from == protocols.None || to == protocols.None {
			if x.Clients.Delay != nil {
				return 0
			}
			return speed
		}
		for _, l := range x.Links { // the last has the last word, in all that it says and does not say
			if !slices.Contains(l.From, from) || !slices.Contains(l.To, to) {
				continue
			}
			if speed = x.Network.Bandwidth; l.Bandwidth != nil {
				speed = *l.Bandwidth
			}
		}
		return speed
	}
}

// unpaced lists the bandwidths of a cell whose network has none.
func unpaced(mode Mode, x *Settings) (lost []Unsupported) {
	if mode != Sim {
		return nil
	}
	lose := func(key string) {
		lost = append(lost, Unsupported{key, `simulated messages take no time on the line, whatever their size; take it out, or write mode = "live"`})
	}
	if x.Network.Bandwidth != 0 {
		lose("network.bandwidth")
	}
	for i := range x.Links {
		if x.Links[i].Bandwidth != nil {
			lose(fmt.Sprintf("link[%d].bandwidth", i))
		}
	}
	for i := range x.Faults {
		if x.Faults[i].Bandwidth != nil {
			lose(fmt.Sprintf("fault[%d].bandwidth", i))
		}
	}
	return lost
}
