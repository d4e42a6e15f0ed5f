package hashicorpnode

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/hashicorp/raft"

	"raftzab/bench/live/wire"
)

// A node is one life of a server.
type node struct {
	cfg     *Config
	tell    *teller
	disk    *disk
	trans   *raft.NetworkTransport
	raft    *raft.Raft
	clients *port
}

// lookAgain is how often the status is told where no event brings it: an entry
// that reaches a follower's log changes it, and is none.
const lookAgain = 10 * time.Millisecond

// patience is how long the library may take to shut down: an RPC into silence would
// hold it up for RPCTimeout, and a process that just ends does no harm.
const patience = time.Second

// Serve runs a server until ctx is done, and then returns nil, or until something
// goes wrong. It is meant to be all that a process does: the library's telemetry,
// by which it sees some events, is one for all, and what waits in the library for
// an answer when it is shut down may wait for ever.
func Serve(ctx context.Context, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	n := &node{cfg: &cfg, tell: newTeller(cfg.Start)}
	err := n.start()
	if err == nil {
		err = n.run(ctx)
	}
	if err != nil && err != ErrParent {
		n.tell.say(wire.TypeFailed, err.Error())
	}
	_ = n.tell.flush(cfg.Happenings) // err says more
	n.stop()
	return err
}

// start boots.
func (n *node) start() (err error) {
	cfg, log := n.cfg, n.cfg.logger()
	if n.disk, err = openDisk(&cfg.Settings, n.tell, log); err != nil {
		return err
	}
	if err := n.disk.format(cfg.members()); err != nil {
		return err
	}
	if n.tell.last, err = n.disk.files.vote(); err != nil {
		return fmt.Errorf("hashicorpnode: recover the vote: %w", err)
	}
	n.tell.at = n.disk.at
	if err := listenTo(n.tell); err != nil {
		return fmt.Errorf("hashicorpnode: telemetry: %w", err)
	}
	self := cfg.Peers[cfg.ID]
	n.trans, err = raft.NewTCPTransportWithLogger(self.String(), net.TCPAddrFromAddrPort(self), pooled, time.Duration(cfg.Library.RPCTimeout), log.Named("transport"))
	if err != nil {
		return fmt.Errorf("hashicorpnode: listen for peers on %v: %w", self, err)
	}
	m := &machine{t: n.tell}
	if n.raft, err = raft.NewRaft(cfg.library(log), m, n.disk.logs, n.disk.files, n.disk.snaps, n.trans); err != nil {
		return fmt.Errorf("hashicorpnode: boot: %w", err)
	}
	n.tell.tell(func() { n.tell.watch.Raft = n.raft })
	n.raft.RegisterObserver(raft.NewObserver(nil, false, n.tell.observe))
	n.clients, err = listen(&cfg.Settings, n.raft, m, n.tell.watch.Leader)
	return err
}

// run waits for the end. Whatever ends first ends all.
func (n *node) run(ctx context.Context) error {
	n.tell.say(wire.TypeReady, "")
	ended := make(chan error, 2)
	go func() { ended <- n.obey(n.cfg.Commands) }()
	go func() { ended <- n.clients.accept() }()
	look := time.NewTicker(lookAgain)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return err
		case <-look.C:
			n.tell.tell(func() {})
		case <-n.tell.more:
			if err := n.tell.flush(n.cfg.Happenings); err != nil {
				return err
			}
		}
	}
}

// stop ends what start began, as far as it came.
func (n *node) stop() {
	if n.clients != nil {
		n.clients.close()
	}
	if n.trans != nil {
		n.trans.Close()
	}
	if n.raft != nil {
		down := make(chan error, 1)
		go func() { down <- n.raft.Shutdown().Error() }()
		select {
		case <-down: // always nil
		case <-time.After(patience): // it still writes
			return
		}
	}
	if n.disk != nil {
		n.disk.close()
	}
}
