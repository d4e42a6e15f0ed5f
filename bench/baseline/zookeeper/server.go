package zookeeper

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"raftzab/bench/live/lan"
	"raftzab/protocols"
)

// A server is one member, over all its lives.
type server struct {
	id      protocols.NodeID
	voter   bool
	address netip.Addr
	dir     string // its configuration and data
	cfg     string
	log     string // of all lives
	life    *life
	dark    bool // its machine is off
	stale   bool // it has been since the last Ready
}

// A life is one process. All but its reader belongs to the goroutine that runs
// the ensemble.
type life struct {
	server *server
	cmd    *exec.Cmd
	view   view
	killed bool // by us: nothing that it logs counts from here on
	paused bool
	over   chan struct{} // closed when it is reaped
}

// unborn is the life of a server that is not started yet: it is over.
func unborn(s *server) *life {
	l := &life{server: s, view: newView(s.id), killed: true, over: make(chan struct{})}
	close(l.over)
	return l
}

// serves reports whether the process can answer.
func (l *life) serves() bool { return l != nil && !l.killed && !l.paused }

// boot starts a life. Its log lines and its end come to the inbox.
func (s *server) boot(inst Installation, flags []string, network lan.Network, in *inbox) (*life, error) {
	args := append(flags[:len(flags):len(flags)],
		"-cp", inst.classPath(s.dir), "org.apache.zookeeper.server.quorum.QuorumPeerMain", s.cfg)
	l := &life{server: s, cmd: exec.Command(inst.Java, args...), view: newView(s.id), over: make(chan struct{})}
	l.cmd.Dir = s.dir
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("zookeeper: server %d: %w", s.id, err)
	}
	l.cmd.Stderr = l.cmd.Stdout
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("zookeeper: server %d: its log: %w", s.id, err)
	}
	if err := network.Start(s.id, l.cmd); err != nil {
		log.Close()
		return nil, fmt.Errorf("zookeeper: server %d: start %s: %w", s.id, inst.Java, err)
	}
	go l.read(out, log, in)
	return l, nil
}

func (l *life) read(out io.Reader, log *os.File, in *inbox) {
	// ReadString has no longest line, and ends only with the process.
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		if f, ok := parse(line); ok {
			in.put(happening{life: l, fact: f})
		}
		log.WriteString(line) // a copy for people; failing to keep it changes no result
		if err != nil {
			break
		}
	}
	l.cmd.Wait() // reaps; how it ended does not matter, that it ended does
	log.Close()
	close(l.over)
	in.put(happening{life: l, ended: true})
}

// kill is kill -9. Its connections are closed by the kernel, and the peers hear of
// it unless the machine is off.
func (l *life) kill() error {
	l.killed = true
	if l.cmd == nil { // it was never born
		return nil
	}
	if err := l.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("zookeeper: kill server %d: %w", l.server.id, err)
	}
	return nil
}

// tail returns the end of a server's log, for an error.
func (s *server) tail() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return "no log: " + err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

func folder(id int) string { return fmt.Sprintf("server%d", id) }

// newServers writes the configurations of an ensemble into dir.
func newServers(dir string, c Config, network lan.Network) (servers []*server, err error) {
	var all []netip.Addr
	for id := 1; id <= c.members(); id++ {
		all = append(all, network.Address(protocols.NodeID(id)))
	}
	for k, address := range all {
		name := folder(k + 1)
		s := &server{id: protocols.NodeID(k + 1), voter: k < c.Voters, address: address, dir: filepath.Join(dir, name), log: filepath.Join(dir, name+".log")}
		if _, err := os.Stat(s.dir); err == nil {
			return nil, fmt.Errorf("zookeeper: %s is there already: an ensemble starts with empty data folders", s.dir)
		}
		if s.cfg, err = c.write(s.dir, s.id, all); err != nil {
			return nil, fmt.Errorf("zookeeper: configuration of server %d: %w", s.id, err)
		}
		servers = append(servers, s)
	}
	return servers, nil
}
