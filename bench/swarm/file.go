package swarm

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/bench/network"
	"raftzab/bench/random"
	"raftzab/protocols"
	"raftzab/raft"
	"raftzab/zab"
)

// A document is a story as a file: TOML, in the words of the scenarios of
// package experiments, but with every fault and every request resolved.
type document struct {
	System string `toml:"system"`
	Seed   uint64 `toml:"seed"`
	Heal   length `toml:"heal,omitzero"`
	End    length `toml:"end"`

	Cluster struct {
		Voters    int `toml:"voters"`
		Observers int `toml:"observers,omitzero"`
		Images    int `toml:"images,omitzero"`
	} `toml:"cluster"`
	Network struct {
		Channel   network.Channel     `toml:"channel"`
		Delay     random.Distribution `toml:"delay"`
		Loss      float64             `toml:"loss"`
		Duplicate float64             `toml:"duplicate,omitzero"`
		Reorder   float64             `toml:"reorder,omitzero"`
		RTOMin    length              `toml:"rto_min"`
		RTOMax    length              `toml:"rto_max"`
	} `toml:"network"`
	Disk struct {
		Fsync random.Distribution `toml:"fsync"`
	} `toml:"disk"`
	Raft *raftSection `toml:"raft"`
	Zab  *zabSection  `toml:"zab"`

	Faults   []faultEntry   `toml:"fault"`
	Requests []requestEntry `toml:"request"`
}

type raftSection struct {
	ElectionTimeout  period    `toml:"election_timeout"`
	CandidateTimeout period    `toml:"candidate_timeout,omitempty"`
	Heartbeat        length    `toml:"heartbeat"`
	PreVote          bool      `toml:"prevote"`
	CheckQuorum      bool      `toml:"check_quorum"`
	ClockDrift       float64   `toml:"clock_drift"`
	CommitNotice     notice    `toml:"commit_notice"`
	Backtrack        backtrack `toml:"backtrack"`
	Window           int       `toml:"window"`
	MaxEntries       int       `toml:"max_entries"`
	ChunkSize        uint64    `toml:"chunk_size"`
	Trailing         uint64    `toml:"trailing"`
}

type zabSection struct {
	Tick            length  `toml:"tick"`
	InitLimit       int     `toml:"init_limit"`
	SyncLimit       int     `toml:"sync_limit"`
	FinalizeWait    length  `toml:"finalize_wait"`
	MinNotification length  `toml:"min_notification_interval"`
	MaxNotification length  `toml:"max_notification_interval"`
	ConnectRetry    length  `toml:"connect_retry"`
	ObserverDelay   length  `toml:"observer_delay"`
	CommittedLog    int     `toml:"committed_log"`
	Sync            syncing `toml:"sync"`
	LastCounter     uint64  `toml:"last_counter"`
}

type faultEntry struct {
	At        length              `toml:"at"`
	Kind      fault.Kind          `toml:"kind"`
	Nodes     []NodeID            `toml:"nodes,omitempty"`
	Groups    [][]NodeID          `toml:"groups,omitempty"`
	From      []NodeID            `toml:"from,omitempty"`
	To        []NodeID            `toml:"to,omitempty"`
	Delay     random.Distribution `toml:"delay,omitempty"`
	Loss      float64             `toml:"loss,omitzero"`
	Duplicate float64             `toml:"duplicate,omitzero"`
	Reorder   float64             `toml:"reorder,omitzero"`
	Fsync     random.Distribution `toml:"fsync,omitempty"`
	Fail      bool                `toml:"fail,omitempty"`
	Skew      length              `toml:"skew,omitzero"`
	Drift     float64             `toml:"drift,omitzero"`
	Back      bool                `toml:"back,omitempty"`
}

type requestEntry struct {
	At      length   `toml:"at"`
	Node    NodeID   `toml:"node"`
	Session uint32   `toml:"session"`
	Number  uint32   `toml:"number"`
	Op      op       `toml:"op"`
	Key     uint32   `toml:"key"`
	Value   uint64   `toml:"value,omitzero"`
	Mode    mode     `toml:"mode,omitzero"`
	Seen    position `toml:"seen,omitempty"`
}

// Encode writes a story as a file, under a comment.
func (s *Story) Encode(comment string) []byte {
	d := document{System: s.System, Seed: s.Seed, Heal: length(s.Heal), End: length(s.End)}
	d.Cluster.Voters, d.Cluster.Observers, d.Cluster.Images = s.Voters, s.Learners, s.Images
	d.Network.Channel, d.Network.Delay, d.Network.Loss = s.Air.Channel, s.Air.Delay, s.Air.Loss
	d.Network.Duplicate, d.Network.Reorder = s.Air.Duplicate, s.Air.Reorder
	d.Network.RTOMin, d.Network.RTOMax = length(s.Air.RTOMin), length(s.Air.RTOMax)
	d.Disk.Fsync = s.Air.Fsync
	switch s.System {
	case "raft":
		c := &s.Raft
		d.Raft = &raftSection{period(c.ElectionTimeout), period(c.CandidateTimeout), length(c.Heartbeat), c.PreVote, c.CheckQuorum, c.ClockDrift,
			notice(c.CommitNotice), backtrack(c.Backtrack), c.Window, c.MaxEntries, c.ChunkSize, c.Trailing}
	case "zab":
		c := &s.Zab
		d.Zab = &zabSection{length(c.Tick), c.InitLimit, c.SyncLimit, length(c.FinalizeWait), length(c.MinNotificationInterval), length(c.MaxNotificationInterval),
			length(c.ConnectRetry), length(c.ObserverElectionDelay), c.CommittedLog, syncing(c.Sync), c.LastCounter}
	}
	for _, x := range s.Faults {
		f := &x.Fault
		d.Faults = append(d.Faults, faultEntry{length(x.At), f.Kind, f.Nodes, f.Groups, f.From, f.To, f.Delay, f.Loss, f.Duplicate, f.Reorder,
			f.Fsync, f.Fail, length(f.Skew), f.Drift, f.Back})
	}
	for _, x := range s.Requests {
		r := &x.Request
		d.Requests = append(d.Requests, requestEntry{length(x.At), x.To, r.ID.Session, r.ID.Seq, op(r.Op), r.Key, r.Value, mode(r.Mode), position(r.Seen)})
	}
	var out bytes.Buffer
	for line := range strings.Lines(strings.TrimSuffix(comment, "\n")) {
		out.WriteString(strings.TrimRight("# "+line, " \n") + "\n")
	}
	e := toml.NewEncoder(&out)
	e.Indent = ""
	if err := e.Encode(&d); err != nil {
		panic(fmt.Sprintf("swarm: a story that cannot be written: %v", err))
	}
	return out.Bytes()
}

// IsStory reports whether a text is a story's: its first key is system, which no
// scenario has there.
func IsStory(text []byte) bool {
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			key, _, _ := strings.Cut(line, "=")
			return strings.TrimSpace(key) == "system"
		}
	}
	return false
}

// Decode reads what Encode writes. The error tells all that is wrong, each with
// file and line.
func Decode(file string, text []byte) (*Story, error) {
	var d document
	md, err := toml.Decode(string(text), &d)
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return nil, fmt.Errorf("%s:%d: %s: %s", file, syntax.Position.Line, syntax.LastKey, syntax.Message)
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	p := &problems{file: file, text: text}
	seen := map[string]int{}
	for _, key := range md.Undecoded() {
		name := key.String()
		p.add(p.line(key[:len(key)-1].String(), -1, key[len(key)-1], seen[name]), name, "unknown key")
		seen[name]++
	}
	s := d.story(p)
	if len(p.found) > 0 {
		return nil, errors.Join(p.found...)
	}
	return s, nil
}

// story is the document as a story; what is wrong with it goes to p.
func (d *document) story(p *problems) *Story {
	s := &Story{System: d.System, Seed: d.Seed, Voters: d.Cluster.Voters, Learners: d.Cluster.Observers, Images: d.Cluster.Images,
		Heal: Time(d.Heal), End: Time(d.End),
		Air: Air{d.Network.Channel, d.Network.Delay, d.Disk.Fsync, d.Network.Loss, d.Network.Duplicate, d.Network.Reorder,
			Time(d.Network.RTOMin), Time(d.Network.RTOMax)}}
	if !slices.Contains(Systems, d.System) {
		p.add(p.line("", -1, "system", 0), "system", "there is no %q; there are %v", d.System, Systems)
	}
	if s.Voters < 1 || s.Voters > mostNodes {
		p.add(p.line("cluster", -1, "voters", 0), "cluster.voters", "%d; write a number from 1 to %d", s.Voters, mostNodes)
	}
	if s.Learners < 0 || s.Voters+s.Learners > mostNodes {
		p.add(p.line("cluster", -1, "observers", 0), "cluster.observers", "%d; write a number from 0; there are %d nodes at most", s.Learners, mostNodes)
	}
	if s.Images < 0 {
		p.add(p.line("cluster", -1, "images", 0), "cluster.images", "%d; write how many entries are between two images, or 0", s.Images)
	}
	if s.End <= s.Heal || s.End > longest {
		p.add(p.line("", -1, "end", 0), "end", "%v; it must come after heal (%v), and within %v", d.End, d.Heal, length(longest))
	}
	for _, x := range []struct {
		name  string
		value float64
	}{{"loss", s.Air.Loss}, {"duplicate", s.Air.Duplicate}, {"reorder", s.Air.Reorder}} {
		if !(x.value >= 0 && x.value < 1) {
			p.add(p.line("network", -1, x.name, 0), "network."+x.name, "%g; write a number from 0, below 1", x.value)
		}
	}
	members := s.nodes()
	if len(p.found) > 0 {
		return nil // what follows rests on this
	}
	switch {
	case d.System == "raft" && d.Raft == nil || d.System == "zab" && d.Zab == nil:
		p.add(0, d.System, "is missing: a section of this name")
	case d.System == "raft":
		s.Raft = d.Raft.config()
		c := s.Raft
		c.ID, c.Voters, c.Learners = 1, members[:s.Voters], members[s.Voters:]
		p.each("raft", c.Validate())
	case d.System == "zab":
		s.Zab = d.Zab.config()
		c := s.Zab
		c.ID, c.Voters, c.Observers = 1, members[:s.Voters], members[s.Voters:]
		p.each("zab", c.Validate())
	}
	for i := range d.Faults {
		e := &d.Faults[i]
		s.Faults = append(s.Faults, Strike{Time(e.At), fault.Fault{Kind: e.Kind, Nodes: e.Nodes, Groups: e.Groups, From: e.From, To: e.To, Delay: e.Delay,
			Loss: e.Loss, Duplicate: e.Duplicate, Reorder: e.Reorder, Fsync: e.Fsync, Fail: e.Fail, Skew: Time(e.Skew), Drift: e.Drift, Back: e.Back}})
		if e.Kind >= fault.Kinds {
			p.add(p.line("fault", i, "kind", 0), "fault.kind", "%v is none that strikes; write what it drew", e.Kind)
		}
		for _, id := range slices.Concat(e.Nodes, e.From, e.To, slices.Concat(e.Groups...)) {
			p.node("fault", i, "kind", id, len(members))
		}
		if i > 0 && e.At < d.Faults[i-1].At {
			p.add(p.line("fault", i, "at", 0), "fault.at", "%v comes before the fault above it; put them in order", e.At)
		}
	}
	for i := range d.Requests {
		e := &d.Requests[i]
		s.Requests = append(s.Requests, Ask{Time(e.At), e.Node, bench.Request{Command: protocols.Command{
			ID: protocols.RequestID{Session: e.Session, Seq: e.Number}, Key: e.Key, Size: payload(uint8(e.Op)), Value: e.Value, Op: uint8(e.Op)},
			Mode: protocols.ReadMode(e.Mode), Seen: protocols.EntryID(e.Seen)}})
		p.node("request", i, "node", e.Node, len(members))
		if e.Session < 1 || e.Session > clientSessions {
			p.add(p.line("request", i, "session", 0), "request.session", "%d; write a number from 1 to %d", e.Session, clientSessions)
		}
		if e.Number < 1 || e.Number > mostRequests {
			p.add(p.line("request", i, "number", 0), "request.number", "%d; write a number from 1 to %d", e.Number, mostRequests)
		}
		if e.Op == 0 {
			p.add(p.line("request", i, "at", 0), "request.op", "is missing; write \"put\"")
		}
		if e.Key >= mostKeys {
			p.add(p.line("request", i, "key", 0), "request.key", "%d; write a number below %d", e.Key, mostKeys)
		}
		if i > 0 && e.At < d.Requests[i-1].At {
			p.add(p.line("request", i, "at", 0), "request.at", "%v comes before the request above it; put them in order", e.At)
		}
	}
	return s
}

// What a file may ask for: tables are as long as these.
const (
	mostNodes    = 31
	mostRequests = 1 << 20
	mostKeys     = 1 << 20
	longest      = 3600 * second
)

// payload is the size of what a request carries.
func payload(op uint8) uint32 {
	if op == kv.Put {
		return putSize
	}
	return 0
}

func (r *raftSection) config() raft.Config {
	return raft.Config{ElectionTimeout: raft.Timeout(r.ElectionTimeout), CandidateTimeout: raft.Timeout(r.CandidateTimeout), Heartbeat: Time(r.Heartbeat),
		PreVote: r.PreVote, CheckQuorum: r.CheckQuorum, ClockDrift: r.ClockDrift, CommitNotice: raft.CommitNotice(r.CommitNotice),
		Backtrack: raft.Backtrack(r.Backtrack), Window: r.Window, MaxEntries: r.MaxEntries, ChunkSize: r.ChunkSize, Trailing: r.Trailing}
}

func (z *zabSection) config() zab.Config {
	c := zab.Default()
	c.Tick, c.InitLimit, c.SyncLimit, c.FinalizeWait = Time(z.Tick), z.InitLimit, z.SyncLimit, Time(z.FinalizeWait)
	c.MinNotificationInterval, c.MaxNotificationInterval = Time(z.MinNotification), Time(z.MaxNotification)
	c.ConnectRetry, c.ObserverElectionDelay, c.CommittedLog = Time(z.ConnectRetry), Time(z.ObserverDelay), z.CommittedLog
	c.Sync, c.LastCounter = zab.SyncMode(z.Sync), z.LastCounter
	return c
}
