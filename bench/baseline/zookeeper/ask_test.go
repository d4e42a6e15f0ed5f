package zookeeper

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"raftzab/bench/live/lan"
	"raftzab/protocols"
)

// A wire is a network with one server in it, which can be reached from inside its
// machine only.
type wire struct {
	lan.Network
	server net.Conn
}

func (w *wire) Dial(protocols.NodeID, int, time.Duration) (net.Conn, error) {
	return nil, errors.New("over the faulty network")
}

func (w *wire) Inside(id protocols.NodeID, port int, _ time.Duration) (c net.Conn, err error) {
	if id != 2 || port != 2181 {
		return nil, errors.New("nobody listens")
	}
	c, w.server = net.Pipe()
	go func() {
		var word [4]byte
		if _, err := io.ReadFull(w.server, word[:]); err == nil {
			io.WriteString(w.server, "said "+string(word[:])) // net.Pipe has no buffer: it is read when this returns
		}
		w.server.Close()
	}()
	return c, nil
}

func TestServersAreAskedFromInsideTheirMachines(t *testing.T) {
	e := &Ensemble{network: &wire{}}
	if said, err := e.Ask(2, "srvr"); said != "said srvr" || err != nil {
		t.Errorf("server 2 says %q, %v", said, err)
	}
	if said, err := e.Ask(1, "srvr"); said != "" || err == nil {
		t.Errorf("a server that is not there says %q, %v", said, err)
	}
}
