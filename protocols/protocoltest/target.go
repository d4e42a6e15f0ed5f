package protocoltest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"raftzab/protocols"
)

// nodes resolves a list of targets; named are those that @rest leaves out.
func (c *conversation[M]) nodes(text string, named []nodeID) (ids []nodeID, err error) {
	w := c.world
	for _, target := range strings.Split(text, ",") {
		leader := w.leader()
		var found []nodeID
		switch {
		case target == "@leader":
			if leader != protocols.None {
				found = append(found, leader)
			}
		case strings.HasPrefix(target, "@follower") || strings.HasPrefix(target, "@observer"):
			k, err := strconv.Atoi(target[len("@follower"):])
			if err != nil {
				return nil, fmt.Errorf("%q; write for instance @follower1 or @observer1", target)
			}
			for _, h := range w.hosts[1:] {
				if h.up && h.id != leader && w.observer(h.id) == strings.HasPrefix(target, "@observer") {
					if k--; k == 0 {
						found = append(found, h.id)
					}
				}
			}
		case target == "@down" || target == "@rest" || target == "*":
			for _, h := range w.hosts[1:] {
				if target == "*" || target == "@down" && !h.up || target == "@rest" && !slices.Contains(named, h.id) && !slices.Contains(ids, h.id) {
					found = append(found, h.id)
				}
			}
		default:
			id, err := strconv.Atoi(target)
			if err != nil || id < 1 || id >= len(w.hosts) {
				return nil, fmt.Errorf("%q is no node", target)
			}
			found = append(found, nodeID(id))
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("there is no %s", target)
		}
		ids = append(ids, found...)
	}
	return ids, nil
}
