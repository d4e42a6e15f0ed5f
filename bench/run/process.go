package run

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"slices"

	"raftzab/bench/baseline/hashicorpnode"
	"raftzab/bench/live"
	"raftzab/bench/live/host"
	"raftzab/bench/random"
	"raftzab/protocols"
	"raftzab/raft"
	"raftzab/zab"
)

// A Process is one life of a node that is a process of its own, as the controller
// hands it over: `raftzab node` with this as JSON.
type Process struct {
	System   string
	Scenario Settings
	host.Settings
}

// Ports of a node, the same on every machine.
const (
	clientPort = 2181
	peerPort   = 2888
)

// Files that the controller leaves open for a node.
const (
	commands   = 3
	happenings = 4
)

// bootNodes boots a cell whose nodes are processes of this program.
func bootNodes(ctx context.Context, system *System, cell *Cell) (worker, error) {
	w := &processed{}
	err := w.boot(ctx, cell, system.Protocol, func() (servers, string, error) {
		if countable := electionKinds[system.Name]; countable != nil {
			w.inside, w.conductor.election.countable = true, countable
		}
		cfg, err := nodes(system, cell, w)
		if err != nil {
			return nil, "", err
		}
		e, err := live.Start(cfg)
		if err != nil {
			return nil, "", err
		}
		w.told = e.Observed
		return e, e.Dir(), nil
	})
	return w, err
}

// nodes describes the ensemble of a cell.
func nodes(system *System, cell *Cell, w *processed) (live.Config, error) {
	cfg := live.Default()
	program, err := os.Executable()
	if err != nil {
		return cfg, err
	}
	cfg.Network, cfg.Nodes, cfg.Absent, cfg.Port = w.network, cell.Settings.members(), cell.Settings.Cluster.Absent, clientPort
	cfg.Faults, cfg.Reads = slices.Concat(system.live, networked), reads(system.Name, Live)
	if w.inside {
		cfg.Sent = func(now Time, from, to NodeID, kind uint8, size int) {
			w.conductor.sent(from, to, kind, size)
			w.conductor.election.hinders(from, to, kind, w.servers)
		}
	}
	p := Process{System: system.Name, Scenario: cell.Settings}
	s := &p.Scenario
	s.Faults, s.Nodes, s.Links, s.Columns, s.Workload = nil, nil, nil, nil, Workload{} // not the node's concern
	p.Peers = map[NodeID]netip.AddrPort{}
	for id := NodeID(1); int(id) <= cfg.Nodes; id++ {
		p.Peers[id] = netip.AddrPortFrom(cfg.Network.Address(id), peerPort)
	}
	p.Images, p.Start = s.Cluster.SnapshotEntries, cfg.Clock.Start()
	cfg.Program = func(id NodeID, life uint64, dir string) *exec.Cmd {
		p := p
		p.ID, p.Dir, p.Scenario.Raft = id, dir, cell.Settings.own(id).Raft
		_, p.Seed = random.Key(cell.Seed, 0, random.Replica, uint64(id)<<32|life)
		p.Clients = netip.AddrPortFrom(cfg.Network.Address(id), clientPort)
		text, err := json.Marshal(&p)
		if err != nil {
			panic(fmt.Sprintf("run: a node's settings: %v", err)) // they were read from text
		}
		return exec.Command(program, "node", string(text))
	}
	return cfg, nil
}

// electionKinds tell the messages of elections from load, for systems whose nodes
// tell what they send.
var electionKinds = map[string]func(kind uint8) bool{"raft": raft.ElectionKind, "zab": zab.ElectionKind, "hashicorp": nil}

// Serve is the life of a node in a process that the controller has started, as
// text describes it.
func Serve(text string) error {
	var p Process
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return fmt.Errorf("what the node is to be: %w", err)
	}
	system, err := Lookup(p.System)
	if err != nil {
		return err
	}
	if system.serve == nil {
		return fmt.Errorf("%s has no nodes of this program", p.System)
	}
	return system.serve(&p)
}

// members are the servers with and without a vote.
func (p *Process) members() (voters, observers []NodeID) {
	for id := NodeID(1); int(id) <= p.Scenario.members(); id++ {
		if int(id) <= p.Scenario.Cluster.Voters {
			voters = append(voters, id)
		} else {
			observers = append(observers, id)
		}
	}
	return voters, observers
}

func serveRaft(p *Process) error {
	cfg := raftConfig(&p.Scenario)
	cfg.ID = p.ID
	cfg.Voters, cfg.Learners = p.members()
	return serve(p, func(r protocols.Recovered, rng *rand.Rand) protocols.Replica[raft.Message] {
		return raft.New(cfg, r, rng)
	}, raft.ParseMessage)
}

func serveZab(p *Process) error {
	cfg := zabConfig(&p.Scenario)
	cfg.ID = p.ID
	cfg.Voters, cfg.Observers = p.members()
	return serve(p, func(r protocols.Recovered, rng *rand.Rand) protocols.Replica[zab.Message] {
		return zab.New(cfg, r, rng)
	}, zab.ParseMessage)
}

func serve[M host.Message](p *Process, grow func(protocols.Recovered, *rand.Rand) protocols.Replica[M], parse func([]byte) (M, error)) error {
	return host.Serve(context.Background(), host.Config[M]{Settings: p.Settings, New: grow, Parse: parse,
		Commands: os.NewFile(commands, "commands"), Happenings: os.NewFile(happenings, "happenings"),
		Log: func(text string) { fmt.Fprintln(os.Stderr, text) }})
}

func serveHashicorp(p *Process) error {
	x := hashicorpnode.Default()
	x.Library = hashicorpConfig(&p.Scenario, 0).Settings
	x.ID, x.Peers, x.Clients, x.Dir, x.Start, x.Images = p.ID, p.Peers, p.Clients, p.Dir, p.Start, p.Images
	return hashicorpnode.Serve(context.Background(), hashicorpnode.Config{Settings: x, Log: os.Stderr,
		Commands: os.NewFile(commands, "commands"), Happenings: os.NewFile(happenings, "happenings")})
}
