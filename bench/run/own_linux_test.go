package run

import (
	"encoding/json"
	"testing"
)

// A process gets the timeout of its server, which may be its own.
func TestEachProcessIsToldItsTimeout(t *testing.T) {
	cell := liveCell("raft", 500*ms)
	cell.Loopback = true
	cell.Settings.Nodes = []Node{{ID: []NodeID{2}, Timeout: Range{300 * ms, 400 * ms}}}
	w := &processed{cell: cell}
	var err error
	if w.network, err = place(cell); err != nil {
		t.Fatal(err)
	}
	defer w.close()
	system, _ := Lookup("raft")
	cfg, err := nodes(system, cell, w)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range []Range{1: {500 * ms, 1000 * ms}, 2: {300 * ms, 400 * ms}, 3: {500 * ms, 1000 * ms}} {
		var p Process
		if id == 0 {
			continue
		}
		if err := json.Unmarshal([]byte(cfg.Program(NodeID(id), 1, t.TempDir()).Args[2]), &p); err != nil || p.Scenario.Raft.ElectionTimeout != want || p.ID != NodeID(id) {
			t.Errorf("server %d is told %v (%v), not %v", id, p.Scenario.Raft.ElectionTimeout, err, want)
		}
	}
}
