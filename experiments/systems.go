package experiments

import (
	"slices"
	"strings"

	"raftzab/bench/run"
)

// lookupSystem returns the system of a name; nil if there is none.
func lookupSystem(name string) *run.System {
	for _, s := range run.Systems {
		if s.Name == name {
			return s
		}
	}
	return nil
}

func systemNames() (names []string) {
	for _, s := range run.Systems {
		names = append(names, s.Name)
	}
	return names
}

// simulated are keys of [network] that say nothing about a real one.
var simulated = []string{"network.channel", "network.rto_min", "network.rto_max"}

// governs reports whether a key says anything about a system where it runs. The
// sections of a protocol and of a product do for their own; the network does not
// on the loopback interface, nor do the simulated disk and processor in life.
func governs(path string, s *run.System, e *entry) bool {
	section, _, _ := strings.Cut(path, ".")
	section, _, _ = strings.Cut(section, "[")
	if run.Mode(e.Mode) == run.Conversation {
		return false // it says itself what happens
	}
	live := run.Mode(e.Mode) == run.Live
	switch section {
	case "raft":
		return s.Protocol == section && (path != "raft.commit_notice" || s.Product == "")
	case "zab":
		return s.Protocol == section
	case "etcd", "hashicorp", "zookeeper":
		return s.Product == section
	case "network", "link", "clients":
		return !(live && (e.Loopback || slices.Contains(simulated, path)))
	case "disk", "cpu":
		return !live
	}
	return true
}
