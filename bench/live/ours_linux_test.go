package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/live/host"
	"raftzab/bench/live/lan"
	"raftzab/protocols"
	"raftzab/raft"
	"raftzab/zab"
)

// hostKey makes the test binary a node of Raft or Zab in the runtime of live nodes.
const hostKey = "RAFTZAB_LIVE_TEST_HOST"

type ours struct {
	host.Settings
	Protocol string
}

func (o *ours) serve() error {
	var voters []protocols.NodeID
	for id := range len(o.Peers) {
		voters = append(voters, protocols.NodeID(id+1))
	}
	commands, happenings := os.NewFile(3, "commands"), os.NewFile(4, "happenings")
	if o.Protocol == "raft" {
		return host.Serve(context.Background(), host.Config[raft.Message]{Settings: o.Settings, Parse: raft.ParseMessage, Commands: commands, Happenings: happenings,
			New: func(r protocols.Recovered, rng *rand.Rand) protocols.Replica[raft.Message] {
				cfg := raft.Default()
				cfg.ID, cfg.Voters = o.ID, voters
				cfg.ElectionTimeout, cfg.Heartbeat = raft.Timeout{Min: 300 * ms, Max: 600 * ms}, 100*ms
				return raft.New(cfg, r, rng)
			}})
	}
	return host.Serve(context.Background(), host.Config[zab.Message]{Settings: o.Settings, Parse: zab.ParseMessage, Commands: commands, Happenings: happenings,
		New: func(r protocols.Recovered, rng *rand.Rand) protocols.Replica[zab.Message] {
			cfg := zab.Default()
			cfg.ID, cfg.Voters = o.ID, voters
			cfg.Tick, cfg.InitLimit, cfg.SyncLimit = 100*ms, 20, 5
			cfg.FinalizeWait, cfg.MaxNotificationInterval = 50*ms, 500*ms
			return zab.New(cfg, r, rng)
		}})
}

func playHost(text string) {
	var o ours
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		err = o.serve()
	}
	fmt.Fprintln(os.Stderr, err)
	if errors.Is(err, host.ErrDisk) {
		os.Exit(ExitDisk)
	}
	os.Exit(1)
}

// A prober is a client pinned to each node, who writes every few milliseconds
// whatever becomes of it.
type prober struct {
	*client
	seq    uint32
	active []protocols.NodeID // who became an active leader
}

func newProber(t *testing.T, e *Ensemble) *prober {
	p := &prober{client: newClient(t, e)}
	p.listen = protocols.Events(protocols.RoleChanged, protocols.Elected, protocols.Activated)
	p.do = func(now protocols.Time) protocols.Time {
		p.seq++
		for id := range protocols.NodeID(e.cfg.Nodes) {
			e.Submit(id+1, put(uint32(id)+1, p.seq, uint32(id), uint64(p.seq)))
		}
		return now + 3*ms
	}
	p.watch = func(now protocols.Time, node protocols.NodeID, ev protocols.Event) {
		if ev.Kind == protocols.Activated {
			p.active = append(p.active, node)
		}
		if s, ok := e.Status(node); ev.Kind == protocols.Activated && (!ok || s.Role != protocols.Leader || !s.Active) {
			t.Errorf("node %d is active and says %+v, %v", node, s, ok)
		}
	}
	return p
}

// more runs until writes have gone through again.
func (p *prober) more() {
	p.t.Helper()
	before := p.oks
	p.until("writes go through", func() bool { return p.oks >= before+10 })
}

// Our own nodes, with everything that a process of theirs can have.
func TestOurNodesReplaceTheirLeader(t *testing.T) {
	for _, protocol := range []string{"raft", "zab"} {
		t.Run(protocol, func(t *testing.T) {
			network, err := lan.Loopback(3)
			if err != nil {
				t.Fatal(err)
			}
			defer network.Close()
			peers := map[protocols.NodeID]netip.AddrPort{}
			for id := protocols.NodeID(1); id <= 3; id++ {
				peers[id] = netip.AddrPortFrom(network.Address(id), 2888)
			}
			e := stageOn(t, network, 3, func(c *Config) {
				c.Program = func(id protocols.NodeID, life uint64, dir string) *exec.Cmd {
					text, _ := json.Marshal(ours{host.Settings{ID: id, Peers: peers, Clients: netip.AddrPortFrom(network.Address(id), uint16(c.Port)),
						Dir: dir, Start: c.Clock.Start()}, protocol})
					cmd := exec.Command("/proc/self/exe")
					cmd.Env = append(os.Environ(), hostKey+"="+string(text))
					return cmd
				}
			}, nil)
			mustReady(t, e)
			leader := func() protocols.NodeID {
				for id := protocols.NodeID(1); id <= 3; id++ {
					if s, ok := e.Status(id); ok && s.Role == protocols.Leader && s.Active {
						return id
					}
				}
				return protocols.None
			}
			p := newProber(t, e)
			p.more()
			strikes := []fault.Kind{fault.Crash, fault.Disk}
			for i, k := range strikes {
				old := leader()
				f := of(k, old)
				f.Fail = k == fault.Disk
				did := false
				write := p.do
				p.do = func(now protocols.Time) protocols.Time {
					if !did {
						did = true
						if err := e.Inject(f); err != nil {
							t.Error(err)
						}
					}
					return write(now)
				}
				p.until(fmt.Sprintf("a leader after %v of node %d", k, old), func() bool { return len(p.active) == i+1 })
				p.do = write
				if winner := p.active[i]; winner == old || leader() != winner {
					t.Errorf("%v of node %d: node %d is active, node %d leads", k, old, winner, leader())
				}
				p.more()
				newClient(t, e).inject(of(fault.Restart, old))
				if err := e.Ready(patient); err != nil {
					t.Fatal(err)
				}
				if _, ok := e.Status(old); !ok {
					t.Errorf("node %d is not back", old)
				}
			}
			p.more()
			t.Log(p.seq, "writes to each node,", p.oks, "went through;", e.Observed()[1])
		})
	}
}
