package results

// A Reads is one row of a reads file: how the reads of a trial fared that servers
// in one role answered.
type Reads struct {
	Scenario     string    `csv:"scenario" doc:"as in the trials file, like the columns up to seed"`
	Case         string    `csv:"case"`
	Mode         string    `csv:"mode"`
	System       string    `csv:"system"`
	Swept        []Setting `csv:"*" doc:"one column per swept key"`
	Trial        int       `csv:"trial"`
	Seed         uint64    `csv:"seed"`
	Role         string    `csv:"role" doc:"of the server when its answer came: follower, candidate (it looks for a leader), leader or observer; of a read that failed, of the server that was asked last"`
	ReadMode     string    `csv:"read_mode" doc:"workload.read_mode"`
	Reads        int       `csv:"reads" doc:"that were answered; the columns below are of these, but for refused and unanswered"`
	Refused      int       `csv:"refused" doc:"nobody served them: a system that refuses looks fresh"`
	Unanswered   int       `csv:"unanswered" doc:"the client gave them up"`
	P50          Number    `csv:"read_p50_ms" unit:"ms" doc:"median latency, as in the trials file"`
	P99          Number    `csv:"read_p99_ms" unit:"ms" doc:"99th percentile; empty below 1000 reads"`
	Stale        int       `csv:"stale" doc:"reads that were one version or more behind: it had been acknowledged to its client before the read began"`
	VersionsP99  Number    `csv:"k_p99" doc:"99th percentile of versions behind, to 1 %; empty below 1000 reads"`
	VersionsMost Number    `csv:"k_max" doc:"the most versions behind"`
	TimeP99      Number    `csv:"t_p99_ms" unit:"ms" doc:"99th percentile of the time behind, to 1 %: since when a version had been acknowledged that the read did not see, 0 where there is none; empty below 1000 reads"`
	TimeMost     Number    `csv:"t_max_ms" unit:"ms" doc:"the most time behind"`
	Backwards    int       `csv:"monotonic_violations" doc:"an earlier read of the same client and key, answered before this one began, saw a later version"`
	OwnMissed    int       `csv:"own_write_violations" doc:"a write of the same client to the key, acknowledged before this one began, had made a later version"`
	Clipped      int       `csv:"clipped" doc:"stale reads whose versions or time behind are too small, for what would tell is not remembered"`
	Visible      Number    `csv:"visible" doc:"simulated: acknowledged writes, each counted once a server in this role at the acknowledgement, that it applied by the end of the trial"`
	Invisible    Number    `csv:"invisible" doc:"and that it had not applied by then"`
	VisibleP50   Number    `csv:"visible_p50_ms" unit:"ms" doc:"median time from a write's acknowledgement to its application at such a server, 0 where that came first (Kaplan-Meier: those not applied count as long as they were watched); empty where it is not reached"`
	VisibleP99   Number    `csv:"visible_p99_ms" unit:"ms" doc:"99th percentile of the same"`
}

// A Window is one row of a windows file: what ended in one window of a trial.
type Window struct {
	Scenario string    `csv:"scenario" doc:"as in the trials file, like the columns up to seed"`
	Case     string    `csv:"case"`
	Mode     string    `csv:"mode"`
	System   string    `csv:"system"`
	Swept    []Setting `csv:"*" doc:"one column per swept key"`
	Trial    int       `csv:"trial"`
	Seed     uint64    `csv:"seed"`
	At       Number    `csv:"at_ms" unit:"ms" doc:"when the window begins, from the end of the warm-up on; each is as long as workload.window"`
	Reads    int       `csv:"reads" doc:"answered in it"`
	Writes   int       `csv:"writes" doc:"acknowledged in it"`
	Failed   int       `csv:"failed" doc:"operations that were refused or given up in it"`
	Faults   string    `csv:"faults" doc:"kinds of the faults that struck in it, and of those that mended them, with a blank between"`
}

// A Moment is one row of a timeline file: a server in one window of a trial.
type Moment struct {
	Scenario     string    `csv:"scenario" doc:"as in the trials file, like the columns up to seed"`
	Case         string    `csv:"case"`
	Mode         string    `csv:"mode"`
	System       string    `csv:"system"`
	Swept        []Setting `csv:"*" doc:"one column per swept key"`
	Trial        int       `csv:"trial"`
	Seed         uint64    `csv:"seed"`
	At           Number    `csv:"at_ms" unit:"ms" doc:"when the window begins, from the end of the warm-up on; each is as long as probe.timeline"`
	Server       int       `csv:"server"`
	Role         string    `csv:"role" doc:"what it takes itself for at the end of the window: follower, candidate (it looks for a leader) or leader; empty: it is down"`
	Leader       Number    `csv:"leader" doc:"under whom it serves then; empty: under nobody"`
	Epoch        Number    `csv:"epoch" doc:"its term, or epoch"`
	Acknowledged int       `csv:"acknowledged" doc:"of the probes that were submitted to it in the window, those that were acknowledged, whenever that was"`
	Refused      int       `csv:"refused" doc:"those that were refused"`
	Unknown      int       `csv:"unknown" doc:"those whose client was told that nobody knows"`
	Unanswered   int       `csv:"unanswered" doc:"those that were not answered by the end of the trial"`
	Faults       string    `csv:"faults" doc:"the faults that struck in it, and those that mended them, with their servers; a semicolon between"`
}

// A Visibility is one row of a histograms file: how many writes became visible at
// servers in a role within a range of times, over a batch of trials. Rows that differ
// in nothing but their counts add up.
type Visibility struct {
	Scenario  string    `csv:"scenario" doc:"as in the trials file, like the columns up to the swept keys"`
	Case      string    `csv:"case"`
	Mode      string    `csv:"mode"`
	System    string    `csv:"system"`
	Swept     []Setting `csv:"*" doc:"one column per swept key"`
	Seed      uint64    `csv:"seed"`
	Batch     int       `csv:"batch" doc:"of trials that follow each other, from 0; workload.visibility_batches says how many there are. They are what to draw from for intervals: measurements of one trial resemble each other"`
	Role      string    `csv:"role" doc:"of the servers: of read, when their answer came; of applied, when the write was acknowledged; only roles that answered reads"`
	Source    string    `csv:"source" doc:"read: each read is one look whether the newest version that had been acknowledged when it began is there; applied: each acknowledged write and server is one wait for its application (simulated raft, zab and etcd)"`
	From      Number    `csv:"from_ms" unit:"ms" doc:"from the acknowledgement to the read, or to the application, longer than this (to 1 %)"`
	To        Number    `csv:"to_ms" unit:"ms" doc:"and up to this; 0 where from_ms is: at once, or before"`
	Visible   int       `csv:"visible" doc:"read: reads that saw the version, or a later one; applied: writes that were applied so long after"`
	Invisible int       `csv:"invisible" doc:"read: reads that did not see it; applied: writes that were not applied so long after, when the trial ended (censored)"`
}

// NewReads returns a row of the trial that t reports, with nothing measured.
func NewReads(t *Trial) Reads {
	r := blank[Reads]()
	r.Scenario, r.Case, r.Mode, r.System, r.Swept, r.Trial, r.Seed = t.Scenario, t.Case, t.Mode, t.System, t.Swept, t.Trial, t.Seed
	return r
}

// NewVisibility returns a row of the trial that t reports, with nothing measured.
func NewVisibility(t *Trial) Visibility {
	r := blank[Visibility]()
	r.Scenario, r.Case, r.Mode, r.System, r.Swept, r.Seed = t.Scenario, t.Case, t.Mode, t.System, t.Swept, t.Seed
	return r
}

// NewWindow returns a row of the trial that t reports, with nothing measured.
func NewWindow(t *Trial) Window {
	r := blank[Window]()
	r.Scenario, r.Case, r.Mode, r.System, r.Swept, r.Trial, r.Seed = t.Scenario, t.Case, t.Mode, t.System, t.Swept, t.Trial, t.Seed
	return r
}

// NewMoment returns a row of the trial that t reports, with nothing measured.
func NewMoment(t *Trial) Moment {
	m := blank[Moment]()
	m.Scenario, m.Case, m.Mode, m.System, m.Swept, m.Trial, m.Seed = t.Scenario, t.Case, t.Mode, t.System, t.Swept, t.Trial, t.Seed
	return m
}
