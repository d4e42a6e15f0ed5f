package zookeeper

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"raftzab/protocols"
)

// The heap is small and compiled code simple, so that five servers fit beside
// the clients on two cores; a server needs 70 MB and a second to start.
var jvmFlags = []string{"-Xms32m", "-Xmx128m", "-Xss256k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
	"-XX:-UsePerfData", "-Xshare:auto", "-Dzookeeper.jmx.log4j.disable=true"}

// A server is one member, over all its lives.
type server struct {
	id    protocols.NodeID
	dir   string // its configuration and data
	cfg   string
	log   string // of all lives
	ports ports
	life  *life
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

// serves reports whether the process can answer.
func (l *life) serves() bool { return l != nil && !l.killed && !l.paused }

// boot starts a life. Its log lines and its end come to the inbox.
func (s *server) boot(inst Installation, in *inbox) (*life, error) {
	args := append(append([]string(nil), jvmFlags...),
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
	if err := spawn(l.cmd); err != nil {
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

// kill is kill -9. Its connections are closed by the kernel.
func (l *life) kill() error {
	l.killed = true
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
func newServers(dir string, c Config) ([]*server, error) {
	all, err := freePorts(c.Voters)
	if err != nil {
		return nil, err
	}
	var servers []*server
	for k, p := range all {
		name := folder(k + 1)
		s := &server{id: protocols.NodeID(k + 1), dir: filepath.Join(dir, name), log: filepath.Join(dir, name+".log"), ports: p}
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

// freePorts finds three ports a server that nobody uses on the loopback
// interface. They are below those that the kernel hands out: a client that
// keeps dialling a dead server would otherwise, sooner or later, be given the
// server's own port to dial from, connect to itself, and keep the server from
// coming back.
func freePorts(servers int) ([]ports, error) {
	const low, high = 10_000, 32_000 // Linux hands out from 32768 on
	var free []int
	for range 100 * servers {
		if len(free) == 3*servers {
			break
		}
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", low+rand.IntN(high-low)))
		if err != nil {
			continue // taken
		}
		defer l.Close() // only at the end, so that no port comes twice
		free = append(free, l.Addr().(*net.TCPAddr).Port)
	}
	if len(free) < 3*servers {
		return nil, fmt.Errorf("zookeeper: no %d free ports between %d and %d on the loopback interface", 3*servers, low, high)
	}
	all := make([]ports, servers)
	for k := range all {
		all[k] = ports{client: free[3*k], quorum: free[3*k+1], election: free[3*k+2]}
	}
	return all, nil
}
